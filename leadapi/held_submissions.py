"""What was held because it looked suspicious: shown to the owner, who lets it go on or leaves it.

Released, a submission goes on as if it had just come: the letter, the event. Refused, it stays in the books, and
nobody is written to.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, bindparam, func, select, update

from leadapi import events, lead_events, letters, visitor_letters
from leadapi.tables import consents, leads, submissions
from leadapi.whitepaper_letters import letter_for

Decision = Literal["release", "refuse"]

MOST_AT_ONCE = 500
"""Submissions that one press of the button decides about; a larger wave takes several."""

_WAITS = (submissions.c.held, submissions.c.held_reason != "refused")
_WAITING = (
    select(submissions)
    .where(*_WAITS)
    .order_by(submissions.c.created_at.desc(), submissions.c.id)
    .limit(bindparam("most"))
)
_HOW_MANY = select(submissions.c.held_reason, func.count()).where(*_WAITS).group_by(submissions.c.held_reason)
_MEANT = (
    select(
        submissions,
        leads.c.email.label("lead_email"),
        leads.c.status,
        select(consents.c.given)
        .where(consents.c.submission_id == submissions.c.id, consents.c.given)
        .limit(1)
        .scalar_subquery()
        .label("ticked"),
    )
    .join(leads, leads.c.id == submissions.c.lead_id)
    .where(*_WAITS)
    .order_by(submissions.c.id)
    .limit(MOST_AT_ONCE)
)
_ONE = _MEANT.where(submissions.c.id == bindparam("submission"))
_ALL = _MEANT.where(submissions.c.held_reason == bindparam("reason"))
_RELEASE = (
    update(submissions).where(submissions.c.id == bindparam("row")).values(held=False, released_at=bindparam("at"))
)
_REFUSE = update(submissions).where(submissions.c.id == bindparam("row")).values(held_reason="refused")


@dataclass(frozen=True, slots=True)
class Decided:
    """The owner's decision about one held submission (its row's id), or about all of one reason.

    `titles` are those of the whitepapers that there are; one that is gone cannot be sent.
    """

    decision: Decision
    submission: str | None
    reason: str | None
    titles: Mapping[str, str]
    sender: letters.Sender
    now: datetime


def waiting(connection: Connection, most: int) -> Sequence[Mapping[Any, Any]]:
    """The rows of the held submissions about which nothing was decided, the newest first."""
    return connection.execute(_WAITING, {"most": most}).mappings().all()


def how_many(connection: Connection, _: None = None) -> dict[str, int]:
    """Of each reason, how many wait."""
    return {row[0]: row[1] for row in connection.execute(_HOW_MANY)}


def decide(connection: Connection, value: Decided) -> int:
    """Carry the decision out; how many it was about. What was decided before is none of them."""
    if value.submission:
        found = connection.execute(_ONE, {"submission": value.submission})
    else:
        found = connection.execute(_ALL, {"reason": value.reason})
    rows = [dict(row) for row in found.mappings()]
    if value.decision == "refuse":
        meant = rows
        change: list[dict[str, Any]] = [{"row": row["id"]} for row in meant]
    else:
        meant = [row for row in rows if row["whitepaper"] in value.titles]
        change = [{"row": row["id"], "at": value.now} for row in meant]
    if change:
        connection.execute(_REFUSE if value.decision == "refuse" else _RELEASE, change)
    if value.decision == "release":
        _go_on(connection, value, meant)
    return len(meant)


def _go_on(connection: Connection, value: Decided, rows: Sequence[dict[str, Any]]) -> None:
    people = [{"id": row["lead_id"], "email": row["lead_email"], "status": row["status"]} for row in rows]
    visitor_letters.send_many(
        connection,
        [
            letter_for(value.sender, lead, row, value.titles[row["whitepaper"]], row["id"], value.now)
            for lead, row in zip(people, rows, strict=True)
        ],
    )
    happened = [lead_events.created(lead, row, value.now) for lead, row in zip(people, rows, strict=True)]
    events.publish_many(connection, happened)
