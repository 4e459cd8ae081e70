"""What nobody comes back to is forgotten by itself, after months that the owner has chosen.

A lead is active when it is made, sends a form, presses a button, fetches a paper, or answers about consent. One
that has not been for so long is erased like one that asked for it, but for the suppression list: nobody said that
they want no mail, and without the lead there is nobody to send it to. Hashes that stand there stay.

Comments are part of the page and stay. Of those that are as old, what could lead to their author goes: the e-mail
address, and the fingerprint, which is one of it.
"""

from calendar import monthrange
from datetime import datetime

from sqlalchemy import Connection, Exists, Table, bindparam, exists, or_, select, update

from leadapi import erasing
from leadapi.store import leave_no_trace
from leadapi.tables import comments, confirmations, consents, downloads, leads, submissions

AT_ONCE = 100
"""Leads and comments in one transaction: a visitor's form waits no longer for it than for a few others."""


def _since(table: Table) -> Exists:
    return exists().where(table.c.lead_id == leads.c.id, table.c.created_at >= bindparam("before"))


_INACTIVE = (
    select(leads.c.id, leads.c.address_key)
    .where(
        leads.c.created_at < bindparam("before"),
        or_(leads.c.confirmed_at.is_(None), leads.c.confirmed_at < bindparam("before")),
        *(~_since(table) for table in (submissions, confirmations, downloads, consents)),
    )
    .order_by(leads.c.id)
)
_LOCKED = _INACTIVE.limit(AT_ONCE).with_for_update(skip_locked=True)
_STILL_INACTIVE = _INACTIVE.where(leads.c.id.in_(bindparam("ids", expanding=True)))
_OLD_COMMENTS = (
    select(comments.c.id)
    .where(comments.c.created_at < bindparam("before"), comments.c.email != "")
    .order_by(comments.c.id)
    .limit(AT_ONCE)
)
_UNSIGN = (
    update(comments)
    .where(comments.c.id.in_(bindparam("ids", expanding=True)))
    .values(email="", address_key="", fingerprint="")
)


def forget_inactive(connection: Connection, value: tuple[datetime, int]) -> int:
    """Erase up to AT_ONCE leads that were inactive for (now, months), and as many comments' addresses.

    Answers how many; to be called again until there are none. With 0 months nobody is forgotten. SQLite's file is
    cleaned each time, since a power cut may have come between an erasing and that.
    """
    now, months = value
    leave_no_trace(connection)
    if months == 0:
        return 0
    before = months_before(now, months)
    locked = [row.id for row in connection.execute(_LOCKED, {"before": before})]
    # On PostgreSQL a form may have come between the look and the lock; after it none can.
    still = connection.execute(_STILL_INACTIVE, {"before": before, "ids": locked})
    who = [(lead, key) for lead, key in still]
    erasing.erase_leads(connection, who, now)
    old = connection.execute(_OLD_COMMENTS, {"before": before}).scalars().all()
    if old:
        connection.execute(_UNSIGN, {"ids": old})
    return len(who) + len(old)


def months_before(moment: datetime, months: int) -> datetime:
    """The same day and time so many months earlier; the month's last day where it has no such day."""
    years, month = divmod(moment.year * 12 + moment.month - 1 - months, 12)
    return moment.replace(year=years, month=month + 1, day=min(moment.day, monthrange(years, month + 1)[1]))
