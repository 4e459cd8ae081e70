"""HubSpot and Mailchimp hear of leads through their own doors, and forget whom we forget."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from crm_doubles import LIST, HubSpot, Mailchimp, answered
from examples import ALICE, NOW, record, rows
from sqlalchemy import Connection, update
from test_webhooks import HERE, all_done, outbox_rows, working
from webhook_sink import Received, Sink, listening, plain

from leadapi import deliveries, erasing, events, leads, mailchimp, tables, webhook_endpoints, webhooks
from leadapi.events import Event
from leadapi.store import Store
from leadapi.webhook_requests import asker

pytestmark = pytest.mark.anyio

ADDRESS = "Alice@example.com"
MEMBER = mailchimp.member(ADDRESS)


@pytest.fixture
def anyio_backend() -> str:
    """The service runs on asyncio alone."""
    return "asyncio"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliveries, "IDLE_SECONDS", 0.01)
    monkeypatch.setattr(deliveries, "STOP_SECONDS", 0.1)


@pytest.fixture
def hubspot() -> HubSpot:
    return HubSpot()


@pytest.fixture
def audience() -> Mailchimp:
    return Mailchimp()


def connect(store: Store, kind: str, port: int, secret: str) -> str:
    url = f"http://127.0.0.1:{port}" + (f"/3.0/lists/{LIST}/" if kind == "mailchimp" else "/")
    new = webhook_endpoints.NewEndpoint(url, kind, [], secret, NOW)  # type: ignore[arg-type]
    return str(store.write_now(webhook_endpoints.add, new)["id"])


async def deliver(store: Store) -> None:
    async with working(store) as until:
        await until(lambda: all_done(store) or any(row.last_error for row in outbox_rows(store)))


def lead_id(store: Store) -> str:
    [lead] = rows(store, tables.leads)
    return str(lead.id)


def press(store: Store, submission: str | None = None) -> None:
    store.write_now(leads.confirm, leads.Press(lead_id(store), submission, NOW))


def erase(store: Store, lead: str) -> None:
    def rule(connection: Connection, _: None) -> None:
        erasing.erase_leads(connection, [(lead, ADDRESS.lower())], NOW)

    store.write_now(rule, None)


def told_by_another_lane(connection: Connection, _: None) -> None:
    untried = update(tables.outbox).where(tables.outbox.c.attempts == 0, tables.outbox.c.kind == "webhook")
    connection.execute(untried.values(done_at=NOW, payload={}))


async def test_hubspot_gets_one_contact_for_a_lead(store: Store, hubspot: HubSpot) -> None:
    """What was typed, under HubSpot's own names, with our id; confirmed is told by the same door."""
    sink = Sink(judge=hubspot.judge)
    async with listening(sink) as port:
        connect(store, "hubspot", port, hubspot.token)
        record(store, replace(ALICE, company="ACME", answers=(("job_title", "Coach"), ("phone", "+49 1"))))
        await deliver(store)
        contact = {
            "email": ADDRESS,
            "firstname": "Alice <b>",
            "company": "ACME",
            "jobtitle": "Coach",
            "phone": "+49 1",
            "leadapi_lead": lead_id(store),
        }
        assert hubspot.contacts == {"alice@example.com": contact}
        press(store)
        store.write_now(leads.record_download, (lead_id(store), "a-paper", "1", NOW))
        await deliver(store)
    assert hubspot.contacts == {"alice@example.com": contact | {"leadapi_status": "confirmed"}}
    assert (hubspot.faults, len(sink.received)) == ([], 2)


async def test_hubspot_forgets_whom_we_forget(store: Store, hubspot: HubSpot) -> None:
    """The contact is found by our id: no address is kept for it. Who is not there is as good as forgotten."""
    async with listening(Sink(judge=hubspot.judge)) as port:
        connect(store, "hubspot", port, hubspot.token)
        record(store, ALICE)
        await deliver(store)
        erase(store, lead_id(store))
        assert not any("alice" in str(row.payload).lower() for row in outbox_rows(store))
        await deliver(store)
        assert (hubspot.contacts, all_done(store)) == ({}, True)
        erase(store, "somebody-else")
        await deliver(store)
    assert (hubspot.faults, all_done(store)) == ([], True)


async def test_what_hubspot_refuses_is_told_without_naming_anybody(store: Store, hubspot: HubSpot) -> None:
    """A property that the owner has not made yet: the row says the kind of error and is tried again."""
    hubspot.properties.remove("leadapi_lead")
    async with listening(Sink(judge=hubspot.judge)) as port:
        connect(store, "hubspot", port, hubspot.token)
        record(store, ALICE)
        await deliver(store)
    [row] = outbox_rows(store)
    assert row.last_error == "TryLater: The receiver answered 400: VALIDATION_ERROR."
    assert row.dead_at is None


async def test_a_batch_that_failed_in_part_has_failed(store: Store) -> None:
    """HubSpot says 207 where the one contact of our batch was not stored."""
    sink = Sink([answered(207, {"status": "COMPLETE", "numErrors": 1, "errors": [{"status": "error"}]})])
    async with listening(sink) as port:
        connect(store, "hubspot", port, "token")
        record(store, ALICE)
        await deliver(store)
    assert "answered 207" in outbox_rows(store)[0].last_error


async def test_who_asked_for_a_whitepaper_is_no_subscriber(store: Store, audience: Mailchimp) -> None:
    """Ticked or not: before the button is pressed a member is "transactional", who may not be sent campaigns."""
    async with listening(Sink(judge=audience.judge)) as port:
        connect(store, "mailchimp", port, audience.key)
        record(store, replace(ALICE, marketing_consent=True))
        await deliver(store)
    member = {"email_address": ADDRESS, "status": "transactional", "merge_fields": {"FNAME": "Alice <b>"}}
    assert (audience.members, audience.faults) == ({MEMBER: member}, [])


@pytest.mark.parametrize(("ticked", "status"), [(True, "subscribed"), (False, "transactional")])
async def test_a_consent_given_and_proven_makes_a_subscriber(
    store: Store, audience: Mailchimp, ticked: bool, status: str
) -> None:
    """The box was ticked and the button in that submission's letter pressed; else nothing changes."""
    async with listening(Sink(judge=audience.judge)) as port:
        connect(store, "mailchimp", port, audience.key)
        record(store, replace(ALICE, marketing_consent=ticked))
        await deliver(store)
        [submission] = rows(store, tables.submissions)
        press(store, submission.id)
        await deliver(store)
    assert (audience.members[MEMBER]["status"], audience.faults) == (status, [])


async def test_a_consent_that_was_taken_back_counts_no_more(store: Store, audience: Mailchimp) -> None:
    """What counts is the last answer when Mailchimp is told, not when it was given."""
    async with listening(Sink(judge=audience.judge)) as port:
        connect(store, "mailchimp", port, audience.key)
        record(store, replace(ALICE, marketing_consent=True))
        press(store, rows(store, tables.submissions)[0].id)
        record(store, replace(ALICE, whitepaper="b-paper", now=NOW + timedelta(hours=1)))
        await deliver(store)
    assert (audience.members[MEMBER]["status"], audience.faults) == ("transactional", [])


async def test_who_unsubscribed_there_stays_unsubscribed(store: Store, audience: Mailchimp) -> None:
    """A later event of the same person changes nothing about it."""
    async with listening(Sink(judge=audience.judge)) as port:
        connect(store, "mailchimp", port, audience.key)
        record(store, replace(ALICE, marketing_consent=True))
        press(store, rows(store, tables.submissions)[0].id)
        await deliver(store)
        audience.members[MEMBER]["status"] = "unsubscribed"
        store.write_now(leads.record_download, (lead_id(store), "a-paper", "1", NOW))
        await deliver(store)
    assert (audience.members[MEMBER]["status"], audience.faults) == ("unsubscribed", [])
    assert all_done(store)


async def test_mailchimp_forgets_whom_we_forget(store: Store, audience: Mailchimp) -> None:
    """For good, by the hash, which is kept until then alone; who comes again is not forced on Mailchimp."""
    async with listening(Sink(judge=audience.judge)) as port:
        connect(store, "mailchimp", port, audience.key)
        record(store, ALICE)
        await deliver(store)
        erase(store, lead_id(store))
        assert not any("alice" in str(row.payload).lower() for row in outbox_rows(store))
        await deliver(store)
        assert (audience.members, audience.forgotten) == ({}, {MEMBER})
        assert not any(MEMBER in str(row.payload) for row in outbox_rows(store))
        again = {"lead": "lead-2", "email": ADDRESS}
        store.write_now(events.publish_many, [Event("lead.created", "lead-2", "lead-2", again, NOW)])
        await deliver(store)
    [refused] = [row for row in outbox_rows(store) if row.last_error]
    assert refused.last_error == "RefusedForGood: The receiver answered 400: Forgotten Email Not Subscribed."
    assert refused.dead_at is not None


@pytest.mark.parametrize("kind", ["hubspot", "mailchimp"])
async def test_who_is_erased_while_they_are_told_of_is_erased_there_too(
    store: Store, kind: str, hubspot: HubSpot, audience: Mailchimp
) -> None:
    """The erasing may be told before the other request has arrived; what that brings in goes out again."""
    double: Any = hubspot if kind == "hubspot" else audience
    lead: list[str] = []

    def judge(request: Received) -> bytes:
        if lead and request.method in ("PUT", "POST"):
            erase(store, lead.pop())
            store.write_now(told_by_another_lane, None)
        answer: bytes = double.judge(request)
        return answer

    async with listening(Sink(judge=judge)) as port:
        connect(store, kind, port, "pat-eu1-token" if kind == "hubspot" else audience.key)
        record(store, ALICE)
        lead.append(lead_id(store))
        await deliver(store)
    assert (hubspot.contacts, audience.members, double.faults) == ({}, {}, [])


@pytest.mark.parametrize(("right", "status"), [(True, 200), (False, 401)])
async def test_a_trial_says_whether_the_key_is_right(
    store: Store, hubspot: HubSpot, audience: Mailchimp, right: bool, status: int
) -> None:
    """It changes nothing there."""
    for kind, double, key in (("hubspot", hubspot, hubspot.token), ("mailchimp", audience, audience.key)):
        async with listening(Sink(judge=double.judge)) as port:  # type: ignore[attr-defined]
            endpoint = connect(store, kind, port, key if right else "wrong-us21")
            row = store.read_now(webhook_endpoints.endpoint, endpoint)
            answer = await webhooks.trial(asker(HERE), row, "id", NOW)
        assert answer.status == status
    assert (hubspot.faults, audience.faults, hubspot.contacts, audience.members) == ([], [], {}, {})


async def test_an_answer_that_is_no_json_breaks_nothing(store: Store) -> None:
    """A gateway's page instead of an answer is an answer without a title."""
    sink = Sink([plain(502, b"<html>Bad gateway"), plain(502, b"[1]")])
    async with listening(sink) as port:
        connect(store, "hubspot", port, "token")
        connect(store, "mailchimp", port, "key-us21")
        record(store, ALICE)
        async with working(store) as until:
            await until(lambda: all(row.last_error for row in outbox_rows(store)))
    assert {row.last_error for row in outbox_rows(store)} == {"TryLater: The receiver answered 502: no success."}


def test_the_hash_is_mailchimps_own() -> None:
    """The MD5 of the address in lower case, as its documentation shows it."""
    assert mailchimp.member("Urist.McVankab@freddiesjokes.com") == "62eeb292278cc15f5817cb78f7790b08"
