"""The letters that nobody will get, given up or refused for good, until the owner sends them again.

What is shown names nobody: which letter it was, when and why; the addresses stay in the rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, func, select, update

from leadapi import suppressions
from leadapi.tables import outbox

_DEAD = (outbox.c.kind.in_(("letter", "digest")), outbox.c.dead_at.is_not(None))
_HOW_MANY = select(func.count(), func.min(outbox.c.dead_at)).where(*_DEAD)
_NEWEST = (
    select(outbox.c.id, outbox.c.dead_at, outbox.c.payload, outbox.c.last_error)
    .where(*_DEAD)
    .order_by(outbox.c.dead_at.desc(), outbox.c.id)
)
_SENDABLE = select(outbox.c.id, outbox.c.address_hash, outbox.c.payload).where(*_DEAD)
_REVIVE = (
    update(outbox)
    .where(outbox.c.id == bindparam("row"))
    .values(dead_at=None, attempts=0, last_error=None, run_at=bindparam("now"), created_at=bindparam("now"))
)


@dataclass(frozen=True, slots=True)
class SendAgain:
    """The owner's wish: one letter by its id, or all."""

    now: datetime
    letter: str | None = None


def told(connection: Connection, _: None = None) -> str:
    """How many there are and since when, in one sentence; nothing where there are none."""
    count, first = connection.execute(_HOW_MANY).one()
    if not count:
        return ""
    letters = f"{count:,} letters" if count > 1 else "1 letter"
    return f"{letters} could not be delivered since {first.strftime('%B %-d, %Y, %H:%M UTC')}."


def newest(connection: Connection, most: int | None = None) -> list[dict[str, Any]]:
    """Each as id, dead_at, kind (confirmation, download, …) and why, the newest first."""
    return [
        {"id": row.id, "dead_at": row.dead_at, "kind": _kind(row.payload), "why": row.last_error or ""}
        for row in connection.execute(_NEWEST.limit(most))
    ]


def send_again(connection: Connection, value: SendAgain) -> int:
    """They wait as if they were new, for 72 hours more, and an address that bounced is trusted once more.

    Answers how many. What was erased meanwhile cannot be sent; whoever refused our letters is still sent none.
    """
    wanted = _SENDABLE.where(outbox.c.id == value.letter) if value.letter else _SENDABLE
    rows = [row for row in connection.execute(wanted) if row.payload]
    for hashed in sorted({row.address_hash for row in rows if row.address_hash}):
        suppressions.lift(connection, (hashed, "bounced"))
    if rows:
        connection.execute(_REVIVE, [{"row": row.id, "now": value.now} for row in rows])
    return len(rows)


def _kind(payload: Mapping[str, str]) -> str:
    """What the letter's Message-ID begins with."""
    return payload.get("message_id", "").lstrip("<").partition(".")[0].replace("_", " ") or "erased"
