"""What has to be told to the outside, kept in the same transaction as what it tells of.

A request never waits for a mail server and never loses a letter to one: the rule that stores a submission
also puts a row here, and a worker (deliveries) takes the rows from here, with a lease, sends, and tries again with
growing pauses until it gives up and keeps the row as dead. A row is told at least once; what it carries (a
Message-ID) lets the receiver see that it is the same.

Rows of one queue wait for each other and for no others: letters lie in the queue "", each webhook endpoint has its
own. Half of the workers take what was never tried, the newest first, so that a letter of now does not wait behind
ten thousand of last night; the others take what has waited longest, so that nothing waits for ever.
"""

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, Update, and_, bindparam, delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from leadapi import typed_text
from leadapi.tables import new_id, outbox

LEASE = timedelta(minutes=2)
"""How long a worker may hold a row; after that another may try."""

GIVE_UP_AFTER = timedelta(hours=72)
"""From the row's first moment to its last try."""

LONGEST_PAUSE = timedelta(hours=5)
"""Between two tries, with all that is added to it, and whatever the receiver asks for."""

LONGEST_PLAN = timedelta(days=2)
"""How far ahead a row may be planned; visitor_letters plans a day ahead."""

KEPT = timedelta(days=90)
"""How long a row stays that is done; it names nobody, but no letter goes out twice under its key."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One row that a worker has claimed."""

    id: str
    kind: str
    queue: str
    payload: dict[str, Any]
    attempts: int
    address_hash: str | None
    mailbox_hash: str | None
    planned_at: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Claim:
    """What a worker asks for: up to `most` due rows of a queue, those that waited longest, or the newest untried.

    `now` is the worker's steady time, by which pauses and leases are kept; `wall` is what the wall clock says,
    where that differs, since rows are put in by it.
    """

    queue: str
    now: datetime
    newest_first: bool = False
    most: int = 1
    wall: datetime | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """A try that failed; `final`: there will be no other, `wait`: what the receiver asked for."""

    delivery: Delivery
    now: datetime
    why: str
    final: bool = False
    wait: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One thing to tell: `kind` says by which worker, `payload` is all that it needs.

    A second row under the same `dedupe_key` changes nothing. `queue` keeps what may be slow apart from the rest;
    `address_hash` is whose letter it is; `mailbox_hash`, `topic` and `planned_at` are for visitor_letters, which
    counts by them. Due at `run_at`, else at once.
    """

    kind: str
    payload: Mapping[str, Any]
    dedupe_key: str
    now: datetime
    queue: str = ""
    address_hash: str | None = None
    mailbox_hash: str | None = None
    topic: str | None = None
    run_at: datetime | None = None
    planned_at: datetime | None = None


def enqueue(connection: Connection, row: Row) -> None:
    """Put one row in."""
    enqueue_many(connection, [row])


def enqueue_many(connection: Connection, rows: Sequence[Row]) -> None:
    """Put the rows in, with one statement."""
    if not rows:
        return
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    connection.execute(
        dialect.insert(outbox).on_conflict_do_nothing(index_elements=["dedupe_key"]),
        [
            {
                "id": new_id(row.now),
                "kind": row.kind,
                "queue": row.queue,
                "payload": dict(row.payload),
                "dedupe_key": row.dedupe_key,
                "address_hash": row.address_hash,
                "mailbox_hash": row.mailbox_hash,
                "topic": row.topic,
                "planned_at": row.planned_at,
                "created_at": row.now,
                "run_at": row.run_at or row.now,
            }
            for row in rows
        ],
    )


_OPEN = (outbox.c.done_at.is_(None), outbox.c.dead_at.is_(None))
_FREE = or_(outbox.c.leased_until.is_(None), outbox.c.leased_until <= bindparam("now"))


def _claiming(due: Select[Any]) -> Update:
    due = due.where(*_OPEN, _FREE, outbox.c.queue == bindparam("of_queue"))
    due = due.limit(bindparam("most")).with_for_update(skip_locked=True)
    chosen = due.cte("due")  # a subquery PostgreSQL may run for each row, and then each time takes others
    return (
        update(outbox)
        .where(outbox.c.id.in_(select(chosen.c.id)))
        .values(leased_until=bindparam("until"), attempts=outbox.c.attempts + 1)
        .returning(*(outbox.c[name] for name in Delivery.__slots__))
    )


_CLAIM_OLDEST = _claiming(select(outbox.c.id).where(outbox.c.run_at <= bindparam("now")).order_by(outbox.c.run_at))
_CLAIM_NEWEST = _claiming(
    select(outbox.c.id)
    .where(outbox.c.attempts == bindparam("untried", 0), outbox.c.run_at <= bindparam("latest"))
    .order_by(outbox.c.run_at.desc())
)
_QUEUES = select(outbox.c.queue).where(*_OPEN, _FREE, outbox.c.run_at <= bindparam("latest")).distinct()
_LEAVE = (
    update(outbox)
    .where(outbox.c.id == bindparam("row"))
    .values(done_at=bindparam("now"), leased_until=None, payload={}, last_error=bindparam("why"))
)
_ADDRESS = re.compile(r"[^\s<>()@:,;]+@[^\s<>()@:,;]+")
"""Servers name the receiver in their refusals; only the payload may say who that is, and is forgotten."""


def due_queues(connection: Connection, value: tuple[datetime, datetime]) -> list[str]:
    """The queues in which something is due; value is (now, what the wall clock says)."""
    return list(connection.scalars(_QUEUES, {"now": value[0], "latest": max(value)}))


def claim(connection: Connection, value: Claim) -> list[Delivery]:
    """Take what is asked for, for LEASE, the oldest first."""
    now = value.now
    asked = {"of_queue": value.queue, "now": now, "most": value.most, "until": now + LEASE}
    rows: Sequence[Any] = ()
    if value.newest_first:
        rows = connection.execute(_CLAIM_NEWEST, asked | {"latest": max(now, value.wall or now)}).all()
    if not rows:
        rows = connection.execute(_CLAIM_OLDEST, asked).all()
    return sorted((Delivery(*row) for row in rows), key=lambda delivery: delivery.id)


def finish(connection: Connection, value: tuple[str, datetime]) -> None:
    """The row (id, now) was told: it is done, and its payload is forgotten, since it names people."""
    connection.execute(_LEAVE, {"row": value[0], "now": value[1], "why": None})


def drop(connection: Connection, value: tuple[str, datetime, str]) -> None:
    """The row (id, now, why) is not to be told any more: it is done, and says why."""
    connection.execute(_LEAVE, {"row": value[0], "now": value[1], "why": value[2]})


def postpone(connection: Connection, value: tuple[Delivery, datetime]) -> None:
    """The row (delivery, until) was not tried after all: its turn comes later."""
    delivery, until = value
    connection.execute(
        _held_by(delivery).values(
            leased_until=None, attempts=delivery.attempts - 1, run_at=until, planned_at=until
        )
    )


def fail(connection: Connection, value: Failure) -> None:
    """The row was not told: try again after a pause, or give it up. One that another worker holds now, since this
    one took longer than its lease, stays as it is."""
    wait = max(pause(value.delivery.attempts), value.wait or timedelta())
    again = value.now + min(wait, LONGEST_PAUSE)
    dead = value.final or again - value.delivery.created_at > GIVE_UP_AFTER
    connection.execute(
        _held_by(value.delivery).values(
            leased_until=None,
            last_error=_ADDRESS.sub("(address)", typed_text.printable(value.why))[:500],
            run_at=again,
            dead_at=value.now if dead else None,
        )
    )


def _held_by(delivery: Delivery) -> Update:
    """The row as this worker claimed it: each claim has a number of its own."""
    return update(outbox).where(outbox.c.id == delivery.id, outbox.c.attempts == delivery.attempts, *_OPEN)


def pause(attempts: int) -> timedelta:
    """30 s after the first try, doubled each time up to 4 h, plus up to a quarter against crowds."""
    seconds = min(30 * 2 ** (attempts - 1), 4 * 3600)
    return timedelta(seconds=seconds * random.uniform(1, 1.25))  # noqa: S311 - jitter, not a secret


def settle(connection: Connection, now: datetime) -> None:
    """What a worker does first: free what one before it held when it was killed, and mend times of a wrong clock.

    SQLite has one serving process (database_lock), so whatever is held there is held by nobody. A pause, a plan or
    a lease that ends later than any can was reckoned while the wall clock was ahead.
    """
    held = outbox.c.leased_until.is_not(None)
    if connection.dialect.name == "sqlite":
        connection.execute(update(outbox).where(*_OPEN, held).values(leased_until=None))
    else:
        until = now + LEASE
        connection.execute(update(outbox).where(*_OPEN, outbox.c.leased_until > until).values(leased_until=until))
    paused = and_(outbox.c.attempts > 0, outbox.c.run_at > now + LONGEST_PAUSE)
    planned = outbox.c.run_at > now + LONGEST_PLAN
    connection.execute(update(outbox).where(*_OPEN, or_(paused, planned)).values(run_at=now))


def forget_old(connection: Connection, now: datetime) -> None:
    """Drop the rows that were done long ago, and what other systems were not told by then: only a letter that was
    given up can be sent again."""
    given_up = and_(outbox.c.kind == "webhook", outbox.c.dead_at <= now - KEPT)
    connection.execute(delete(outbox).where(or_(outbox.c.done_at <= now - KEPT, given_up)))
