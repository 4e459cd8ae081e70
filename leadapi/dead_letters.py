"""The letters that nobody will get: given up after all tries, or refused for good."""

from sqlalchemy import Connection, func, select

from leadapi.tables import outbox

_DEAD = select(func.count(), func.min(outbox.c.dead_at)).where(
    outbox.c.kind == "letter", outbox.c.dead_at.is_not(None)
)


def told(connection: Connection, _: None = None) -> str:
    """How many there are and since when, in one sentence; nothing where there are none."""
    count, first = connection.execute(_DEAD).one()
    if not count:
        return ""
    letters = f"{count:,} letters" if count > 1 else "1 letter"
    return f"{letters} could not be delivered since {first.strftime('%B %-d, %Y, %H:%M UTC')}."
