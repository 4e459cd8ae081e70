"""Submissions: who asked for which whitepaper, from where, having agreed to what.

One person is one lead, found by the key of the address (typed_text.address_key). Each press of the button is
a submission with what was typed that time; a later one never changes an earlier one, since anybody can type
anybody's address. Consent is a ledger: rows are added, never changed, each with the exact text and version.

Nothing here tells whether an address was known. The answer is the same for all, and what differs is in the
letter, which only the owner of the address reads: a confirmed address is sent the download at once, any other
a page with a button. A held submission is kept for the owner's eyes, and nobody is written to.

`record_submission` is hot: it takes a whole batch and costs the same few statements for one value as for many.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from operator import itemgetter
from typing import Any, Literal

from sqlalchemy import Connection, bindparam, insert, select

from leadapi import events, lead_events, lead_notices, owner_notices, rate_limits, visitor_letters
from leadapi.errors import TooOften
from leadapi.rate_limits import LEADS_BY_FORM, LEADS_BY_SITE
from leadapi.submission_rows import Submission, consent_row, lead_row, submission_row
from leadapi.tables import add_new, consents, insert_new, leads, submissions
from leadapi.typed_text import address_key
from leadapi.whitepaper_letters import letter_for

REPEAT_WINDOW = timedelta(minutes=10)
"""Without a submission id, the same address, whitepaper and post within this time are one submission."""

LIMITS = (LEADS_BY_FORM, LEADS_BY_SITE)
"""Past these a submission is stored and held, not refused."""

Outcome = Literal["recorded", "repeated", "conflict"]
"""Stored; nothing changed since it was stored before; the id was used for something else."""

_Place = tuple[str, str, str | None, bool]
_Who = tuple[str, bool]
"""A lead, and whether its person or a robot in its name: neither's answers are the other's. What is held for its
number alone is a person's."""
_Stored = Mapping[Any, Any]


_BY_KEY = (
    select(leads.c.id, leads.c.address_key, leads.c.email, leads.c.status)
    .where(leads.c.address_key.in_(bindparam("keys", expanding=True)))
    .order_by(leads.c.address_key)
    .with_for_update(key_share=True)  # PostgreSQL: two servers take one person's submissions one after the other
)
_EARLIER = select(
    submissions.c.id,
    submissions.c.submission_id,
    submissions.c.fingerprint,
    submissions.c.lead_id,
    submissions.c.whitepaper,
    submissions.c.post,
    submissions.c.held,
    submissions.c.held_reason,
    submissions.c.created_at,
)
_BY_SUBMISSION_ID = _EARLIER.where(submissions.c.submission_id.in_(bindparam("ids", expanding=True)))
_RECENT = _EARLIER.where(
    submissions.c.lead_id.in_(bindparam("leads", expanding=True)),
    submissions.c.created_at > bindparam("since"),
).order_by(submissions.c.created_at)
_SAID = (
    select(
        consents.c.lead_id,
        submissions.c.held,
        submissions.c.held_reason,
        consents.c.given,
        consents.c.created_at,
    )
    .join(submissions, submissions.c.id == consents.c.submission_id)
    .where(consents.c.lead_id.in_(bindparam("leads", expanding=True)))
    .order_by(consents.c.created_at)
)
_ADD_LEADS, _ADD_SUBMISSIONS = insert_new(leads), insert_new(submissions)
_ADD_CONSENTS = insert(consents)


def record_submission(connection: Connection, values: Sequence[Submission]) -> list[Outcome | TooOften]:
    """Store each submission once, with its lead, its consent and its letter; answers in the same order.

    A repeat with another tick is a new answer in the ledger, and no more. TooOften is the answer to those whose
    network is past its limit.
    """
    limit, now = rate_limits.LEADS_BY_NETWORK, values[0].now
    granted = rate_limits.take_all(connection, limit, Counter(value.network for value in values), now)
    room = rate_limits.Room(
        connection, LIMITS, [(form_of(v), "") for v in values if not v.held and not v.proven], now
    )
    known = _leads_of(connection, values)
    by_id, recent = _earlier(connection, values, known)
    said = _said(connection, values, recent)
    outcomes: list[Outcome | TooOften] = []
    new_leads: list[_Stored] = []
    fresh: list[tuple[Submission, dict[str, Any]]] = []
    ledger: list[dict[str, Any]] = []
    for value in values:
        lead = known.get(address_key(value.address)) or lead_row(value)
        row = submission_row(value, lead["id"])
        earlier = by_id.get(value.submission_id) if value.submission_id else recent.get(_place(row))
        if earlier and not value.submission_id and value.now - earlier["created_at"] >= REPEAT_WINDOW:
            earlier = None
        before = said.get(_who(row))
        if earlier and value.submission_id:
            outcomes.append("repeated" if earlier["fingerprint"] == row["fingerprint"] else "conflict")
        elif earlier and (value.consent is None or (before and before["given"] == value.marketing_consent)):
            outcomes.append("repeated")
        elif not granted[value.network]:
            outcomes.append(rate_limits.too_often(limit, now))
        else:
            granted[value.network] -= 1
            if lead["address_key"] not in known:
                known[lead["address_key"]] = lead
                new_leads.append(lead)
            if not earlier:
                if not value.held and not value.proven and not room.takes((form_of(value), "")):
                    row |= {"held": True, "held_reason": "wave"}
                by_id[row["submission_id"]] = recent[_place(row)] = row
                fresh.append((value, row))
            if value.consent is not None:
                ledger.append(consent_row(value, value.consent, earlier or row, before))
                said[_who(row)] = ledger[-1]
            outcomes.append("repeated" if earlier else "recorded")
    add_new(connection, _ADD_LEADS, sorted(new_leads, key=itemgetter("address_key")))
    add_new(connection, _ADD_SUBMISSIONS, sorted((row for _, row in fresh), key=itemgetter("submission_id")))
    if ledger:
        connection.execute(_ADD_CONSENTS, ledger)
    good = [(value, row, known[address_key(value.address)]) for value, row in fresh if not row["held"]]
    visitor_letters.send_many(
        connection,
        [
            letter_for(value.sender, lead, row | {"ticked": value.ticked}, value.title, row["id"], value.now)
            for value, row, lead in good
        ],
    )
    new = events.publish_many(connection, [lead_events.created(lead, row, value.now) for value, row, lead in good])
    first = {lead["id"]: (value, row) for value, row, lead in reversed(good)}
    owner_notices.tell_many(
        connection,
        [
            lead_notices.notice(value.owner, value.sender, row, value.title, value.now)
            for lead, (value, row) in first.items()
            if value.owner and value.owner.mode != "off" and ("lead.created", lead) in new
        ],
    )
    rate_limits.give_back(connection, limit, granted, now)
    room.give_back()
    return outcomes


def form_of(value: Submission) -> str:
    """What names a form among all: its whitepaper and the post that it stands in."""
    return f"{value.whitepaper} {value.post or ''}"[: rate_limits.LONGEST_SUBJECT]


def _leads_of(connection: Connection, values: Sequence[Submission]) -> dict[str, _Stored]:
    """The leads that there are, by key; on PostgreSQL locked until the commit, in the order of the keys."""
    keys = sorted({address_key(value.address) for value in values})
    return {row["address_key"]: row for row in connection.execute(_BY_KEY, {"keys": keys}).mappings()}


def _earlier(
    connection: Connection, values: Sequence[Submission], known: Mapping[str, _Stored]
) -> tuple[dict[str, _Stored], dict[_Place, _Stored]]:
    """What was stored before under the same ids, and lately for the same address, whitepaper and post."""
    by_id = connection.execute(
        _BY_SUBMISSION_ID, {"ids": [value.submission_id for value in values if value.submission_id]}
    ).mappings()
    recent = connection.execute(
        _RECENT,
        {
            "leads": [lead["id"] for lead in known.values()],
            "since": min(value.now for value in values) - REPEAT_WINDOW,
        },
    ).mappings()
    return {row["submission_id"]: row for row in by_id}, {_place(row): row for row in recent}


def _said(
    connection: Connection, values: Sequence[Submission], recent: Mapping[_Place, _Stored]
) -> dict[_Who, _Stored]:
    """The last answers in the ledger of those who may be repeating themselves."""
    if not recent or all(value.submission_id for value in values):
        return {}
    said = connection.execute(_SAID, {"leads": sorted({row["lead_id"] for row in recent.values()})}).mappings()
    return {_who(row): row for row in said}


def _who(row: _Stored) -> _Who:
    return row["lead_id"], _by_robot(row)


def _by_robot(row: _Stored) -> bool:
    return bool(row["held"]) and row["held_reason"] != "wave"


def _place(row: _Stored) -> _Place:
    return row["lead_id"], row["whitepaper"], row["post"], _by_robot(row)
