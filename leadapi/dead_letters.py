"""The letters and events that nobody will get, given up or refused for good, until the owner sends them again.

What is shown names nobody: what it was, when and why; the addresses stay in the rows. Events count for as long as
somebody listens (webhook_endpoints): a disabled endpoint first has to be enabled.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Connection, and_, bindparam, func, or_, select, update

from leadapi import suppressions
from leadapi.tables import events, outbox, webhook_endpoints

_LISTENS = webhook_endpoints.c.id == outbox.c.queue
_EVENT = outbox.c.kind == "webhook"
_DEAD = (
    outbox.c.dead_at.is_not(None),
    or_(
        outbox.c.kind.in_(("letter", "digest")),
        and_(_EVENT, select(1).where(_LISTENS, webhook_endpoints.c.disabled_at.is_(None)).exists()),
    ),
)
_HOW_MANY = select(func.count().filter(~_EVENT), func.count().filter(_EVENT), func.min(outbox.c.dead_at)).where(
    *_DEAD
)
_NEWEST = (
    select(
        outbox.c.id,
        outbox.c.kind,
        outbox.c.dead_at,
        outbox.c.payload,
        outbox.c.last_error,
        select(events.c.kind)
        .where(events.c.id == outbox.c.payload["event"].as_string())
        .scalar_subquery()
        .label("event"),
        select(webhook_endpoints.c.url).where(_LISTENS).scalar_subquery().label("receiver"),
    )
    .where(*_DEAD)
    .order_by(outbox.c.dead_at.desc(), outbox.c.id)
)
_SENDABLE = select(outbox.c.id, outbox.c.kind, outbox.c.address_hash, outbox.c.payload).where(*_DEAD)
_REVIVE = (
    update(outbox)
    .where(outbox.c.id == bindparam("row"))
    .values(dead_at=None, attempts=0, last_error=None, run_at=bindparam("now"), created_at=bindparam("now"))
)


@dataclass(frozen=True, slots=True)
class SendAgain:
    """The owner's wish: one letter or event by its id, or all."""

    now: datetime
    letter: str | None = None


def counted(letters: int, events: int) -> str:
    """How many of both, in words: "2 letters and 1 event"."""
    both = ((letters, "letter"), (events, "event"))
    return " and ".join(f"{count:,} {name}{'s' if count > 1 else ''}" for count, name in both if count)


def told(connection: Connection, _: None = None) -> str:
    """How many there are and since when, in one sentence; nothing where there are none."""
    letters, events, first = connection.execute(_HOW_MANY).one()
    if first is None:
        return ""
    since = first.strftime("%B %-d, %Y, %H:%M UTC")
    return f"{counted(letters, events)} could not be delivered since {since}."


def newest(connection: Connection, most: int | None = None) -> list[dict[str, Any]]:
    """Each as id, dead_at, kind (confirmation, download, lead.created …), receiver (the host that was to
    be told of an event) and why, the newest first."""
    return [
        {
            "id": row.id,
            "dead_at": row.dead_at,
            "kind": _kind(row),
            "receiver": urlsplit(row.receiver or "").hostname or "",
            "why": row.last_error or "",
        }
        for row in connection.execute(_NEWEST.limit(most))
    ]


def send_again(connection: Connection, value: SendAgain) -> tuple[int, int]:
    """They wait as if they were new, for 72 hours more, and an address that bounced is trusted once more.

    Answers how many (letters, events). What was erased meanwhile cannot be sent; whoever refused our letters is
    still sent none.
    """
    wanted = _SENDABLE.where(outbox.c.id == value.letter) if value.letter else _SENDABLE
    rows = [row for row in connection.execute(wanted) if row.payload]
    for hashed in sorted({row.address_hash for row in rows if row.address_hash}):
        suppressions.lift(connection, (hashed, "bounced"))
    if rows:
        connection.execute(_REVIVE, [{"row": row.id, "now": value.now} for row in rows])
    letters = sum(row.kind != "webhook" for row in rows)
    return letters, len(rows) - letters


def _kind(row: Any) -> str:
    """What a letter's Message-ID begins with; of the rest, what it is."""
    if row.kind != "letter":
        return str(row.event or row.kind)
    message_id: str = row.payload.get("message_id", "")
    return message_id.lstrip("<").partition(".")[0].replace("_", " ") or "erased"
