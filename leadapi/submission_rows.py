"""One press of the button, checked, and its rows: a person, a submission, an answer in the ledger."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from leadapi import letters
from leadapi.address_hashes import address_hash
from leadapi.attribution import UTM_FIELDS, Source
from leadapi.owner_notices import Owner
from leadapi.tables import new_id
from leadapi.typed_text import address_key

_Stored = Mapping[Any, Any]


@dataclass(frozen=True, slots=True)
class ConsentText:
    """The words beside the box, and the name of their version: a changed text is a new version."""

    version: str
    language: str
    text: str


@dataclass(frozen=True, slots=True)
class Submission:
    """One press of the button, checked. `now` is aware UTC; `held_reason`: why it is suspicious, no letter goes.

    `proven`: its browser did the work that a wave asks for (proofs). `first` is the first touch, where a script
    remembered it. `answers` are the fields that this whitepaper asks for beside name and company. `consent` is the
    text that was shown at the box; None where the form had no box. `owner` is told of a new lead.
    """

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
    held_reason: str | None
    network: str
    sender: letters.Sender
    now: datetime
    language: str = "en"
    consent: ConsentText | None = None
    answers: tuple[tuple[str, str], ...] = ()
    first: Source = field(default_factory=Source)
    proven: bool = False
    owner: Owner | None = None

    @property
    def held(self) -> bool:
        """Whether it waits for the owner's decision."""
        return self.held_reason is not None

    @property
    def ticked(self) -> bool:
        """Whether there was a box, and a tick in it."""
        return self.marketing_consent and self.consent is not None

    def fingerprint(self) -> str:
        """What makes a repeat the same: all that was typed or chosen, not where it was sent from."""
        typed = [address_key(self.address), self.name, self.company, self.whitepaper, self.post, self.cta]
        typed += [text for answer in self.answers for text in answer]
        return hashlib.sha256(json.dumps([*typed, self.marketing_consent, self.held]).encode()).hexdigest()


def lead_row(value: Submission) -> dict[str, Any]:
    """The person, on their first submission."""
    return {
        "id": new_id(value.now),
        "address_key": address_key(value.address),
        "address_hash": address_hash(value.address, value.sender.hash_key),
        "email": value.address,
        "name": value.name,
        "company": value.company,
        "status": "pending",
        "created_at": value.now,
    }


def submission_row(value: Submission, lead: str) -> dict[str, Any]:
    """What was typed this time, and where it came from; `lead` is the person's id."""
    row_id = new_id(value.now)
    utm, first_utm = dict(value.source.utm), dict(value.first.utm)
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
        "first_page": value.first.page,
        "first_referrer_host": value.first.referrer_host,
        "language": value.language,
        "answers": dict(value.answers),
        "held": value.held,
        "held_reason": value.held_reason,
        "created_at": value.now,
        **{name: utm.get(name) for name in UTM_FIELDS},
        **{f"first_{name}": first_utm.get(name) for name in UTM_FIELDS},
    }


def consent_row(value: Submission, shown: ConsentText, row: _Stored, before: _Stored | None) -> dict[str, Any]:
    """The ledger's row; its moment is after that of the answer before, whatever two servers' clocks say."""
    after = before["created_at"] + timedelta(microseconds=1) if before else value.now
    return {
        "id": new_id(value.now),
        "lead_id": row["lead_id"],
        "submission_id": row["id"],
        "channel": "form",
        "purpose": "marketing",
        "text": shown.text,
        "version": shown.version,
        "language": shown.language,
        "given": value.marketing_consent,
        "page": value.source.page,
        "created_at": max(value.now, after),
    }
