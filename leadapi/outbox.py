"""What has to be told to the outside, kept in the same transaction as what it tells of.

A request never waits for a mail server and never loses a letter to one: the rule that stores a submission
also puts a row here, and a worker takes the rows from here, with a lease, sends, and tries again with growing
pauses until it gives up and keeps the row as dead. A row is told at least once; what it carries (a Message-ID)
lets the receiver see that it is the same.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection, bindparam, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from leadapi import clock, typed_text
from leadapi.errors import RefusedForGood, StoreUnavailable
from leadapi.store import Store
from leadapi.tables import new_id, outbox

LEASE = timedelta(minutes=2)
"""How long a worker may hold a row; after that another may try."""

TELL_SECONDS = 90.0
"""How long one try may take: less than LEASE, so that nobody else begins while it is under way."""

GIVE_UP_AFTER = timedelta(hours=72)
"""From the row's first moment to its last try."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One row that a worker has claimed."""

    id: str
    kind: str
    payload: dict[str, Any]
    attempts: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Row:
    """One thing to tell: `kind` says by which worker, `payload` is all that it needs.

    A second row under the same `dedupe_key` changes nothing. `queue` keeps what may be slow apart from the rest;
    `address_hash`, `topic` and `planned_at` are for visitor_letters, which counts by them. Due at
    `run_at`, else at once.
    """

    kind: str
    payload: Mapping[str, Any]
    dedupe_key: str
    now: datetime
    queue: str = ""
    address_hash: str | None = None
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
                "topic": row.topic,
                "planned_at": row.planned_at,
                "created_at": row.now,
                "run_at": row.run_at or row.now,
            }
            for row in rows
        ],
    )


_due = (
    select(outbox.c.id)
    .where(outbox.c.done_at.is_(None), outbox.c.dead_at.is_(None), outbox.c.run_at <= bindparam("now"))
    .where(or_(outbox.c.leased_until.is_(None), outbox.c.leased_until <= bindparam("now")))
    .order_by(outbox.c.run_at, outbox.c.id)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)
_claim = (
    update(outbox)
    .where(outbox.c.id.in_(_due.scalar_subquery()))
    .values(leased_until=bindparam("until"), attempts=outbox.c.attempts + 1)
    .returning(outbox.c.id, outbox.c.kind, outbox.c.payload, outbox.c.attempts, outbox.c.created_at)
)


def claim(connection: Connection, value: tuple[datetime, int]) -> list[Delivery]:
    """Take up to `most` due rows for LEASE; value is (now, most). Oldest first."""
    now, most = value
    rows = connection.execute(_claim, {"now": now, "most": most, "until": now + LEASE}).all()
    return sorted((Delivery(*row) for row in rows), key=lambda delivery: delivery.id)


def finish(connection: Connection, value: tuple[str, datetime]) -> None:
    """The row (id, now) was told: it is done, and its payload is forgotten, since it names people."""
    row, now = value
    connection.execute(
        update(outbox)
        .where(outbox.c.id == row)
        .values(done_at=now, leased_until=None, payload={}, last_error=None)
    )


def fail(connection: Connection, value: tuple[Delivery, datetime, str, bool]) -> None:
    """The row was not told: try again after a pause, or give it up; value is (delivery, now, why, final)."""
    delivery, now, why, final = value
    again = now + pause(delivery.attempts)
    dead = final or again - delivery.created_at > GIVE_UP_AFTER
    connection.execute(
        update(outbox)
        .where(outbox.c.id == delivery.id)
        .values(
            leased_until=None,
            last_error=typed_text.printable(why)[:500],
            run_at=again,
            dead_at=now if dead else None,
        )
    )


def pause(attempts: int) -> timedelta:
    """30 s after the first try, doubled each time up to 4 h, plus up to a quarter against crowds."""
    seconds = min(30 * 2 ** (attempts - 1), 4 * 3600)
    return timedelta(seconds=seconds * random.uniform(1, 1.25))  # noqa: S311 - jitter, not a secret


Tell = Callable[[dict[str, Any]], Awaitable[None]]

IDLE_SECONDS = 0.5
AT_ONCE = 8

log = structlog.get_logger()


async def work(store: Store, tell: Mapping[str, Tell]) -> None:
    """Claim, tell, and note the outcome, until cancelled; `tell` maps a kind to what carries it out."""
    while True:
        try:
            claimed = await store.write(claim, (clock.now(), AT_ONCE))
        except Exception as error:  # whatever it is: the letters have to leave once it is mended
            if not isinstance(error, StoreUnavailable):
                log.error("outbox_unreadable", exc_info=error)
            claimed = []
        if claimed:
            await asyncio.gather(*(_tell(store, tell, delivery) for delivery in claimed))
        else:
            await asyncio.sleep(IDLE_SECONDS)


async def _tell(store: Store, tell: Mapping[str, Tell], delivery: Delivery) -> None:
    try:
        try:
            async with asyncio.timeout(TELL_SECONDS):
                await tell[delivery.kind](delivery.payload)  # a kind that is not known may be a newer version's
        except Exception as error:  # whatever it is: the row has to be tried again, or given up, not lost
            final = isinstance(error, RefusedForGood)
            log.warning(
                "delivery_failed",
                delivery=delivery.id,
                kind=delivery.kind,
                attempt=delivery.attempts,
                final=final,
                reason=type(error).__name__,
            )
            await store.write(fail, (delivery, clock.now(), f"{type(error).__name__}: {error}", final))
        else:
            await store.write(finish, (delivery.id, clock.now()))
    except Exception as error:  # its lease will end, and the row is tried again
        reason = type(error).__name__
        log.warning("delivery_outcome_not_noted", delivery=delivery.id, kind=delivery.kind, reason=reason)
