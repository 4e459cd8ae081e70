"""Leads after the press of the button: confirmed by the owner of the address, served, and listed for ours.

A lead is pending until somebody who can read the mail of that address presses a button. Doing so again is as
good as doing it once, and so is fetching a file: what is counted is the first time.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Row, RowMapping, bindparam, select, update

from leadapi import events, lead_events, letters, suppressions, visitor_letters
from leadapi.address_hashes import address_hash
from leadapi.attribution import UTM_FIELDS
from leadapi.errors import Gone
from leadapi.languages import _
from leadapi.tables import confirmations, consents, downloads, insert_new, leads, new_id, submissions
from leadapi.whitepaper_letters import letter_for

RENEW_SECONDS = 600
"""Within so many seconds by the clock, the same old link brings one new one."""


@dataclass(frozen=True, slots=True)
class Lead:
    """Whom a link was made for."""

    id: str
    email: str
    first_time: bool


_ADD_DOWNLOAD, _ADD_CONFIRMATION = insert_new(downloads), insert_new(confirmations)
_CONFIRM = (
    update(leads)
    .where(leads.c.id == bindparam("lead"), leads.c.status == "pending")
    .values(status="confirmed", confirmed_at=bindparam("at"))
)
_BY_ID = (
    select(leads.c.id, leads.c.email)
    .where(leads.c.id == bindparam("lead"))
    .with_for_update(read=True, key_share=True)  # PostgreSQL: an erasing of this moment comes before, or after
)
_WHOLE = select(leads).where(leads.c.id == bindparam("lead"))
_FIRST_ANSWER = (
    select(consents.c.given, consents.c.created_at)
    .where(consents.c.submission_id == bindparam("submission"))
    .order_by(consents.c.created_at)
    .limit(1)
)
_SUBMISSION_OF_LEAD = select(submissions.c.id).where(
    submissions.c.id == bindparam("submission"), submissions.c.lead_id == bindparam("lead")
)
_LANGUAGE_OF_SUBMISSION = _SUBMISSION_OF_LEAD.with_only_columns(submissions.c.language)
_LAST_TOUCH = ("page", "referrer_host", *UTM_FIELDS)
EXPORTED = (
    *("whitepaper", "edition", "post", "cta"),
    *_LAST_TOUCH,
    *(f"first_{name}" for name in _LAST_TOUCH),
    *("language", "answers", "held"),
)
"""What the export says of a submission, beside its id and its time."""

_SUBMISSIONS_OF_ALL = (
    select(
        leads.c.id.label("lead"),
        *(leads.c[name] for name in ("email", "name", "company", "status", "created_at", "confirmed_at")),
        *(submissions.c[name] for name in ("submission_id", *EXPORTED)),
        submissions.c.created_at.label("submitted_at"),
        consents.c.given,
        consents.c.created_at.label("answered_at"),
        confirmations.c.id.label("proof"),
    )
    .join(submissions, submissions.c.lead_id == leads.c.id)
    .outerjoin(consents, consents.c.submission_id == submissions.c.id)
    .outerjoin(confirmations, confirmations.c.submission_id == submissions.c.id)
    .order_by(leads.c.id, submissions.c.created_at, submissions.c.id, consents.c.created_at)
)
_NEWEST = (
    select(leads.c.id)
    .where(select(submissions.c.id).where(submissions.c.lead_id == leads.c.id, ~submissions.c.held).exists())
    .order_by(leads.c.id.desc())
    .limit(bindparam("most"))
)
_SUBMISSIONS_OF_ONE = _SUBMISSIONS_OF_ALL.where(leads.c.id == bindparam("lead"))
_SUBMISSIONS_OF_NEWEST = _SUBMISSIONS_OF_ALL.where(leads.c.id.in_(_NEWEST.scalar_subquery()))

_APART = (
    select(consents.c.lead_id, consents.c.channel, consents.c.created_at)
    .where(consents.c.submission_id.is_(None), consents.c.channel.in_(("unsubscribe", "resubscribe")))
    .order_by(consents.c.created_at)
)
_APART_OF_ONE = _APART.where(consents.c.lead_id == bindparam("lead"))
_APART_OF_NEWEST = _APART.where(consents.c.lead_id.in_(_NEWEST.scalar_subquery()))


@dataclass(frozen=True, slots=True)
class Press:
    """The button behind a mailed link was pressed; `submission` is the row that the letter answered, None in the
    letters of earlier versions; `hash_key` is address_hashes'."""

    lead: str
    submission: str | None
    now: datetime
    hash_key: str = field(default="", repr=False)


def confirm(connection: Connection, value: Press) -> Lead:
    """The address is confirmed, and what was ticked in that submission is proven. Again is as good as once.

    Gone when the lead was erased.
    """
    first_time = connection.execute(_CONFIRM, {"lead": value.lead, "at": value.now}).rowcount > 0
    row = connection.execute(_BY_ID, {"lead": value.lead}).one_or_none()
    if row is None:
        raise _erased()
    pressed = {"lead": value.lead, "submission": value.submission}
    if value.submission and connection.execute(_SUBMISSION_OF_LEAD, pressed).one_or_none():
        proof = {"lead_id": value.lead, "submission_id": value.submission}
        added = connection.execute(
            _ADD_CONFIRMATION[connection.dialect.name],
            proof | {"id": new_id(value.now), "created_at": value.now},
        )
        answer = connection.execute(_FIRST_ANSWER, {"submission": value.submission}).one_or_none()
        if added.rowcount and answer and answer.given:
            suppressions.agreed_again(connection, address_hash(row.email, value.hash_key), answer.created_at)
    if first_time:
        events.publish_many(connection, [lead_events.confirmed(row._mapping, value.now)])
    return Lead(row.id, row.email, first_time)


@dataclass(frozen=True, slots=True)
class Renewal:
    """Whoever has an old link asks for a new one; `edition` and `title` are the whitepaper's as it is now.

    `language` is the one in which the old link is answered, for letters that name no submission.
    """

    lead: str
    submission: str | None
    whitepaper: str
    edition: str
    title: str
    language: str
    sender: letters.Sender
    now: datetime


def renew(connection: Connection, value: Renewal) -> None:
    """Mail the link that the lead is due, in the submission's language; again within ten minutes changes nothing.

    Gone as confirm.
    """
    row = connection.execute(_WHOLE, {"lead": value.lead}).mappings().one_or_none()
    if row is None:
        raise _erased()
    which = {"lead": value.lead, "submission": value.submission}
    language = connection.scalar(_LANGUAGE_OF_SUBMISSION, which) if value.submission else None
    window = int(value.now.timestamp()) // RENEW_SECONDS
    number = f"{value.submission or value.lead}.{value.whitepaper}.{window}"
    answers = {
        "id": value.submission,
        "whitepaper": value.whitepaper,
        "edition": value.edition,
        "language": language or value.language,
        "ticked": False,
    }
    letter = letter_for(value.sender, row, answers, value.title, number, value.now)
    visitor_letters.send_many(connection, [letter])


def record_download(connection: Connection, value: tuple[str, str, str, datetime]) -> bool:
    """Count the first fetch of (lead id, whitepaper, edition, now); True when it was the first."""
    lead, whitepaper, edition, now = value
    row = connection.execute(_BY_ID, {"lead": lead}).one_or_none()
    if row is None:
        return False
    added = connection.execute(
        _ADD_DOWNLOAD[connection.dialect.name],
        {"id": new_id(now), "lead_id": lead, "whitepaper": whitepaper, "edition": edition, "created_at": now},
    )
    if added.rowcount:
        events.publish_many(connection, [lead_events.downloaded(row._mapping, whitepaper, edition, now)])
    return added.rowcount > 0


def _erased() -> Gone:
    return Gone(_("This address is no longer stored here. Please fill in the form again."), code="unknown_lead")


def export(connection: Connection) -> Iterator[dict[str, Any]]:
    """Every lead with its submissions, oldest first, held ones too; rows come as they are read.

    `held` is true when nothing but held submissions is known of the lead; times are ISO 8601, UTC.
    `marketing_consent` is the last answer that counts (see _consents).
    """
    apart = _apart(connection.execute(_APART))
    for of_lead in _by_lead(connection.execution_options(yield_per=1_000).execute(_SUBMISSIONS_OF_ALL).mappings()):
        lead = of_lead[0]
        pressed = {row["submission_id"]: row for row in of_lead}.values()  # each may have several answers
        yield {
            "email": lead["email"],
            "name": lead["name"],
            "company": lead["company"],
            "status": lead["status"],
            "held": all(row["held"] for row in of_lead),
            "created_at": lead["created_at"].isoformat(),
            "confirmed_at": lead["confirmed_at"].isoformat() if lead["confirmed_at"] else None,
            "marketing_consent": _consents(of_lead, apart.get(lead["lead"], ())),
            "submission_ids": [row["submission_id"] for row in pressed],
            "submissions": [
                {name: row[name] for name in ("submission_id", *EXPORTED)}
                | {"created_at": row["submitted_at"].isoformat()}
                for row in pressed
            ],
        }


def latest(connection: Connection, most: int) -> list[dict[str, Any]]:
    """The newest leads, the newest first, as the owner wants to see them; those of robots are left out."""
    apart = _apart(connection.execute(_APART_OF_NEWEST, {"most": most}))
    return [
        {name: of_lead[0][name] for name in ("email", "name", "company", "status", "created_at")}
        | {
            "marketing_consent": _consents(of_lead, apart.get(of_lead[0]["lead"], ())),
            "whitepapers": sorted({row["whitepaper"] for row in of_lead}),
            "post": next((row["post"] for row in of_lead if row["post"]), None),
        }
        for of_lead in _by_lead(connection.execute(_SUBMISSIONS_OF_NEWEST, {"most": most}).mappings())
    ][::-1]


def marketing_consent(connection: Connection, lead: str) -> bool:
    """Whether the lead agreed to be sent more, and proved it (see _consents); False for one that was erased."""
    apart = _apart(connection.execute(_APART_OF_ONE, {"lead": lead})).get(lead, ())
    return _consents(connection.execute(_SUBMISSIONS_OF_ONE, {"lead": lead}).mappings().all(), apart)


def _by_lead(rows: Iterable[RowMapping]) -> Iterator[list[RowMapping]]:
    """The rows of each lead in turn, oldest first."""
    return (list(group) for _, group in groupby(rows, key=lambda row: row["lead"]))


def _apart(rows: Iterable[Row[Any]]) -> dict[str, list[Row[Any]]]:
    """By lead, what was said where no form was sent, oldest first."""
    found: dict[str, list[Row[Any]]] = {}
    for row in rows:
        found.setdefault(row.lead_id, []).append(row)
    return found


def _consents(of_lead: Iterable[RowMapping], apart: Iterable[Row[Any]]) -> bool:
    """The last answer that counts: a no from anybody, a yes only once the button in its letter was pressed.

    `apart` is what was said by a link to unsubscribe: a no, until it is taken back there.

    Anybody can tick the box for anybody's address; what a robot ticked is no answer at all. Nor is a yes that was
    added to a submission later: its letter was on its way by then.
    """
    answers = sorted((row for row in of_lead if row["answered_at"]), key=itemgetter("answered_at"))
    first = {row["submission_id"]: row["answered_at"] for row in reversed(answers)}
    counting = [
        ("form", row["answered_at"], row["given"])
        for row in answers
        if not row["held"]
        and (not row["given"] or (row["proof"] and row["answered_at"] == first[row["submission_id"]]))
    ]
    for said in apart:
        undone = said.channel == "resubscribe"
        counting = [answer for answer in counting if answer[0] != "apart"]
        if not undone:
            counting.append(("apart", said.created_at, False))
    return bool(counting) and max(counting, key=itemgetter(1))[2]
