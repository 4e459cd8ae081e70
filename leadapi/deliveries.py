"""The worker behind the outbox: takes what is due, has it told, and notes the outcome.

`work(store, tell)` runs for as long as the service. `tell` maps a row's kind to what carries it out: an async
function of the Delivery, whose `id` is the same at every try. To add a kind, register such a function in app and
enqueue rows of the kind; nothing here need change. What it raises decides what becomes of the row:

- nothing: told; the payload is forgotten
- RefusedForGood: never tried again, kept among the dead; ReceiverRefused also puts the row's address on the
  suppression list as bounced
- TryLater(message, wait): tried again after `wait`, or after the usual pause where that is longer
- anything else, and no answer after TELL_SECONDS: tried again after the usual pause, for 72 hours

Each queue has lanes of its own, in each of which one row after the other is told: so many for letters, fewer for
every other queue, so that a receiver that is slow or gone delays its own queue alone. A queue without anything due
has no lane. A row whose address came onto the suppression list while it waited is not told; a visitor's
letter that had to wait takes its turn (visitor_letters).

Pauses are kept by a clock that does not jump (clock.SteadyClock). What a wall clock that jumps does to the times
in the database is mended when a worker starts (outbox.settle).
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

import structlog
from sqlalchemy import Connection

from leadapi import clock, outbox, suppressions, visitor_letters
from leadapi.errors import ReceiverRefused, RefusedForGood, StoreUnavailable, TryLater
from leadapi.outbox import Claim, Delivery, Failure
from leadapi.store import Store

Tell = Callable[[Delivery], Awaitable[None]]
Now = Callable[[], datetime]

LETTERS = ""
"""The queue of the letters."""

LETTERS_AT_ONCE = 8
OTHERS_AT_ONCE = 2
"""Lanes of each queue; every second one takes the newest first."""

TELL_SECONDS = 90.0
"""How long one try may take: less than LEASE, so that nobody else begins while it is under way."""

IDLE_SECONDS = 0.5
STOP_SECONDS = 5.0
"""How long what is under way may take when the service stops: cut short, it might be told twice."""

log = structlog.get_logger()


async def work(store: Store, tell: Mapping[str, Tell], now: Now | None = None) -> None:
    """Tell what is due until cancelled; `now` is a clock that does not jump."""
    worker = _Worker(store, tell, now or clock.SteadyClock().now)
    try:
        await worker.settle()
        while True:
            await worker.open_lanes()
            await asyncio.sleep(IDLE_SECONDS)
    finally:
        await worker.stop()


class _Worker:
    def __init__(self, store: Store, tell: Mapping[str, Tell], now: Now) -> None:
        self._store, self._tell, self._now = store, tell, now
        self._lanes: dict[tuple[str, int], asyncio.Task[None]] = {}
        self._stopping = False

    async def settle(self) -> None:
        """Begin where a worker before this one ended, as soon as the database can be written."""
        while True:
            try:
                return await self._store.write(outbox.settle, self._now())
            except Exception as error:
                _note(error)
            await asyncio.sleep(IDLE_SECONDS)

    async def open_lanes(self) -> None:
        """A queue that has something due gets its lanes."""
        try:
            due = await self._store.read(outbox.due_queues, (self._now(), clock.now()))
        except Exception as error:  # whatever it is: the letters have to leave once it is mended
            _note(error)
            return
        self._lanes = {name: lane for name, lane in self._lanes.items() if not lane.done()}
        for queue in due:
            for number in range(LETTERS_AT_ONCE if queue == LETTERS else OTHERS_AT_ONCE):
                if (queue, number) not in self._lanes:
                    lane = asyncio.create_task(self._lane(queue, newest_first=number % 2 > 0))
                    self._lanes[queue, number] = lane

    async def stop(self) -> None:
        """Begin nothing more; what is under way may end."""
        self._stopping = True
        if self._lanes:
            _, late = await asyncio.wait(self._lanes.values(), timeout=STOP_SECONDS)
            for lane in late:
                lane.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _lane(self, queue: str, newest_first: bool) -> None:
        """Tell one row after the other until nothing is due."""
        try:
            while not self._stopping:
                asked = Claim(queue, self._now(), newest_first, wall=clock.now())
                claimed = await self._store.write(outbox.claim, asked)
                if not claimed:
                    return
                for delivery in claimed:
                    await self._deliver(delivery)
        except Exception as error:  # a row that is held is free again when its lease ends
            _note(error)

    async def _deliver(self, delivery: Delivery) -> None:
        if delivery.address_hash and (why := await self._store.read(_stopped, (delivery, self._now()))):
            await self._store.write(outbox.drop, (delivery.id, self._now(), why))
            return
        now = self._now()
        if visitor_letters.waited(delivery, now) and not await self._store.write(
            visitor_letters.take_turn, (delivery, now)
        ):
            return
        try:
            async with asyncio.timeout(TELL_SECONDS):
                await self._tell[delivery.kind](delivery)  # a kind that is not known may be a newer version's
        except Exception as error:  # whatever it is: the row has to be tried again, or given up, not lost
            log.warning(
                "delivery_failed",
                delivery=delivery.id,
                kind=delivery.kind,
                queue=delivery.queue,
                attempt=delivery.attempts,
                final=isinstance(error, RefusedForGood),
                reason=type(error).__name__,
            )
            await self._store.write(_failed, (delivery, self._now(), error))
        else:
            await self._store.write(outbox.finish, (delivery.id, self._now()))


def _stopped(connection: Connection, value: tuple[Delivery, datetime]) -> str:
    """Why a letter is no longer to be sent; only one that nobody asked for has a link to unsubscribe."""
    delivery, now = value
    hashed = delivery.address_hash or ""
    why = suppressions.reasons(connection, {hashed}, now).get(hashed, set())
    stopped = suppressions.stops(why, asked="unsubscribe" not in delivery.payload)
    return f"Not sent: the address is on the suppression list ({', '.join(sorted(why))})." if stopped else ""


def _failed(connection: Connection, value: tuple[Delivery, datetime, Exception]) -> None:
    delivery, now, error = value
    final, wait = isinstance(error, RefusedForGood), error.wait if isinstance(error, TryLater) else None
    outbox.fail(connection, Failure(delivery, now, f"{type(error).__name__}: {error}", final, wait))
    if isinstance(error, ReceiverRefused) and delivery.address_hash:
        suppressions.suppress(connection, (delivery.address_hash, "bounced", now))


def _note(error: Exception) -> None:
    if isinstance(error, StoreUnavailable):
        log.warning("outbox_unavailable", reason=type(error.__cause__).__name__)
    else:
        log.error("outbox_unreadable", exc_info=error)
