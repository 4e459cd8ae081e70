"""What happened to a lead or a comment, once each, for the owner's other systems.

An event is written in the transaction of what it tells of, and is the same one however often that is tried: it is
known by its kind and its subject. Its data holds what other systems are told; erasing a person takes it away.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite

from leadapi.tables import events, new_id

Kind = Literal[
    "lead.created", "lead.confirmed", "lead.downloaded", "lead.erased", "comment.created", "comment.approved"
]


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to `subject`: the id of a lead or a comment, or a download's lead and paper."""

    kind: Kind
    subject: str
    lead: str | None
    data: Mapping[str, Any]
    now: datetime


def _adding(insert: sqlite.Insert | postgresql.Insert) -> Any:
    return insert.on_conflict_do_nothing(index_elements=["kind", "subject"]).returning(events.c.id)


_ADD = {"sqlite": _adding(sqlite.insert(events)), "postgresql": _adding(postgresql.insert(events))}


def publish_many(connection: Connection, happened: Sequence[Event]) -> None:
    """Keep the events; one that is known already changes nothing."""
    if not happened:
        return
    rows = [
        {
            "id": new_id(event.now),
            "kind": event.kind,
            "subject": event.subject,
            "lead_id": event.lead,
            "data": dict(event.data),
            "created_at": event.now,
        }
        for event in sorted(happened, key=lambda event: (event.kind, event.subject))
    ]
    connection.execute(_ADD[connection.dialect.name], rows)
