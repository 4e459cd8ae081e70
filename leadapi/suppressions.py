"""Who is not to be written to, kept as keyed hashes: the list must outlive the erasing of what it came from.

A reason says how much it stops. Whoever unsubscribed or was erased is sent nothing unasked, and is still answered
when they ask for something. Whoever refused our letters or complained of them is sent nothing at all, since
anybody can ask in their name; so is, for a while, an address that bounced: mailboxes are mended.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Connection, bindparam, delete, select

from leadapi.tables import insert_new, suppressions

Reason = Literal["unsubscribed", "erased", "refused", "complained", "bounced"]

STOPS_ANSWERS: Collection[Reason] = ("refused", "complained", "bounced")
"""These stop even the answer to a form."""

BOUNCE_LASTS = timedelta(days=30)

_ADD = insert_new(suppressions)
_LIFT = delete(suppressions).where(
    suppressions.c.address_hash == bindparam("address_hash"), suppressions.c.reason == bindparam("reason")
)
_DROP_OLDER = delete(suppressions).where(
    suppressions.c.address_hash == bindparam("of"),
    suppressions.c.reason == bindparam("why"),
    suppressions.c.created_at < bindparam("since"),
)
_AGREED_AGAIN = delete(suppressions).where(
    suppressions.c.address_hash == bindparam("address_hash"),
    suppressions.c.reason.in_(("unsubscribed", "erased")),
    suppressions.c.created_at < bindparam("at"),
)
_FIND = select(suppressions.c.address_hash, suppressions.c.reason, suppressions.c.created_at).where(
    suppressions.c.address_hash.in_(bindparam("hashes", expanding=True))
)
_FORGET = delete(suppressions).where(
    suppressions.c.reason == "bounced", suppressions.c.created_at <= bindparam("before")
)


def suppress(connection: Connection, value: tuple[str, Reason, datetime]) -> bool:
    """Put (address hash, reason, since) on the list; True when that is news.

    Of bounces the newest counts, of the rest the first.
    """
    address_hash, reason, since = value
    row = {"address_hash": address_hash, "reason": reason, "created_at": since}
    if reason == "bounced":
        connection.execute(_DROP_OLDER, {"of": address_hash, "why": reason, "since": since})
    return connection.execute(_ADD[connection.dialect.name], row).rowcount > 0


def lift(connection: Connection, value: tuple[str, Reason]) -> None:
    """Take (address hash, reason) off the list; again is as good."""
    connection.execute(_LIFT, {"address_hash": value[0], "reason": value[1]})


def agreed_again(connection: Connection, address_hash: str, at: datetime) -> None:
    """Somebody proved a yes that they gave at this moment: what they said or had erased before stops nothing."""
    connection.execute(_AGREED_AGAIN, {"address_hash": address_hash, "at": at})


def reasons(connection: Connection, hashes: Collection[str], now: datetime) -> Mapping[str, set[Reason]]:
    """By hash, why an address is on the list; those that are not are left out."""
    found: dict[str, set[Reason]] = {}
    if hashes:
        for address_hash, reason, since in connection.execute(_FIND, {"hashes": sorted(set(hashes))}):
            if reason != "bounced" or now - since < BOUNCE_LASTS:
                found.setdefault(address_hash, set()).add(reason)
    return found


def stops(why: Collection[Reason], *, asked: bool) -> bool:
    """Whether a letter to such an address is not to be sent; `asked`: it answers what was just asked for."""
    return any(reason in STOPS_ANSWERS for reason in why) if asked else bool(why)


def forget_old(connection: Connection, now: datetime) -> None:
    """Drop the bounces that count no more."""
    connection.execute(_FORGET, {"before": now - BOUNCE_LASTS})
