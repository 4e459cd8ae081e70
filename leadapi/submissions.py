"""Submissions: who asked for which whitepaper, from where, having agreed to what.

One person is one lead, found by the key of the address (typed_text.address_key). Each press of the button is
a submission with what was typed that time; a later one never changes an earlier one, since anybody can type
anybody's address. Consent is a ledger: rows are added, never changed, each with the exact text and version.

Nothing here tells whether an address was known. The answer is the same for all, and what differs is in the
letter, which only the owner of the address reads: a confirmed address is sent the download at once, any other
a page with a button.

`record_submission` is hot: it takes a whole batch and costs the same few statements for one value as for many.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Connection, bindparam, insert, select

from leadapi import letters, outbox, rate_limits
from leadapi.attribution import UTM_FIELDS, Source
from leadapi.tables import consents, insert_new, leads, new_id, submissions
from leadapi.typed_text import address_key

REPEAT_WINDOW = timedelta(minutes=10)
"""Without a submission id, the same address, whitepaper and post within this time are one submission."""

CONSENT_VERSION = "en-1"
CONSENT_TEXTS = {
    "en-1": "Yes, Progress Coaching may also send me occasional articles and offers by e-mail. "
    "I can stop them at any time."
}
"""Every text that was ever shown at the box, by version. A changed text is a new version; none is removed."""

Outcome = Literal["recorded", "repeated", "conflict"]
"""Stored; nothing changed since it was stored before; the id was used for something else."""

_Place = tuple[str, str, str | None, bool]
_Stored = Mapping[Any, Any]


@dataclass(frozen=True, slots=True)
class Submission:
    """One press of the button, checked. `now` is aware UTC; `held`: the honeypot was filled, no letter goes."""

    submission_id: str | None
    address: str
    name: str
    company: str
    whitepaper: str
    edition: str
    title: str
    post: str | None
    cta: str | None
    source: Source
    marketing_consent: bool
    held: bool
    network: str
    sender: letters.Sender
    now: datetime

    def fingerprint(self) -> str:
        """What makes a repeat the same: all that was typed or chosen, not where it was sent from."""
        typed = [address_key(self.address), self.name, self.company, self.whitepaper, self.post, self.cta]
        return hashlib.sha256(json.dumps([*typed, self.marketing_consent, self.held]).encode()).hexdigest()


_BY_KEY = (
    select(leads.c.id, leads.c.address_key, leads.c.email, leads.c.status)
    .where(leads.c.address_key.in_(bindparam("keys", expanding=True)))
    .order_by(leads.c.address_key)
    .with_for_update()  # PostgreSQL: two servers take one person's submissions one after the other
)
_EARLIER = select(
    submissions.c.id,
    submissions.c.submission_id,
    submissions.c.fingerprint,
    submissions.c.lead_id,
    submissions.c.whitepaper,
    submissions.c.post,
    submissions.c.held,
    submissions.c.created_at,
)
_BY_SUBMISSION_ID = _EARLIER.where(submissions.c.submission_id.in_(bindparam("ids", expanding=True)))
_RECENT = _EARLIER.where(
    submissions.c.lead_id.in_(bindparam("leads", expanding=True)),
    submissions.c.created_at > bindparam("since"),
)
_ADD_LEADS, _ADD_SUBMISSIONS = insert_new(leads), insert_new(submissions)
_ADD_CONSENTS = insert(consents)


def record_submission(connection: Connection, values: Sequence[Submission]) -> list[Outcome]:
    """Store each submission once, with its lead, its consent and its letter; answers in the same order.

    Raises TooOften when one network is past its limit; the store then tries the batch value by value.
    """
    known = _leads_for(connection, values)
    by_id, recent = _earlier(connection, values, known)
    outcomes: list[Outcome] = []
    fresh: dict[int, dict[str, Any]] = {}
    for position, value in enumerate(values):
        row = _row(value, known[address_key(value.address)]["id"])
        earlier = by_id.get(value.submission_id) if value.submission_id else recent.get(_place(row))
        if earlier is None or (not value.submission_id and value.now - earlier["created_at"] >= REPEAT_WINDOW):
            by_id[row["submission_id"]] = recent[_place(row)] = fresh[position] = row
            outcomes.append("recorded")
        else:
            outcomes.append(_repeat(value, row, earlier))
    rate_limits.take_all(
        connection, rate_limits.LEADS_BY_NETWORK, Counter(values[n].network for n in fresh), values[0].now
    )
    for position, winner in _add(connection, fresh).items():
        outcomes[position] = _repeat(values[position], fresh.pop(position), winner)
    if fresh:
        connection.execute(_ADD_CONSENTS, [_consent(values[n], row) for n, row in fresh.items()])
        outbox.enqueue_many(
            connection,
            [
                _letter(values[n], row, known[address_key(values[n].address)])
                for n, row in fresh.items()
                if not values[n].held
            ],
        )
    return outcomes


def _leads_for(connection: Connection, values: Sequence[Submission]) -> dict[str, _Stored]:
    """The lead of each address, made where it is new, by key; on PostgreSQL locked until the commit.

    Inserting before locking, both in the order of the keys, is what keeps two servers from a deadlock.
    """
    first = {address_key(value.address): value for value in reversed(values)}
    connection.execute(
        _ADD_LEADS[connection.dialect.name],
        [
            {
                "id": new_id(value.now),
                "address_key": key,
                "email": value.address,
                "name": value.name,
                "company": value.company,
                "created_at": value.now,
            }
            for key, value in sorted(first.items())
        ],
    )
    rows = connection.execute(_BY_KEY, {"keys": sorted(first)}).mappings()
    return {row["address_key"]: row for row in rows}


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


def _add(connection: Connection, fresh: Mapping[int, dict[str, Any]]) -> dict[int, _Stored]:
    """Insert the rows; answers the stored ones of those that another server was quicker to insert."""
    if not fresh:
        return {}
    added = connection.execute(_ADD_SUBMISSIONS[connection.dialect.name], list(fresh.values())).rowcount
    if added == len(fresh):
        return {}
    ids = {row["submission_id"]: position for position, row in fresh.items()}
    stored = connection.execute(_BY_SUBMISSION_ID, {"ids": list(ids)}).mappings()
    by_position = {ids[row["submission_id"]]: row for row in stored}
    return {n: row for n, row in by_position.items() if row["id"] != fresh[n]["id"]}


def _repeat(value: Submission, row: _Stored, earlier: _Stored) -> Outcome:
    same = not value.submission_id or earlier["fingerprint"] == row["fingerprint"]
    return "repeated" if same else "conflict"


def _place(row: _Stored) -> _Place:
    return row["lead_id"], row["whitepaper"], row["post"], row["held"]


def _row(value: Submission, lead: str) -> dict[str, Any]:
    row_id = new_id(value.now)
    utm = dict(value.source.utm)
    return {
        "id": row_id,
        "submission_id": value.submission_id or row_id,
        "lead_id": lead,
        "fingerprint": value.fingerprint(),
        "email": value.address,
        "name": value.name,
        "company": value.company,
        "whitepaper": value.whitepaper,
        "edition": value.edition,
        "post": value.post,
        "cta": value.cta,
        "page": value.source.page,
        "referrer_host": value.source.referrer_host,
        "held": value.held,
        "created_at": value.now,
        **{name: utm.get(name) for name in UTM_FIELDS},
    }


def _consent(value: Submission, row: _Stored) -> dict[str, Any]:
    return {
        "id": new_id(value.now),
        "lead_id": row["lead_id"],
        "submission_id": row["id"],
        "purpose": "marketing",
        "text": CONSENT_TEXTS[CONSENT_VERSION],
        "version": CONSENT_VERSION,
        "language": "en",
        "given": value.marketing_consent,
        "page": value.source.page,
        "created_at": value.now,
    }


def _letter(value: Submission, row: _Stored, lead: _Stored) -> tuple[str, dict[str, Any], str, datetime]:
    """The outbox row: to the stored address, never to another spelling of it that was typed this time."""
    payload = {"lead": lead["id"], "whitepaper": value.whitepaper, "edition": value.edition}
    if lead["status"] == "confirmed":
        link = value.sender.link("download", payload)
        letter = letters.download(value.sender, lead["email"], value.title, link, row["id"])
    else:
        link = value.sender.link("confirm", payload)
        letter = letters.confirmation(value.sender, lead["email"], value.title, link, row["id"])
    return "letter", letter.payload(), f"submission:{row['id']}", value.now
