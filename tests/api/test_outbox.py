"""Letters leave the outbox once, are tried again where it helps, and stop nothing when they cannot leave."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from itertools import chain, combinations
from typing import Any

import pytest
import time_machine
from examples import rows
from mail_server import Mailbox, OldSMTP, mail_server
from sqlalchemy import Connection
from structlog.testing import capture_logs

from leadapi import clock as leadapi_clock
from leadapi import deliveries, outbox, smtp, tables
from leadapi.deliveries import Tell
from leadapi.outbox import Claim, Delivery, Failure
from leadapi.store import Store, open_store

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
PAYLOAD = {
    "to": "alice@example.com",
    "subject": "Hello",
    "text": "Hello\n",
    "html": "<p>Hello</p>\n",
    "message_id": "<confirmation.1@blog.example.com>",
}

sqlite_only = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def anyio_backend() -> str:
    """The service runs on asyncio alone."""
    return "asyncio"


@pytest.fixture
def clock() -> Iterator[Any]:
    """A clock that stands still until it is shifted."""
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliveries, "IDLE_SECONDS", 0.01)
    monkeypatch.setattr(deliveries, "STOP_SECONDS", 0.1)


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
async def tell(mailbox: Mailbox) -> AsyncIterator[Mapping[str, Tell]]:
    """What carries letters to a real mail server."""
    async with mail_server(mailbox) as address, letter_to(address) as tell_letter:
        yield {"letter": tell_letter}


@asynccontextmanager
async def letter_to(address: str) -> AsyncIterator[Tell]:
    async with smtp.sender_to(address) as send:

        async def tell_letter(delivery: Delivery) -> None:
            await send(smtp.message(delivery.payload, "blog@example.com", "The Blog"))

        yield tell_letter


def put(store: Store, *keys: str, kind: str = "letter", now: datetime = NOW) -> None:
    def rule(connection: Connection, _: None) -> None:
        for key in keys:
            payload = PAYLOAD | {"message_id": f"<{key}@blog.example.com>"}
            outbox.enqueue(connection, outbox.Row(kind, payload, key, now))

    store.write_now(rule, None)


def row(store: Store, key: str = "one") -> Any:
    return next(row for row in rows(store, tables.outbox) if row.dedupe_key == key)


def message_ids(mailbox: Mailbox) -> list[str]:
    return [message_from_bytes(raw)["Message-ID"] for raw in mailbox.letters]


@asynccontextmanager
async def working(store: Store, tell: Mapping[str, Tell]) -> AsyncIterator[Callable[..., Awaitable[None]]]:
    """A worker, and a way to wait until a condition holds; a worker that ends by itself is a failure."""
    worker = asyncio.create_task(deliveries.work(store, tell, leadapi_clock.now))

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


async def work_until(store: Store, tell: Mapping[str, Tell], done: Callable[[], Any]) -> None:
    async with working(store, tell) as until:
        await until(done)


@pytest.mark.usefixtures("clock")
async def test_each_letter_leaves_once_and_is_then_forgotten(
    store: Store, mailbox: Mailbox, tell: Mapping[str, Tell]
) -> None:
    """Twenty letters are sent once each; what names people is gone from the row; a second key adds nothing."""
    keys = [f"key-{number:02}" for number in range(20)]
    put(store, *keys)
    put(store, *keys)
    await work_until(store, tell, lambda: all(row.done_at for row in rows(store, tables.outbox)))
    assert sorted(message_ids(mailbox)) == [f"<{key}@blog.example.com>" for key in keys]
    assert [row.payload for row in rows(store, tables.outbox)] == [{}] * 20
    put(store, *keys)
    put(store, "last")
    await work_until(store, tell, lambda: row(store, "last").done_at)
    assert len(mailbox.letters) == 21


@sqlite_only
async def test_a_letter_that_cannot_leave_now_leaves_later_as_the_same_letter(
    store: Store, mailbox: Mailbox, tell: Mapping[str, Tell], clock: Any
) -> None:
    """After a 4yz reply the row waits, longer each time, and is sent with the Message-ID that it began with."""
    mailbox.at_recipient += ["450 Later"]
    mailbox.at_letter += ["452 Disk full", "451 Later"]
    put(store, "one")
    pauses = []
    for attempt in (1, 2, 3):

        def failed(attempt: int = attempt) -> bool:
            return row(store).attempts == attempt and row(store).leased_until is None

        await work_until(store, tell, failed)
        pauses.append(row(store).run_at - datetime.now(UTC))
        assert (row(store).dead_at, mailbox.letters) == (None, [])
        clock.shift(pauses[-1])
    assert [
        timedelta(seconds=s) <= p <= timedelta(seconds=s * 1.25)
        for s, p in zip((30, 60, 120), pauses, strict=True)
    ]
    await work_until(store, tell, lambda: row(store).done_at)
    assert message_ids(mailbox) == ["<one@blog.example.com>"]
    assert row(store).last_error is None


def test_a_row_that_failed_is_not_due_before_its_pause_is_over(store: Store) -> None:
    """A claim before run_at finds nothing, one at run_at finds the row."""
    put(store, "one")
    (delivery,) = store.write_now(outbox.claim, Claim("", NOW, most=8))
    store.write_now(outbox.fail, Failure(delivery, NOW, "TimeoutError: "))
    due = row(store).run_at
    assert store.write_now(outbox.claim, Claim("", due - timedelta(seconds=1), most=8)) == []
    assert [again.attempts for again in store.write_now(outbox.claim, Claim("", due, most=8))] == [2]


@pytest.mark.usefixtures("clock")
async def test_a_letter_refused_for_good_is_kept_and_never_tried_again(
    store: Store, mailbox: Mailbox, tell: Mapping[str, Tell], clock: Any
) -> None:
    """A 5yz reply ends the tries; the row stays, with the server's words, and others go on."""
    mailbox.at_recipient.append("550 No such person")
    put(store, "one")
    await work_until(store, tell, lambda: row(store).dead_at)
    assert row(store).last_error == "ReceiverRefused: 550 No such person"
    assert row(store).payload["to"] == "alice@example.com"
    clock.shift(timedelta(days=1))
    put(store, "two", now=NOW + timedelta(days=1))
    await work_until(store, tell, lambda: row(store, "two").done_at)
    assert message_ids(mailbox) == ["<two@blog.example.com>"]


def test_tries_end_after_three_days(store: Store) -> None:
    """A letter is tried for 72 hours, with pauses of at most five hours, and is then kept as dead."""
    put(store, "one")
    now, pauses = NOW, []
    while claimed := store.write_now(outbox.claim, Claim("", now, most=8)):
        store.write_now(outbox.fail, Failure(claimed[0], now, "TimeoutError: "))
        pauses.append(row(store).run_at - now)
        now = row(store).run_at
    assert row(store).dead_at is not None
    assert timedelta(hours=66) < row(store).dead_at - NOW <= timedelta(hours=72)
    assert max(pauses) <= timedelta(hours=5)
    assert len(pauses) > 15


def test_a_row_whose_worker_died_is_tried_again_when_its_lease_ends(store: Store) -> None:
    """While leased a row is nobody else's; a worker that crashed loses it after LEASE, not for ever."""
    put(store, "one")
    (first,) = store.write_now(outbox.claim, Claim("", NOW, most=8))
    just_before = NOW + outbox.LEASE - timedelta(seconds=1)
    assert store.write_now(outbox.claim, Claim("", just_before, most=8)) == []
    (second,) = store.write_now(outbox.claim, Claim("", NOW + outbox.LEASE, most=8))
    assert (second.id, second.payload, second.attempts) == (first.id, first.payload, 2)


async def test_a_worker_that_is_stopped_in_the_middle_loses_nothing(
    store: Store, mailbox: Mailbox, tell: Mapping[str, Tell], clock: Any
) -> None:
    """A service killed while it talks to the mail server sends the letter after its next start."""
    put(store, "one")
    under_way = asyncio.Event()

    async def hang(_: Delivery) -> None:
        under_way.set()
        await asyncio.Event().wait()

    await work_until(store, {"letter": hang}, under_way.is_set)
    assert row(store).leased_until == NOW + outbox.LEASE
    clock.shift(outbox.LEASE)
    await work_until(store, tell, lambda: row(store).done_at)
    assert message_ids(mailbox) == ["<one@blog.example.com>"]


def test_two_services_never_take_the_same_row(store: Store, database_url: str) -> None:
    """Two doors that claim in turn share the rows, and each row is taken by one of them."""
    put(store, *[f"key-{number:02}" for number in range(6)])
    second = open_store(database_url)
    try:
        taken = [door.write_now(outbox.claim, Claim("", NOW, most=2)) for door in (store, second, store, second)]
    finally:
        second.close()
    ids = [delivery.id for claimed in taken for delivery in claimed]
    assert sorted(ids) == sorted(row.id for row in rows(store, tables.outbox))
    assert list(map(len, taken)) == [2, 2, 2, 0]


PLANS = ("hashjoin", "mergejoin", "hashagg", "sort", "material", "memoize", "indexscan", "bitmapscan", "seqscan")


def test_a_claim_takes_no_more_than_it_asks_for_whatever_way_the_database_goes(
    store: Store, database_url: str
) -> None:
    """PostgreSQL chooses its way by what it knows of the tables; none of its ways takes more rows."""
    put(store, *[f"key-{number:02}" for number in range(6)])
    if not database_url.startswith("postgresql"):
        assert len(store.write_now(outbox.claim, Claim("", NOW, most=2))) == 2
        return
    ways = chain.from_iterable(combinations(PLANS, count) for count in range(len(PLANS) + 1))
    for without in ways:
        with store.engine.connect() as connection:
            for way in without:
                connection.exec_driver_sql(f"SET LOCAL enable_{way} = off")
            assert len(outbox.claim(connection, Claim("", NOW, most=2))) == 2, without
            connection.rollback()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite has one writer
def test_a_row_in_another_services_hands_is_passed_over(store: Store) -> None:
    """While one transaction holds rows on PostgreSQL, another takes the next ones and does not wait."""
    put(store, "one", "two")
    with store.engine.begin() as holder:
        (held,) = outbox.claim(holder, Claim("", NOW))
        (free,) = store.write_now(outbox.claim, Claim("", NOW, most=8))
    assert held.id != free.id


@pytest.mark.usefixtures("clock")
async def test_a_reply_that_cannot_be_printed_stops_nobody(store: Store, mailbox: Mailbox) -> None:
    """Whatever bytes a mail server answers with, they are noted and the next letter leaves."""
    mailbox.at_recipient.append("550 Empfänger\x00 unbekannt")
    put(store, "one")
    async with mail_server(mailbox, OldSMTP) as address, letter_to(address) as tell_letter:
        await work_until(store, {"letter": tell_letter}, lambda: row(store).last_error)
        assert row(store).last_error.startswith("ReceiverRefused: 550 Empf")
        put(store, "two")
        await work_until(store, {"letter": tell_letter}, lambda: row(store, "two").done_at)


@sqlite_only
@pytest.mark.usefixtures("clock")
async def test_a_row_of_an_unknown_kind_stops_nobody(
    store: Store, mailbox: Mailbox, tell: Mapping[str, Tell]
) -> None:
    """A row that a newer version left is kept for it, and letters go on leaving."""
    put(store, "new", kind="carrier-pigeon")
    put(store, "one")
    await work_until(store, tell, lambda: row(store).done_at and row(store, "new").last_error)
    assert (row(store, "new").done_at, row(store, "new").dead_at) == (None, None)
    assert row(store, "new").payload["to"] == "alice@example.com"


@sqlite_only
@pytest.mark.usefixtures("clock")
async def test_a_try_that_hangs_is_ended_before_its_lease(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mail server that never answers is given up in time, so that no second worker sends beside the first."""
    assert timedelta(seconds=deliveries.TELL_SECONDS) < outbox.LEASE
    monkeypatch.setattr(deliveries, "TELL_SECONDS", 0.05)
    put(store, "one")

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    async with server:
        address = f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with letter_to(address) as tell_letter:
            await work_until(store, {"letter": tell_letter}, lambda: row(store).last_error)
    assert row(store).last_error.startswith("TimeoutError")
    assert (row(store).leased_until, row(store).dead_at) == (None, None)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite says "away" for both
@pytest.mark.usefixtures("clock")
async def test_letters_leave_again_when_the_database_is_back(
    store: Store, mailbox: Mailbox, tell: Mapping[str, Tell]
) -> None:
    """A table that is away does not end the worker: what waits leaves as soon as it can be read."""

    def rename(old: str, new: str) -> None:
        store.write_now(
            lambda connection, _: connection.exec_driver_sql(f"ALTER TABLE {old} RENAME TO {new}"), None
        )

    put(store, "one")
    rename("outbox", "away")
    with capture_logs() as logs:
        async with working(store, tell) as until:
            await until(lambda: logs)
            rename("away", "outbox")
            await until(lambda: row(store).done_at)
    assert message_ids(mailbox) == ["<one@blog.example.com>"]
