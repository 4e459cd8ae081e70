"""Comments: stored as typed, shown only after the owner's decision, and listed for the build.

A comment is pending until a button is pressed on the page that the owner's letter leads to; the decision may
be changed later. Name and text are kept as they were typed; what is shown is made from them by comment_markup.
The e-mail address is for the owner's eyes and never leaves with a public list.

Of a comment that its author has erased the row stays, empty, since answers may stand below it: as long as one
does, the list has a placeholder in its place.

`record_comment` is hot, like submissions.record_submission: the same few statements for a batch as for one.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from operator import itemgetter
from typing import Any, Literal

from sqlalchemy import Connection, bindparam, select, update

from leadapi import events, letters, owner_notices, rate_limits
from leadapi.errors import NotFound, TooOften
from leadapi.events import Event
from leadapi.tables import add_new, comments, insert_new, new_id
from leadapi.typed_text import address_key

REPEAT_WINDOW = timedelta(minutes=10)
"""Without a submission id, the same text by the same address on the same post is one comment for this time."""

Decision = Literal["approve", "refuse", "spam"]
STATUS_AFTER: dict[Decision, str] = {"approve": "approved", "refuse": "refused", "spam": "spam"}

Outcome = Literal["recorded", "repeated", "conflict", "no_parent"]
"""Stored; stored before; the id was used for something else; it answers a comment that is not there."""


_Stored = Mapping[Any, Any]


@dataclass(frozen=True, slots=True)
class Comment:
    """One reply, checked. `now` is aware UTC; `held`: the honeypot was filled, the owner is not written to."""

    submission_id: str | None
    post: str
    post_title: str
    post_url: str
    parent: str | None
    name: str
    email: str
    body: str
    held: bool
    network: str
    owner: str
    sender: letters.Sender
    now: datetime

    def fingerprint(self) -> str:
        """What makes a repeat: who said what under which post."""
        said = [address_key(self.email), self.post, self.body]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()


_STORED = select(
    *(comments.c[name] for name in ("id", "submission_id", "fingerprint", "parent_id", "name", "status")),
    comments.c.created_at,
)
_BY_SUBMISSION_ID = _STORED.where(comments.c.submission_id.in_(bindparam("ids", expanding=True)))
_RECENT = _STORED.where(
    comments.c.fingerprint.in_(bindparam("fingerprints", expanding=True)),
    comments.c.created_at > bindparam("since"),
)
_PARENTS = select(comments.c.id, comments.c.post).where(
    comments.c.id.in_(bindparam("ids", expanding=True)), comments.c.status.in_(("approved", "erased"))
)
_ADD = insert_new(comments)
_BY_ID = select(comments).where(comments.c.id == bindparam("comment"), comments.c.status != "erased")
_WAITING = (
    select(comments)
    .where(comments.c.status == "pending")
    .order_by(comments.c.created_at, comments.c.id)
    .limit(bindparam("most"))
)
_DECIDE = (
    update(comments)
    .where(comments.c.id == bindparam("comment"), comments.c.status.not_in((bindparam("new_status"), "erased")))
    .values(status=bindparam("new_status"), decided_at=bindparam("at"))
)
_OF_ADDRESS = (
    select(comments.c.id)
    .where(comments.c.address_key == bindparam("key"))
    .order_by(comments.c.id)
    .with_for_update()  # PostgreSQL: a decision of this moment comes before, or finds nothing
)
_EMPTIED: dict[str, Any] = {"name": "", "email": "", "address_key": "", "body": "", "fingerprint": ""}
_ERASE = (
    update(comments)
    .where(comments.c.address_key == bindparam("key"))
    .values(_EMPTIED | {"submission_id": comments.c.id, "status": "erased", "decided_at": bindparam("at")})
)


def record_comment(connection: Connection, values: Sequence[Comment]) -> list[Outcome | TooOften]:
    """Store each comment once as pending, with the letter to the owner; answers in the same order.

    TooOften is the answer to those whose network is past its limit.
    """
    limit, now = rate_limits.COMMENTS_BY_NETWORK, values[0].now
    granted = rate_limits.take_all(connection, limit, Counter(value.network for value in values), now)
    by_id, recent, parents = _known(connection, values)
    outcomes: list[Outcome | TooOften] = []
    fresh: list[tuple[Comment, dict[str, Any]]] = []
    for value in values:
        row = _row(value)
        earlier = by_id.get(value.submission_id) if value.submission_id else recent.get(_text(row))
        if earlier is not None and (value.submission_id or value.now - earlier["created_at"] < REPEAT_WINDOW):
            outcomes.append(_repeat(value, row, earlier))
        elif value.parent and parents.get(value.parent) != value.post:
            outcomes.append("no_parent")
        elif not granted[value.network]:
            outcomes.append(rate_limits.too_often(limit, now))
        else:
            granted[value.network] -= 1
            by_id[row["submission_id"]] = recent[_text(row)] = row
            fresh.append((value, row))
            outcomes.append("recorded")
    add_new(connection, _ADD, sorted((row for _, row in fresh), key=itemgetter("submission_id")))
    good = [(value, row) for value, row in fresh if not value.held]
    events.publish_many(connection, [_created(value, row) for value, row in good])
    owner_notices.tell_many(connection, [_notice(value, row) for value, row in good])
    rate_limits.give_back(connection, limit, granted, now)
    return outcomes


def comment(connection: Connection, comment_id: str) -> _Stored:
    """The whole row of one comment; NotFound when it is gone."""
    row = connection.execute(_BY_ID, {"comment": comment_id}).mappings().one_or_none()
    if row is None:
        raise NotFound("This comment is no longer stored here.", code="unknown_comment")
    return row


def waiting(connection: Connection, most: int) -> Sequence[_Stored]:
    """The whole rows of the comments that wait for a decision, the oldest first."""
    return connection.execute(_WAITING, {"most": most}).mappings().all()


def decide(connection: Connection, value: tuple[str, Decision, datetime]) -> _Stored:
    """The owner decides (comment id, decision, now); the same decision again changes nothing, not its time."""
    comment_id, decision, now = value
    connection.execute(_DECIDE, {"comment": comment_id, "new_status": STATUS_AFTER[decision], "at": now})
    row = comment(connection, comment_id)
    if decision == "approve":
        events.publish_many(connection, [Event("comment.approved", row["id"], None, _told(row), now)])
    return row


def erase(connection: Connection, value: tuple[str, datetime]) -> list[str]:
    """Empty every comment of (address key, now); answers their ids. Nothing tells afterwards whose they were."""
    key, now = value
    found = connection.execute(_OF_ADDRESS, {"key": key}).scalars().all()
    if found:
        connection.execute(_ERASE, {"key": key, "at": now})
    return list(found)


def _known(
    connection: Connection, values: Sequence[Comment]
) -> tuple[dict[str, _Stored], dict[tuple[str, bool], _Stored], dict[str, str]]:
    """By submission id, by text lately said, and the post of each approved comment that is answered."""
    by_id = connection.execute(_BY_SUBMISSION_ID, {"ids": [v.submission_id for v in values if v.submission_id]})
    recent = connection.execute(
        _RECENT,
        {
            "fingerprints": list({value.fingerprint() for value in values}),
            "since": min(value.now for value in values) - REPEAT_WINDOW,
        },
    )
    parents = connection.execute(_PARENTS, {"ids": list({value.parent for value in values if value.parent})})
    return (
        {row["submission_id"]: row for row in by_id.mappings()},
        {_text(row): row for row in recent.mappings()},
        {row.id: row.post for row in parents},
    )


def _repeat(value: Comment, row: _Stored, earlier: _Stored) -> Outcome:
    names = ("fingerprint", "parent_id", "name")
    same = not value.submission_id or all(earlier[name] == row[name] for name in names)
    return "repeated" if same else "conflict"


def _text(row: _Stored) -> tuple[str, bool]:
    return row["fingerprint"], row["status"] == "held"


def _row(value: Comment) -> dict[str, Any]:
    row_id = new_id(value.now)
    return {
        "id": row_id,
        "submission_id": value.submission_id or row_id,
        "fingerprint": value.fingerprint(),
        "post": value.post,
        "parent_id": value.parent,
        "name": value.name,
        "email": value.email,
        "address_key": address_key(value.email),
        "body": value.body,
        "status": "held" if value.held else "pending",
        "created_at": value.now,
    }


def _created(value: Comment, row: _Stored) -> Event:
    return Event("comment.created", row["id"], None, _told(row), value.now)


def _told(row: _Stored) -> dict[str, Any]:
    """A comment as other systems are told of it."""
    return {
        "comment": row["id"],
        "post": row["post"],
        "parent": row["parent_id"],
        "name": row["name"],
        "email": row["email"],
        "body": row["body"],
    }


def _notice(value: Comment, row: _Stored) -> owner_notices.Notice:
    return owner_notices.Notice("comment.created", row["id"], partial(_letter, value, row), value.now)


def _letter(value: Comment, row: _Stored) -> letters.Letter:
    return letters.moderation(
        value.sender,
        value.owner,
        post_title=value.post_title,
        post_url=value.post_url,
        name=value.name,
        email=value.email,
        body=value.body,
        created=value.now,
        link=value.sender.link("moderate", {"comment": row["id"]}),
        number=row["id"],
    )
