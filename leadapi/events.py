"""What happened to a lead or a comment, once each, for the owner's other systems.

An event is written in the transaction of what it tells of, and is the same one however often that is tried: it is
known by its kind and its subject. Its data holds what other systems are told; erasing a person takes it away.

With a new event goes one row of the outbox for each webhook endpoint that listens to its kind. The row names the
event and holds nothing of it: what is told is read when it is sent, so that an erased person is told of no more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

from sqlalchemy import Connection, RowMapping, select
from sqlalchemy.dialects import postgresql, sqlite

from leadapi import mailchimp, outbox
from leadapi.tables import events, new_id, webhook_endpoints

Kind = Literal[
    "lead.created", "lead.confirmed", "lead.downloaded", "lead.erased", "comment.created", "comment.approved"
]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to `subject`: the id of a lead or a comment, or a download's lead and paper.

    `address` is for lead.erased alone: it is not stored, and lets those be told who know a person by it.
    """

    kind: Kind
    subject: str
    lead: str | None
    data: Mapping[str, Any]
    now: datetime
    address: str = ""


def _adding(insert: sqlite.Insert | postgresql.Insert) -> Any:
    return insert.on_conflict_do_nothing(index_elements=["kind", "subject"]).returning(
        events.c.id, events.c.kind, events.c.subject
    )


_ADD = {"sqlite": _adding(sqlite.insert(events)), "postgresql": _adding(postgresql.insert(events))}
_LISTENING = (
    select(webhook_endpoints.c.id, webhook_endpoints.c.kind, webhook_endpoints.c.events)
    .where(webhook_endpoints.c.disabled_at.is_(None))
    .order_by(webhook_endpoints.c.id)
)


def publish_many(connection: Connection, happened: Sequence[Event]) -> set[tuple[str, str]]:
    """Keep the events, with a row for each endpoint; answers (kind, subject) of those that were not known.

    One that is known already changes nothing.
    """
    if not happened:
        return set()
    ordered = sorted(happened, key=lambda event: (event.kind, event.subject))
    rows = [
        {
            "id": new_id(event.now),
            "kind": event.kind,
            "subject": event.subject,
            "lead_id": event.lead,
            "data": dict(event.data),
            "created_at": event.now,
        }
        for event in ordered
    ]
    added = {(row.kind, row.subject): row.id for row in connection.execute(_ADD[connection.dialect.name], rows)}
    if added:
        endpoints = connection.execute(_LISTENING).mappings().all()
        new = {(event.kind, event.subject): event for event in ordered}
        outbox.enqueue_many(
            connection,
            [
                _row(added[key], event, endpoint)
                for key, event in new.items()
                if key in added
                for endpoint in endpoints
                if event.kind in endpoint["events"]
            ],
        )
    return set(added)


def _row(event_id: str, event: Event, endpoint: RowMapping) -> outbox.Row:
    payload = {"event": event_id, "endpoint": endpoint["id"]}
    if endpoint["kind"] == "mailchimp" and event.address:
        payload["erased"] = mailchimp.member(event.address)
    return outbox.Row("webhook", payload, f"event:{event_id}:{endpoint['id']}", event.now, queue=endpoint["id"])
