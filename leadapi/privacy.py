"""What is stored about an address, for its owner alone: a mailed link shows all of it.

Anybody may ask for any address, and learns nothing: the answer is the same, and so is the number of letters that
an address gets in an hour (visitor_letters). Only what the letter holds differs, and that only its owner reads.
The link names the address and not a row, so it works for who has a lead, who has only commented, and who has been
erased since.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, Table, bindparam, exists, or_, select

from leadapi import letters, rate_limits, visitor_letters
from leadapi.address_hashes import address_hash
from leadapi.tables import (
    comments,
    confirmations,
    consents,
    downloads,
    events,
    leads,
    new_id,
    outbox,
    submissions,
    suppressions,
)
from leadapi.typed_text import address_key

TOPIC = "privacy"

Stored = dict[str, Any]
"""Everything about one address as JSON can hold it: times are ISO 8601, UTC; see `stored`."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Somebody typed `address` and wants to be told what is stored about it; `now` is aware UTC.

    `language` is that of the form, None where it does not say.
    """

    address: str
    network: str
    sender: letters.Sender
    language: str | None
    now: datetime


def ask(connection: Connection, value: Asked) -> None:
    """Mail the link to the address, or that nothing is stored; the caller cannot tell which.

    The letter is in the form's language, else in the newest submission's, else in the site's; its link names it.
    Raises TooOften when one network asks too often.
    """
    rate_limits.take(connection, rate_limits.PRIVACY_LINKS_BY_NETWORK, value.network, value.now)
    key = address_key(value.address)
    lead = connection.execute(_LEAD, {"key": key}).one_or_none()
    to = lead.email if lead else value.address
    number = new_id(value.now)
    asked_in = connection.scalar(_NEWEST_LANGUAGE, {"lead": lead.id}) if lead else None
    language = value.language or asked_in or value.sender.language
    named = {"key": key, "hash": address_hash(key, value.sender.hash_key)}
    if lead or connection.scalar(_ELSEWHERE, named):
        link = value.sender.link("privacy", {"address": key} | value.sender.naming(language))
        letter = letters.privacy(value.sender, to, link, number, language)
    else:
        letter = letters.nothing_stored(value.sender, to, number, language)
    wanted = visitor_letters.VisitorLetter(
        letter,
        value.sender.hash_key,
        topic=TOPIC,
        confirmed=lead is not None and lead.status == "confirmed",
        dedupe_key=f"privacy:{number}",
        now=value.now,
        until=value.now + letters.LINK_AGE,
    )
    visitor_letters.send_many(connection, [wanted])


_HIDDEN = ("lead_id", "address_key", "address_hash")
"""Columns that tie rows together and say nothing else."""


def _rows_of(table: Table) -> Select[Any]:
    told = [column for column in table.c if column.name not in _HIDDEN]
    order = table.c.created_at, *table.primary_key
    return select(*told).where(table.c.lead_id == bindparam("lead")).order_by(*order)


_LEAD = select(leads).where(leads.c.address_key == bindparam("key"))
_NEWEST_LANGUAGE = (
    select(submissions.c.language)
    .where(submissions.c.lead_id == bindparam("lead"))
    .order_by(submissions.c.created_at.desc(), submissions.c.id.desc())
    .limit(1)
)
_ELSEWHERE = select(
    or_(
        exists().where(comments.c.address_key == bindparam("key")),
        exists().where(suppressions.c.address_hash == bindparam("hash")),
    )
)
"""Whether an address that is no lead's is known all the same. Asking costs the same, however much is stored."""

_OF_LEAD = {table.name: _rows_of(table) for table in (submissions, consents, confirmations, downloads, events)}
_COMMENTS = (
    select(*(column for column in comments.c if column.name not in _HIDDEN))
    .where(comments.c.address_key == bindparam("key"))
    .order_by(comments.c.created_at, comments.c.id)
)
_LETTERS = (
    select(
        outbox.c.topic,
        outbox.c.payload,
        *(outbox.c[name] for name in ("created_at", "planned_at", "done_at", "dead_at")),
    )
    .where(outbox.c.address_hash == bindparam("hash"))
    .order_by(outbox.c.created_at, outbox.c.id)
)
_SUPPRESSIONS = (
    select(suppressions.c.reason, suppressions.c.created_at)
    .where(suppressions.c.address_hash == bindparam("hash"))
    .order_by(suppressions.c.created_at, suppressions.c.reason)
)


def stored(connection: Connection, value: tuple[str, str]) -> Stored:
    """Everything about (address key, address hash): the rows as they are, and each letter without its links."""
    key, hashed = value
    lead = connection.execute(_LEAD, {"key": key}).mappings().one_or_none()
    of_lead = {
        name: [_plain(row) for row in connection.execute(query, {"lead": lead["id"]}).mappings()] if lead else []
        for name, query in _OF_LEAD.items()
    }
    return {
        "address": key,
        "lead": _plain({name: told for name, told in lead.items() if name not in _HIDDEN}) if lead else None,
        **of_lead,
        "comments": [_plain(row) for row in connection.execute(_COMMENTS, {"key": key}).mappings()],
        "letters": [_letter(row) for row in connection.execute(_LETTERS, {"hash": hashed}).mappings()],
        "suppressions": [_plain(row) for row in connection.execute(_SUPPRESSIONS, {"hash": hashed}).mappings()],
    }


def _letter(row: Mapping[Any, Any]) -> Stored:
    state = "sent" if row["done_at"] else "given up" if row["dead_at"] else "waiting"
    told = {"about": row["topic"], "state": state, "subject": row["payload"].get("subject")}
    return told | _plain({name: row[name] for name in ("created_at", "planned_at", "done_at", "dead_at")})


def _plain(row: Mapping[Any, Any]) -> Stored:
    return {name: told.isoformat() if isinstance(told, datetime) else told for name, told in row.items()}
