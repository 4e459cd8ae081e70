"""The owner's systems are told of each event at least once, under one id, signed, each by its own queue."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from ipaddress import ip_network
from typing import Any

import pytest
from examples import ALICE, BOB, NOW, record, reply, rows
from sqlalchemy import delete, event, update
from standardwebhooks import Webhook, WebhookVerificationError
from webhook_sink import SILENCE, Sink, listening, plain

from leadapi import comments, deliveries, events, leads, tables, webhook_endpoints, webhooks
from leadapi.events import Event
from leadapi.store import Store
from leadapi.webhook_requests import asker

pytestmark = pytest.mark.anyio

HERE = [ip_network("127.0.0.1/32")]
SECRET, OTHER_SECRET = "whsec_" + "MfKQ9r8GKYqrTwjU" * 2, "whsec_" + "C2FVsBQIhrscChlQ" * 2
Until = Callable[[Callable[[], Any]], Any]


@pytest.fixture
def anyio_backend() -> str:
    """The service runs on asyncio alone."""
    return "asyncio"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliveries, "IDLE_SECONDS", 0.01)
    monkeypatch.setattr(deliveries, "STOP_SECONDS", 0.1)


def add(
    store: Store, url: str, kind: str = "webhook", told_of: list[str] | None = None, secret: str = SECRET
) -> str:
    new = webhook_endpoints.NewEndpoint(url, kind, told_of or [], secret, NOW)  # type: ignore[arg-type]
    return str(store.write_now(webhook_endpoints.add, new)["id"])


def publish(store: Store, *happened: Event) -> None:
    store.write_now(events.publish_many, happened)


def created(lead: str = "lead-1", **data: str) -> Event:
    return Event("lead.created", lead, lead, {"lead": lead, "email": "alice@example.com"} | data, NOW)


@asynccontextmanager
async def working(store: Store, clock: Callable[[], datetime] = lambda: NOW) -> AsyncIterator[Until]:
    """A worker, and a way to wait until a condition holds."""
    tell = webhooks.teller(store, asker(HERE))
    worker = asyncio.create_task(deliveries.work(store, {"webhook": tell}, clock))

    async def until(done: Callable[[], Any]) -> None:
        async with asyncio.timeout(20):
            while not done():
                assert not worker.done(), worker.exception()
                await asyncio.sleep(0.005)

    try:
        yield until
    finally:
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)


def outbox_rows(store: Store) -> list[Any]:
    return [row for row in rows(store, tables.outbox) if row.kind == "webhook"]


def all_done(store: Store) -> bool:
    return all(row.done_at for row in outbox_rows(store))


class Clock:
    """A worker's steady time, which a test moves on."""

    def __init__(self) -> None:
        self.time = NOW

    def __call__(self) -> datetime:
        return self.time


async def test_an_event_is_told_signed_and_whole(store: Store) -> None:
    """The receiver verifies it with the library of the standard, and reads type, time and data."""
    sink = Sink()
    async with listening(sink) as port, working(store) as until:
        add(store, f"http://127.0.0.1:{port}/hook")
        publish(store, created(name="Alice “A” <b>"))
        await until(lambda: all_done(store))
    [received] = sink.received
    [stored] = rows(store, tables.events)
    assert Webhook(SECRET).verify(received.body, received.headers) == {
        "type": "lead.created",
        "timestamp": "2026-03-01T09:30:00Z",
        "data": {"lead": "lead-1", "email": "alice@example.com", "name": "Alice “A” <b>"},
    }
    assert received.headers["webhook-id"] == stored.id
    assert received.headers["content-type"] == "application/json"
    with pytest.raises(WebhookVerificationError):
        Webhook(OTHER_SECRET).verify(received.body, received.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(received.body + b" ", received.headers)


async def test_both_secrets_sign_while_one_takes_the_others_place(store: Store) -> None:
    """During a rotation the receiver may know the old one or the new one; after it the new one alone."""
    sink = Sink()
    async with listening(sink) as port, working(store) as until:
        endpoint = add(store, f"http://127.0.0.1:{port}/")
        store.write_now(webhook_endpoints.rotate, (endpoint, OTHER_SECRET))
        publish(store, created("one"))
        await until(lambda: len(sink.received) == 1)
        for secret in (SECRET, OTHER_SECRET):
            Webhook(secret).verify(sink.received[0].body, sink.received[0].headers)
        store.write_now(webhook_endpoints.finish_rotation, endpoint)
        publish(store, created("two"))
        await until(lambda: len(sink.received) == 2)
        Webhook(OTHER_SECRET).verify(sink.received[1].body, sink.received[1].headers)
        with pytest.raises(WebhookVerificationError):
            Webhook(SECRET).verify(sink.received[1].body, sink.received[1].headers)


async def test_every_try_has_the_same_id_and_body(store: Store) -> None:
    """After a failure and after a redirect the event comes again, under its one id; then it is done, once."""
    sink, clock = Sink([plain(500), plain(302, Location="http://127.0.0.1/"), plain(204)]), Clock()
    async with listening(sink) as port, working(store, clock) as until:
        add(store, f"http://127.0.0.1:{port}/")
        publish(store, created())
        for told, reason in ((1, "answered 500"), (2, "answered 302: a redirect, which is not followed")):
            await until(lambda told=told: len(sink.received) == told)
            await until(lambda reason=reason: reason in (outbox_rows(store)[0].last_error or ""))
            clock.time += timedelta(hours=5)
        await until(lambda: all_done(store))
    assert len({(request.headers["webhook-id"], request.body) for request in sink.received}) == 1
    assert len(sink.received) == 3
    assert outbox_rows(store)[0].payload == {}


async def test_a_receiver_may_ask_for_patience(store: Store) -> None:
    """Retry-After is kept to, where it is longer than the usual pause."""
    sink, clock = Sink([plain(503, Retry_After="3600")]), Clock()
    async with listening(sink) as port, working(store, clock) as until:
        add(store, f"http://127.0.0.1:{port}/")
        publish(store, created())
        await until(lambda: outbox_rows(store)[0].last_error)
    assert outbox_rows(store)[0].run_at == clock.time + timedelta(seconds=3600)


async def test_gone_disables_the_endpoint(store: Store) -> None:
    """410: nothing more is sent there, and what waits is given up; enabled again, it is told of what is new."""
    sink = Sink(judge=lambda _: plain(410))
    async with listening(sink) as port:
        endpoint = add(store, f"http://127.0.0.1:{port}/")
        publish(store, *(created(f"lead-{number}") for number in range(1, 8)))
        async with working(store) as until:
            await until(lambda: all(row.dead_at for row in outbox_rows(store)))
        assert len(sink.received) <= deliveries.OTHERS_AT_ONCE
        assert all("410" in row.last_error or "disabled" in row.last_error for row in outbox_rows(store))
        [listed] = store.read_now(webhook_endpoints.listed, None)
        assert listed["disabled_reason"] == "The receiver answered 410: it is gone."
        assert (listed["waiting"], listed["given_up"]) == (0, 7)
        publish(store, created("unheard"))
        assert len(outbox_rows(store)) == 7
        store.write_now(webhook_endpoints.enable, endpoint)
        publish(store, created("heard"))
        sink.received.clear()
        sink.judge = lambda _: None
        async with working(store) as until:
            await until(lambda: sink.received)
        assert json.loads(sink.received[0].body)["data"]["lead"] == "heard"


async def test_a_receiver_that_hangs_holds_up_no_other(store: Store) -> None:
    """Each endpoint has its own queue."""
    slow, good = Sink(judge=lambda _: SILENCE), Sink()
    async with listening(slow) as slow_port, listening(good) as port, working(store) as until:
        add(store, f"http://127.0.0.1:{slow_port}/")
        add(store, f"http://127.0.0.1:{port}/")
        publish(store, *(created(f"lead-{number}") for number in range(20)))
        await until(lambda: len(good.received) == 20)
    assert len({request.headers["webhook-id"] for request in good.received}) == 20


async def test_a_receiver_on_this_machine_is_refused(store: Store) -> None:
    """What the operator does not allow is not connected to; the row says why, and is tried again."""
    sink = Sink()
    async with listening(sink) as port:
        add(store, f"https://127.0.0.2:{port}/")
        add(store, f"https://[::1]:{port}/")
        publish(store, created())
        async with working(store) as until:
            await until(lambda: all(row.last_error for row in outbox_rows(store)))
    assert sink.connections == 0
    assert all("not on the public internet" in row.last_error for row in outbox_rows(store))


async def test_an_event_whose_person_was_erased_is_not_told(store: Store) -> None:
    """What waited, or was tried in vain, is dropped without a word; the erasing itself is told."""
    sink = Sink()
    async with listening(sink) as port:
        add(store, f"http://127.0.0.1:{port}/")
        publish(store, created("gone"), created("emptied"))

        def erase(connection: Any, _: None) -> None:
            table = tables.events
            connection.execute(delete(table).where(table.c.lead_id == "gone"))
            connection.execute(update(table).where(table.c.lead_id == "emptied").values(data={}))
            gone = Event("lead.erased", "gone", None, {"lead": "gone"}, NOW, address="alice@example.com")
            events.publish_many(connection, [gone])

        store.write_now(erase, None)
        async with working(store) as until:
            await until(lambda: all_done(store))
    assert [json.loads(request.body)["type"] for request in sink.received] == ["lead.erased"]
    assert b"alice" not in sink.received[0].body
    assert not any("alice" in str(row) for row in (*rows(store, tables.events), *outbox_rows(store)))


async def test_a_removed_endpoint_is_told_nothing_more(store: Store) -> None:
    """What waits for it goes with it; others keep theirs."""
    sink = Sink()
    async with listening(sink) as port:
        removed, kept = add(store, f"http://127.0.0.1:{port}/removed"), add(store, f"http://127.0.0.1:{port}/kept")
        publish(store, created())
        store.write_now(webhook_endpoints.remove, removed)
        async with working(store) as until:
            await until(lambda: all_done(store))
    assert [request.path for request in sink.received] == ["/kept"]
    assert [row["id"] for row in store.read_now(webhook_endpoints.listed, None)] == [kept]


def test_a_removed_endpoint_leaves_nothing_that_was_given_up(store: Store) -> None:
    """Least of all what names an erased person's member of an audience; another endpoint's stays."""
    removed, kept = (
        add(store, f"https://us1.api.mailchimp.com/3.0/lists/{name}", "mailchimp", secret="key-us1")
        for name in ("removed", "kept")
    )
    publish(store, Event("lead.erased", "lead-1", None, {"lead": "lead-1"}, NOW, "alice@example.com"))
    for endpoint in (removed, kept):
        store.write_now(webhook_endpoints.disable, (endpoint, "410", NOW))
    store.write_now(webhook_endpoints.remove, removed)
    assert [row.queue for row in outbox_rows(store)] == [kept]


def test_only_who_listens_to_a_kind_gets_a_row(store: Store) -> None:
    """An event known before adds nothing, and its row names it without repeating what it says."""
    first = add(store, "https://crm.example.com/", told_of=["lead.created", "comment.created"])
    second = add(store, "https://other.example.com/", told_of=["comment.created"])
    for _ in range(2):
        publish(store, created(), created())
    comment = Event("comment.created", "c-1", None, {"comment": "c-1"}, NOW)
    publish(store, comment)
    made = sorted((row.queue, row.payload["event"]) for row in outbox_rows(store))
    by_kind = {row.kind: row.id for row in rows(store, tables.events)}
    assert made == sorted(
        [
            (first, by_kind["lead.created"]),
            (first, by_kind["comment.created"]),
            (second, by_kind["comment.created"]),
        ]
    )
    assert not any("alice" in str(row.payload) for row in outbox_rows(store))


def test_events_cost_one_look_at_the_endpoints(store: Store) -> None:
    """Where nobody listens a batch of events costs two statements, however large it is."""
    statements: list[str] = []
    event.listen(store.engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    publish(store, *(created(f"lead-{number}") for number in range(100)))
    assert len([text for text in statements if text.startswith(("SELECT", "INSERT"))]) == 2


def told_of(store: Store) -> list[tuple[str, dict[str, Any]]]:
    return [(row.kind, row.data) for row in sorted(rows(store, tables.events), key=lambda row: row.kind)]


def test_a_comment_is_told_of_when_it_comes_and_when_it_is_approved(store: Store) -> None:
    """Each once, however often the owner changes his mind; a held one, and a refused one, not."""
    reply(store, BOB, replace(BOB, body="spam", held=True))
    row = next(row for row in rows(store, tables.comments) if row.status == "pending")
    data = {
        "comment": row.id,
        "post": "a-post",
        "parent": None,
        "name": "Bob <b>",
        "email": "bob@example.com",
        "body": BOB.body,
    }
    assert told_of(store) == [("comment.created", data)]
    for decision in ("refuse", "approve", "refuse", "approve"):
        store.write_now(comments.decide, (row.id, decision, NOW))
    assert told_of(store) == [("comment.approved", data), ("comment.created", data)]


async def test_a_lead_is_told_of_from_its_first_press_to_its_download(store: Store) -> None:
    """Created, confirmed and downloaded arrive once each, though all is done twice."""
    sink = Sink()
    async with listening(sink) as port:
        add(store, f"http://127.0.0.1:{port}/")
        for _ in range(2):
            record(store, ALICE)
            [lead] = rows(store, tables.leads)
            store.write_now(leads.confirm, leads.Press(lead.id, None, NOW))
            store.write_now(leads.record_download, (lead.id, "a-paper", "1", NOW))
        async with working(store) as until:
            await until(lambda: all_done(store))
    told = {body["type"]: body["data"] for body in (json.loads(request.body) for request in sink.received)}
    assert len(sink.received) == 3
    assert told["lead.created"]["utm_source"] == "x" and told["lead.created"]["post"] == "a-post"
    assert told["lead.confirmed"] == {"lead": lead.id, "email": "Alice@example.com"}
    assert told["lead.downloaded"]["whitepaper"] == "a-paper"
