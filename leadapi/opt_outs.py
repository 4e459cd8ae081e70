"""Whoever wants no letters says so by a link in one of them, and may take it back at the same place.

The link names nobody: it carries the keyed hash of an address, and what is not wanted: letters that nobody asked
for (marketing), or any letter at all (everything), for those in whose name somebody else fills in our form. What
was said is a row of the consent ledger too, where the address is a lead's.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Connection, bindparam, func, insert, select

from leadapi import suppressions
from leadapi.address_hashes import address_hash
from leadapi.tables import consents, leads, new_id

Purpose = Literal["marketing", "everything"]

REASONS: dict[Purpose, suppressions.Reason] = {"marketing": "unsubscribed", "everything": "refused"}
VERSION = "unsubscribe-1"

_BY_HASH = select(leads.c.id).where(leads.c.address_hash == bindparam("hash"))
_WITHOUT_HASH = select(leads.c.id, leads.c.address_key).where(leads.c.address_hash.is_(None))
_SAID_HERE = (
    select(consents.c.channel)
    .where(consents.c.lead_id == bindparam("lead"), consents.c.channel.in_(("unsubscribe", "resubscribe")))
    .order_by(consents.c.created_at.desc())
    .limit(1)
)
_LAST = select(func.max(consents.c.created_at)).where(consents.c.lead_id == bindparam("lead"))


@dataclass(frozen=True, slots=True)
class Wish:
    """What was pressed on the page: `stop` or take it back, in the words that stood there; `lead` where known."""

    address_hash: str
    purpose: Purpose
    stop: bool
    words: str
    language: str
    lead: str | None
    now: datetime


def stopped(connection: Connection, value: tuple[str, Purpose, datetime]) -> bool:
    """Whether the address is on the list for this already."""
    hashed, purpose, now = value
    return REASONS[purpose] in suppressions.reasons(connection, {hashed}, now).get(hashed, ())


def lead_of(connection: Connection, value: tuple[str, str]) -> str | None:
    """The lead whose address has this hash under this key; those of earlier versions are stored without theirs."""
    hashed, key = value
    if found := connection.scalar(_BY_HASH, {"hash": hashed}):
        return str(found)
    with connection.execution_options(yield_per=1_000).execute(_WITHOUT_HASH) as addresses:
        return next((lead for lead, address in addresses if address_hash(address, key) == hashed), None)


def carry_out(connection: Connection, wish: Wish) -> None:
    """Put the address on the list, or take it off, and note it in the ledger; again is as good as once."""
    reason = REASONS[wish.purpose]
    if wish.stop:
        suppressions.suppress(connection, (wish.address_hash, reason, wish.now))
    else:
        suppressions.lift(connection, (wish.address_hash, reason))
    channel = "unsubscribe" if wish.stop else "resubscribe"
    if wish.lead is None:
        return
    of_lead = {"lead": wish.lead}
    said = connection.scalar(_SAID_HERE, of_lead)
    if said == channel or (said is None and not wish.stop):
        return
    last = connection.scalar(_LAST, of_lead)
    row = {
        "id": new_id(wish.now),
        "lead_id": wish.lead,
        "submission_id": None,
        "channel": channel,
        "purpose": "marketing",
        "text": wish.words,
        "version": VERSION,
        "language": wish.language,
        "given": not wish.stop,
        "page": None,
        "created_at": max(wish.now, last + timedelta(microseconds=1)) if last else wish.now,
    }
    connection.execute(insert(consents), [row])
