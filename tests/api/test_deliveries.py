"""The worker of the outbox: each queue goes its own way, and a delivery says what becomes of its row."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from examples import rows
from sqlalchemy import Connection

from leadapi import deliveries, outbox, suppressions, tables
from leadapi.clock import SteadyClock
from leadapi.deliveries import Tell
from leadapi.errors import ReceiverRefused, TryLater
from leadapi.outbox import Claim, Delivery, Failure
from leadapi.store import Store, open_store

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
ALICE = "a" * 64

sqlite_only = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def anyio_backend() -> str:
    """The service runs on asyncio alone."""
    return "asyncio"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliveries, "IDLE_SECONDS", 0.01)
    monkeypatch.setattr(deliveries, "STOP_SECONDS", 0.2)


class Told:
    """What was told, in turn; `refusals` are raised first, one each."""

    def __init__(self, *refusals: Exception) -> None:
        self.keys: list[str] = []
        self._refusals = list(refusals)

    async def __call__(self, delivery: Delivery) -> None:
        if self._refusals:
            raise self._refusals.pop(0)
        self.keys.append(delivery.payload["key"])


def put(store: Store, *keys: str, now: datetime = NOW, **changed: Any) -> None:
    def rule(connection: Connection, _: None) -> None:
        wanted = {"kind": "letter", "now": now} | changed
        payload = wanted.pop("payload", {})
        outbox.enqueue_many(
            connection, [outbox.Row(payload={"key": key} | payload, dedupe_key=key, **wanted) for key in keys]
        )

    store.write_now(rule, None)


def row(store: Store, key: str = "one") -> Any:
    return next(row for row in rows(store, tables.outbox) if row.dedupe_key == key)


@asynccontextmanager
async def working(
    store: Store, tell: Mapping[str, Tell], now: Callable[[], datetime] = lambda: NOW
) -> AsyncIterator[Callable[..., Awaitable[None]]]:
    """A worker, and a way to wait until a condition holds; a worker that ends by itself is a failure."""
    worker = asyncio.create_task(deliveries.work(store, tell, now))

    async def until(done: Callable[[], Any]) -> None:
        async with asyncio.timeout(10):
            while not done():
                assert not worker.done(), worker.exception()
                await asyncio.sleep(0.005)

    try:
        yield until
    finally:
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)


async def test_a_queue_that_hangs_holds_up_no_other(store: Store) -> None:
    """While one endpoint answers nothing and has much waiting, letters and another endpoint are told at once."""
    letters, other, hanging = Told(), Told(), asyncio.Event()

    async def webhook(delivery: Delivery) -> None:
        if delivery.queue == "bad":
            hanging.set()
            await asyncio.Event().wait()
        await other(delivery)

    put(store, *[f"bad-{number}" for number in range(200)], kind="webhook", queue="bad")
    async with working(store, {"letter": letters, "webhook": webhook}) as until:
        await until(hanging.is_set)
        put(store, "letter")
        put(store, "good", kind="webhook", queue="good")
        since = time.monotonic()
        await until(lambda: letters.keys and other.keys)
        assert time.monotonic() - since < 1
    assert (letters.keys, other.keys) == (["letter"], ["good"])
    assert sum(row.attempts for row in rows(store, tables.outbox) if row.queue == "bad") == (
        deliveries.OTHERS_AT_ONCE
    )


def test_a_claim_takes_the_newest_that_was_never_tried_or_the_one_that_waited_longest(store: Store) -> None:
    """A new letter passes a backlog and rows that failed before; the backlog is taken from its other end."""
    for minute in range(4):
        put(store, f"minute-{minute}", now=NOW + timedelta(minutes=minute))
    late = NOW + timedelta(minutes=10)

    def key(newest_first: bool) -> str:
        (claimed,) = store.write_now(outbox.claim, Claim("", late, newest_first))
        again = Failure(claimed, claimed.created_at - timedelta(hours=1), "TimeoutError: ")
        store.write_now(outbox.fail, again)
        return str(claimed.payload["key"])

    assert [key(newest_first=True), key(newest_first=True), key(newest_first=False)] == [
        "minute-3",
        "minute-2",
        "minute-2",  # since it is due for an hour
    ]
    assert {key(newest_first=True), key(newest_first=True)} == {"minute-0", "minute-1"}
    assert store.write_now(outbox.claim, Claim("another", late)) == []


@sqlite_only
async def test_whoever_asks_to_wait_is_asked_again_when_the_time_has_come(store: Store) -> None:
    """TryLater sets the pause where it is longer than ours, and no pause is longer than five hours."""
    put(store, "one", "two", "three")
    told = Told(TryLater("503", timedelta(hours=1)), TryLater("429", timedelta(days=9)), TryLater("", timedelta()))
    async with working(store, {"letter": told}) as until:
        await until(lambda: all(row.run_at > NOW for row in rows(store, tables.outbox)))
    pauses = sorted(row.run_at - NOW for row in rows(store, tables.outbox))
    assert timedelta(seconds=30) <= pauses[0] <= timedelta(seconds=37.5)
    assert pauses[1:] == [timedelta(hours=1), timedelta(hours=5)]


async def test_an_address_that_is_refused_for_good_is_marked(store: Store) -> None:
    """The letter is kept as dead and the address as bounced; a row without an address marks none."""
    put(store, "alice", address_hash=ALICE)
    put(store, "owner")
    async with working(store, {"letter": Told(*[ReceiverRefused("550 No such person")] * 2)}) as until:
        await until(lambda: all(row.dead_at for row in rows(store, tables.outbox)))
    assert [(found.address_hash, found.reason) for found in rows(store, tables.suppressions)] == [
        (ALICE, "bounced")
    ]


@pytest.mark.parametrize(
    ("reason", "payload", "sent"),
    [
        ("bounced", {}, False),
        ("refused", {}, False),
        ("complained", {"unsubscribe": "https://blog.example.com/"}, False),
        ("unsubscribed", {}, True),
        ("unsubscribed", {"unsubscribe": "https://blog.example.com/"}, False),
    ],
)
@sqlite_only
async def test_an_address_that_came_onto_the_list_meanwhile_is_not_written_to(
    store: Store, reason: suppressions.Reason, payload: dict[str, str], sent: bool
) -> None:
    """What waits for its turn is looked up once more; an answer still goes to whoever only unsubscribed."""
    put(store, "one", address_hash=ALICE, payload=payload)
    store.write_now(suppressions.suppress, (ALICE, reason, NOW))
    told = Told()
    async with working(store, {"letter": told}) as until:
        await until(lambda: row(store).done_at)
    assert told.keys == ["one"] * sent
    assert (row(store).payload, row(store).last_error is None) == ({}, sent)


class Clocks:
    """A wall clock that can be set, and a count of seconds that goes on."""

    def __init__(self) -> None:
        self.wall, self.count = NOW, 100.0

    def steady(self) -> SteadyClock:
        return SteadyClock(lambda: self.wall, lambda: self.count)

    def passes(self, seconds: float) -> None:
        self.wall += timedelta(seconds=seconds)
        self.count += seconds


@pytest.mark.parametrize("jump", [timedelta(days=400), timedelta(hours=-3), timedelta(seconds=40)])
def test_a_wall_clock_that_jumps_neither_skips_nor_stretches_a_pause(store: Store, jump: timedelta) -> None:
    """A row that failed is due when its seconds have passed, to a tenth, whatever the wall clock was set to."""
    clocks = Clocks()
    steady = clocks.steady()
    put(store, "one")
    (delivery,) = store.write_now(outbox.claim, Claim("", steady.now()))
    store.write_now(outbox.fail, Failure(delivery, steady.now(), "TimeoutError: "))
    pause = (row(store).run_at - NOW).total_seconds()
    clocks.wall += jump

    def due(newest_first: bool) -> list[Delivery]:
        return store.write_now(outbox.claim, Claim("", steady.now(), newest_first, wall=clocks.wall))

    clocks.passes(pause * 0.9)
    assert due(newest_first=False) == due(newest_first=True) == []
    put(store, "new", now=clocks.wall)
    assert [new.payload["key"] for new in due(newest_first=True)] == ["new"]
    clocks.passes(pause * 0.22)
    assert [again.attempts for again in due(newest_first=False)] == [2]


def test_a_steady_clock_comes_back_to_the_wall_clock(store: Store) -> None:
    """After a jump it runs a tenth faster or slower until both agree; it never goes back."""
    clocks = Clocks()
    steady = clocks.steady()
    for jump, seconds in ((timedelta(minutes=1), 600), (timedelta(minutes=-1), 600)):
        clocks.wall += jump
        for _ in range(seconds - 2):
            before = steady.now()
            clocks.passes(1)
            assert timedelta(seconds=0.89) < steady.now() - before < timedelta(seconds=1.11)
        assert steady.now() != clocks.wall
        clocks.passes(10)
        assert steady.now() == clocks.wall


def test_a_worker_mends_what_a_wrong_clock_left(store: Store) -> None:
    """Pauses, plans and leases that end later than any can are over at the next start; true ones stay."""
    put(store, "failed", "planned", "held", "tomorrow")

    def rule(connection: Connection, _: None) -> None:
        table = tables.outbox
        for key, changed in {
            "failed": {"attempts": 1, "run_at": NOW + timedelta(hours=6)},
            "planned": {"run_at": NOW + timedelta(days=400)},
            "held": {"leased_until": NOW + timedelta(days=400)},
            "tomorrow": {"run_at": NOW + timedelta(days=1)},
        }.items():
            connection.execute(table.update().where(table.c.dedupe_key == key).values(changed))

    store.write_now(rule, None)
    store.write_now(outbox.settle, NOW)
    later = NOW + outbox.LEASE
    due = {found.payload["key"] for found in store.write_now(outbox.claim, Claim("", later, most=8))}
    assert due == {"failed", "planned", "held"}


def test_what_a_killed_worker_held_is_free_at_the_next_start_unless_others_may_hold_it(store: Store) -> None:
    """On SQLite a service is alone, and goes on at once; on PostgreSQL the lease has to end."""
    put(store, "one")
    store.write_now(outbox.claim, Claim("", NOW))
    store.write_now(outbox.settle, NOW)
    alone = store.engine.dialect.name == "sqlite"
    assert len(store.write_now(outbox.claim, Claim("", NOW))) == alone


@sqlite_only
async def test_a_service_that_stops_lets_a_letter_under_way_end(store: Store) -> None:
    """A letter that the mail server is about to take is not sent a second time after a restart."""
    put(store, "one", "two")
    begun, may_end = asyncio.Event(), asyncio.Event()
    told = Told()

    async def slow(delivery: Delivery) -> None:
        begun.set()
        await may_end.wait()
        await told(delivery)

    async with working(store, {"letter": slow}) as until:
        await until(begun.is_set)
        asyncio.get_running_loop().call_later(0.05, may_end.set)
    assert sorted(told.keys) == sorted(row.dedupe_key for row in rows(store, tables.outbox) if row.done_at)
    assert told.keys


def test_rows_that_were_done_long_ago_are_dropped(store: Store) -> None:
    """After 90 days a row that is done goes, and what another system was not told; what waits, and a letter that
    is dead, stays."""
    put(store, "done", "recent", "waits", "dead")
    put(store, "untold", kind="webhook")
    claimed = {found.payload["key"]: found for found in store.write_now(outbox.claim, Claim("", NOW, most=8))}
    store.write_now(outbox.finish, (claimed["done"].id, NOW))
    store.write_now(outbox.finish, (claimed["recent"].id, NOW + timedelta(seconds=1)))
    for key in ("dead", "untold"):
        store.write_now(outbox.fail, Failure(claimed[key], NOW, "RefusedForGood: ", final=True))
    store.write_now(outbox.forget_old, NOW + outbox.KEPT)
    assert {row.dedupe_key for row in rows(store, tables.outbox)} == {"recent", "waits", "dead"}


def test_two_services_share_a_queue(store: Store, database_url: str) -> None:
    """Rows that one service has claimed are not claimed by another, from either end."""
    put(store, *[f"key-{number}" for number in range(4)])
    second = open_store(database_url)
    try:
        taken = [
            door.write_now(outbox.claim, Claim("", NOW, newest_first))
            for door, newest_first in ((store, True), (second, True), (store, False), (second, False))
        ]
    finally:
        second.close()
    assert len({claimed.id for (claimed,) in taken}) == 4
