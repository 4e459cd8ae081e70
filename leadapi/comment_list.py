"""The approved comments as they are told to the world, to the build and to a page's script, with their validator.

What was erased stays as an empty place where somebody has answered it, so that the thread holds.
"""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select

from leadapi import comment_markup
from leadapi.tables import comments

ERASED_NAME, ERASED_HTML = "Erased", "<p>This comment was erased by its author.</p>"
"""What the public list says in the place of an erased comment that has answers."""

_LISTED = select(
    *(comments.c[name] for name in ("id", "post", "parent_id", "name", "body", "status", "created_at"))
).order_by(comments.c.created_at, comments.c.id)
_APPROVED = _LISTED.where(comments.c.status == "approved")
_APPROVED_OF_POST = _APPROVED.where(comments.c.post == bindparam("post"))
_ERASED_BY_ID = _LISTED.where(comments.c.status == "erased", comments.c.id.in_(bindparam("ids", expanding=True)))
_VERSION = (
    select(comments.c.id, comments.c.decided_at)
    .where(comments.c.status.in_(("approved", "erased")))
    .order_by(comments.c.id)
)
_VERSION_OF_POST = _VERSION.where(comments.c.post == bindparam("post"))


def approved(connection: Connection, post: str | None = None) -> list[dict[str, Any]]:
    """The approved comments of one post, or of all, oldest first, as they are told to the world.

    Renders Markdown: call it off the event loop. `created` is ISO 8601, UTC. An erased comment below which an
    approved one stands is listed too, with `"erased": true`, so that the thread holds.
    """
    rows = list(connection.execute(_APPROVED_OF_POST, {"post": post}) if post else connection.execute(_APPROVED))
    rows += _erased_above(connection, rows)
    return [
        {
            "id": row.id,
            "post": row.post,
            "parent": row.parent_id,
            "created": row.created_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
        }
        | (
            {"name": ERASED_NAME, "html": ERASED_HTML, "erased": True}
            if row.status == "erased"
            else {"name": row.name, "html": comment_markup.render(row.body)}
        )
        for row in sorted(rows, key=lambda row: (row.created_at, row.id))
    ]


def version(connection: Connection, post: str | None = None) -> str:
    """A strong validator of what `approved` lists (RFC 9110, 8.8.1), as an ETag with its quotes.

    A comment's text never changes until it is erased, so its id and the moment of its approval, or of its erasing,
    stand for it; no text is rendered. All erased ones count, listed or not: at worst that
    is one build too many.
    """
    rows = connection.execute(_VERSION_OF_POST, {"post": post}) if post else connection.execute(_VERSION)
    return _etag((comment_id, decided_at) for comment_id, decided_at in rows)


def _etag(rows: Iterable[tuple[str, datetime]]) -> str:
    listed = hashlib.sha256(comment_markup.VERSION.encode())
    for comment_id, decided_at in rows:
        listed.update(f"{comment_id} {decided_at.timestamp()}\n".encode())
    return f'"{listed.hexdigest()[:32]}"'


NONE_APPROVED = _etag(())
"""The version of an empty list."""


def _erased_above(connection: Connection, rows: Sequence[Any]) -> list[Any]:
    """The erased comments that these answer, those that they answer in turn, and so on."""
    found: list[Any] = []
    seen = {row.id for row in rows}
    level = rows
    while missing := sorted({row.parent_id for row in level if row.parent_id} - seen):
        level = connection.execute(_ERASED_BY_ID, {"ids": missing}).all()
        seen |= set(missing)
        found += level
    return found
