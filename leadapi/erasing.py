"""Erasing a person: every row that holds what they typed, and every letter that shows it, in one transaction.

What stays names nobody: the event lead.erased with the lead's id, for systems that were told of the lead; the
empty rows of comments, since answers may stand below them; and, where the person asked for it, a keyed hash on the
suppression list. Whoever comes back after that is new here, their submission ids included.

A letter names a person by its address_hash where it goes to them, and by its text where it goes to the owner. One
that was sent holds no text any more, so only those that wait or were given up are read.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, get_args

from sqlalchemy import BindParameter, Connection, Text, bindparam, cast, delete, func, or_, select

from leadapi import comments, events, suppressions
from leadapi.address_hashes import address_hash
from leadapi.store import leave_no_trace
from leadapi.tables import confirmations, consents, downloads, leads, outbox, submissions
from leadapi.tables import events as events_table

AT_ONCE = 100
"""Addresses and ids that one statement looks for in the letters."""

_COMMENT_EVENTS = [kind for kind in get_args(events.Kind) if kind.startswith("comment.")]
_LEAD = select(leads.c.id).where(leads.c.address_key == bindparam("key")).with_for_update()
_IDS: BindParameter[Any] = bindparam("ids", expanding=True)
_OF_LEADS = [
    delete(table).where(table.c.lead_id.in_(_IDS))
    for table in (confirmations, consents, downloads, events_table, submissions)
]
_LEADS = delete(leads).where(leads.c.id.in_(_IDS))
_OF_COMMENTS = delete(events_table).where(
    events_table.c.kind.in_(_COMMENT_EVENTS), events_table.c.subject.in_(_IDS)
)
_TO_ADDRESS = delete(outbox).where(outbox.c.address_hash == bindparam("hash"))
_BY_IDS = delete(outbox).where(outbox.c.id.in_(_IDS))


@dataclass(frozen=True, slots=True)
class Erase:
    """The owner of the address (its key, typed_text.address_key) wants to be forgotten; `now` is aware UTC."""

    key: str
    hash_key: str = field(repr=False)
    now: datetime


def erase(connection: Connection, value: Erase) -> bool:
    """Erase all about the address; False when there was nothing. Again is as good as once.

    The address is not written to unasked afterwards: its hash is put on the suppression list.
    """
    hashed = address_hash(value.key, value.hash_key)
    ids = connection.execute(_LEAD, {"key": value.key}).scalars().all()
    erase_leads(connection, [(lead, value.key) for lead in ids], value.now)
    written = comments.erase(connection, (value.key, value.now))
    for some in _portions(written):
        connection.execute(_OF_COMMENTS, {"ids": some})
    _drop_letters(connection, [] if ids else [value.key], written)
    sent = connection.execute(_TO_ADDRESS, {"hash": hashed}).rowcount
    suppressions.suppress(connection, (hashed, "erased", value.now))
    leave_no_trace(connection)
    return bool(ids or written or sent)


def erase_leads(connection: Connection, who: Sequence[tuple[str, str]], now: datetime) -> None:
    """Erase the leads (id, address key) with all that belongs to them; their comments stay."""
    for some in _portions([lead for lead, _ in who]):
        for statement in (*_OF_LEADS, _LEADS):
            connection.execute(statement, {"ids": some})
    erased = [events.Event("lead.erased", lead, None, {"lead": lead}, now, key) for lead, key in who]
    events.publish_many(connection, erased)
    _drop_letters(connection, [key for _, key in who], [lead for lead, _ in who])
    leave_no_trace(connection)


def _drop_letters(connection: Connection, keys: Sequence[str], ids: Sequence[str]) -> None:
    """Delete what waits or was given up and names one of the addresses, or what has one of the ids."""
    text = func.lower(cast(outbox.c.payload, Text) + func.coalesce(outbox.c.last_error, ""))
    for some in _portions([*keys, *ids]):
        named = select(outbox.c.id, outbox.c.payload, outbox.c.last_error).where(
            outbox.c.done_at.is_(None),
            or_(*(text.contains(mark, autoescape=True) for mark in some)),
        )
        naming = re.compile(
            "|".join(rf"(?<![.{_ATEXT}]){re.escape(mark)}(?![a-z0-9-]|\.[a-z0-9])" for mark in some)
        )
        texts = ((row.id, _all_text([row.payload, row.last_error])) for row in connection.execute(named))
        found = [letter for letter, said in texts if naming.search(said.lower())]
        for part in _portions(found):
            connection.execute(_BY_IDS, {"ids": part})
    for some in _portions([f"comment:{comment}" for comment in ids]):
        connection.execute(delete(outbox).where(outbox.c.dedupe_key.in_(some)))


_ATEXT = r"a-z0-9!#$%&'*+/=?^_`{|}~-"
"""What a local part is made of (RFC 5322, 3.2.3): bob@example.com is not named where jim.bob@example.com is."""


def _all_text(payload: Any) -> str:
    """The texts in it, one a line."""
    if isinstance(payload, dict):
        return "\n".join(map(_all_text, payload.values()))
    return "\n".join(map(_all_text, payload)) if isinstance(payload, list) else str(payload)


def _portions(values: Iterable[str]) -> list[list[str]]:
    every = list(values)
    return [every[start : start + AT_ONCE] for start in range(0, len(every), AT_ONCE)]
