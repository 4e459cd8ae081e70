"""Notices when many more forms come than usual, tells the owner, and says for a while that a wave is on.

While it is on, forms whose browser runs JavaScript are asked for a proof of work, so that past the limits of a
form or of the site (rate_limits) readers go on getting their letters, and only the rest is held.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, func, select

from leadapi import letters, outbox, rate_limits
from leadapi.tables import comments, submissions

LOOK_SECONDS = 15.0
"""How often it is looked for a wave: the owner hears within a minute."""

LASTS = timedelta(minutes=10)
BURST, LEAST = 10, 20
"""A wave is so many times the usual number in a minute, and at least so many."""

USUAL_DAYS = 7

_IN_LAST = {
    table.name: select(func.count())
    .select_from(table)
    .where(table.c.created_at > bindparam("since"), table.c.created_at <= bindparam("until"))
    for table in (submissions, comments)
}


@dataclass(frozen=True, slots=True)
class Look:
    """When to look, and whom to tell."""

    now: datetime
    owner: str
    sender: letters.Sender


def look(connection: Connection, value: Look) -> bool:
    """Whether there is a wave now; then it is on, and the owner is told, once for each hour of it."""
    now, counted = value.now, {}
    minute, week = now - timedelta(minutes=1), now - timedelta(days=USUAL_DAYS)
    for name, count in _IN_LAST.items():
        last = connection.execute(count, {"since": minute, "until": now}).scalar_one()
        if last < LEAST:
            continue
        before = connection.execute(count, {"since": week, "until": minute}).scalar_one()
        usual = before / (USUAL_DAYS * 24 * 60)
        if last >= BURST * usual:
            counted[name] = last
    if not counted:
        return False
    rate_limits.mark(connection, rate_limits.WAVE, now)
    number = f"{now:%Y%m%d%H}"
    letter = letters.wave(value.sender, value.owner, counted, number)
    outbox.enqueue(connection, outbox.Row("letter", letter.payload(), f"wave:{number}", now))
    return True


def on(connection: Connection, now: datetime) -> bool:
    """Whether forms should bring a proof of work: a wave was seen lately, or a limit is half used up."""
    return rate_limits.marked_since(connection, rate_limits.WAVE, now - LASTS) or rate_limits.half_used(
        connection, (rate_limits.LEADS_BY_FORM, rate_limits.LEADS_BY_SITE), now
    )
