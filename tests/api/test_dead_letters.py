"""What nobody got is listed for the owner and sent again at one word, under the id that it had."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import html5lib
import pytest
from commands import Place, opened, serving
from doors import ORIGIN, doors
from examples import rows, sent
from sqlalchemy import Connection
from starlette.testclient import TestClient

from leadapi import dead_letters, events, outbox, suppressions, tables, webhook_endpoints
from leadapi.dead_letters import SendAgain
from leadapi.outbox import Claim, Failure
from leadapi.store import Store
from leadapi.webhook_endpoints import NewEndpoint

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
LATER = NOW + timedelta(days=4)
ALICE = "a" * 64
REFUSAL = "ReceiverRefused: 550 5.1.1 <alice@example.com>: no mailbox here"


@pytest.fixture
def client(store: Store, tmp_path: Path) -> Iterator[TestClient]:
    with doors(store, tmp_path) as client:
        yield client


def lose(store: Store, *keys: str, **changed: Any) -> None:
    """Letters that were refused for good."""

    def rule(connection: Connection, _: None) -> None:
        for key in keys:
            letter = {"to": "alice@example.com", "message_id": f"<confirmation.{key}@blog.example.com>"}
            wanted = {"payload": letter, "address_hash": ALICE} | changed
            outbox.enqueue(connection, outbox.Row("letter", dedupe_key=key, now=NOW, **wanted))
            (claimed,) = outbox.claim(connection, Claim("", NOW))
            outbox.fail(connection, Failure(claimed, NOW, REFUSAL, final=True))

    store.write_now(rule, None)


def due(store: Store, now: datetime) -> list[str]:
    claimed = store.write_now(outbox.claim, Claim("", now, most=9))
    return sorted(found.payload["message_id"] for found in claimed)


def test_a_dead_letter_is_told_of_without_its_address(store: Store) -> None:
    """Which letter, when and why; the server's words lose the address that they name."""
    lose(store, "one")
    (found,) = store.read_now(dead_letters.newest, None)
    assert (found["kind"], found["dead_at"]) == ("confirmation", NOW)
    assert found["why"] == "ReceiverRefused: 550 5.1.1 <(address)>: no mailbox here"
    assert "alice" not in str(found)


def test_letters_sent_again_begin_anew(store: Store) -> None:
    """They are due at once, have 72 hours more, and keep their Message-ID; one may be chosen."""
    lose(store, "one", "two", "three")
    chosen = store.read_now(dead_letters.newest, None)[0]["id"]
    assert store.write_now(dead_letters.send_again, SendAgain(LATER, chosen)) == (1, 0)
    assert store.write_now(dead_letters.send_again, SendAgain(LATER, chosen)) == (0, 0)
    (claimed,) = store.write_now(outbox.claim, Claim("", LATER))
    assert claimed.attempts == 1
    store.write_now(outbox.fail, Failure(claimed, LATER, "TimeoutError: "))
    assert store.write_now(dead_letters.send_again, SendAgain(LATER)) == (2, 0)
    assert due(store, LATER + timedelta(hours=1)) == [
        f"<confirmation.{key}@blog.example.com>" for key in ("one", "three", "two")
    ]
    assert store.read_now(dead_letters.told, None) == ""


def test_an_address_that_bounced_is_trusted_again_and_one_that_refused_is_not(store: Store) -> None:
    """Sending again takes back the mark of the bounce alone."""
    lose(store, "one")
    for reason in ("bounced", "complained"):
        store.write_now(suppressions.suppress, (ALICE, reason, NOW))
    store.write_now(dead_letters.send_again, SendAgain(LATER))
    assert [row.reason for row in rows(store, tables.suppressions)] == ["complained"]


def test_what_was_erased_cannot_be_sent_again(store: Store) -> None:
    """A letter whose words were forgotten stays where it is."""
    lose(store, "one", payload={})
    assert store.write_now(dead_letters.send_again, SendAgain(LATER)) == (0, 0)
    assert store.read_now(dead_letters.newest, None)[0]["kind"] == "erased"


def test_an_event_that_was_given_up_is_told_and_sent_again(store: Store) -> None:
    """It says what happened and who was to hear of it, and is told under its one id to whoever listens."""
    endpoint = store.write_now(
        webhook_endpoints.add, NewEndpoint("https://crm.example.com/t0ken", "webhook", (), "", NOW)
    )["id"]
    happened = [events.Event("lead.created", f"lead-{number}", None, {"id": number}, NOW) for number in range(2)]
    store.write_now(events.publish_many, happened)
    for claimed in (given_up := store.write_now(outbox.claim, Claim(endpoint, NOW, most=9))):
        store.write_now(outbox.fail, Failure(claimed, NOW, "TryLater: The receiver answered 503.", final=True))
    lose(store, "one")
    assert store.read_now(dead_letters.told, None) == (
        "1 letter and 2 events could not be delivered since March 1, 2026, 09:30 UTC."
    )
    told = [one for one in store.read_now(dead_letters.newest, None) if one["receiver"]]
    assert [(one["kind"], one["receiver"]) for one in told] == [("lead.created", "crm.example.com")] * 2
    assert "t0ken" not in str(told)
    assert store.write_now(dead_letters.send_again, SendAgain(LATER)) == (1, 2)
    again = store.write_now(outbox.claim, Claim(endpoint, LATER, most=9))
    assert [one.payload for one in again] == [one.payload for one in given_up]


def test_events_for_whom_nobody_listens_are_not_offered(store: Store) -> None:
    """An endpoint that is disabled first has to be enabled; then its events can be sent again."""
    endpoint = store.write_now(
        webhook_endpoints.add, NewEndpoint("https://crm.example.com/hook", "webhook", (), "", NOW)
    )["id"]
    store.write_now(events.publish_many, [events.Event("lead.created", "lead", None, {"id": 1}, NOW)])
    store.write_now(webhook_endpoints.disable, (endpoint, "The receiver answered 410.", NOW))
    assert store.read_now(dead_letters.newest, None) == []
    assert store.write_now(dead_letters.send_again, SendAgain(LATER)) == (0, 0)
    store.write_now(webhook_endpoints.enable, endpoint)
    assert store.write_now(dead_letters.send_again, SendAgain(LATER)) == (0, 1)


def test_a_digest_that_was_given_up_is_told(store: Store) -> None:
    """What it would have held is read when it is sent again."""
    span = {"name": "daily", "since": NOW.isoformat(), "until": LATER.isoformat()}

    def rule(connection: Connection, _: None) -> None:
        outbox.enqueue(connection, outbox.Row("digest", span, "digest:daily", NOW))
        (claimed,) = outbox.claim(connection, Claim("", NOW))
        outbox.fail(connection, Failure(claimed, NOW, REFUSAL, final=True))

    store.write_now(rule, None)
    assert [one["kind"] for one in store.read_now(dead_letters.newest, None)] == ["digest"]
    assert store.write_now(dead_letters.send_again, SendAgain(LATER)) == (1, 0)


def test_the_desk_has_a_button_for_each_and_for_all(client: TestClient, store: Store) -> None:
    """Only the owner may press it, from our own page."""
    lose(store, "one", "two", "three")
    assert client.post("/admin/letters", data={"letter": "all"}).status_code == 403
    client.post("/admin/sign-in", data={"email": "owner@example.com"})
    link = re.search(rf"^{ORIGIN}(/admin/sign-in/\S+)$", sent(store)[-1]["text"], re.MULTILINE)
    assert link
    client.post(link[1])
    page = client.get("/admin/").text
    html5lib.HTMLParser(strict=True).parse(page)
    buttons = re.findall(r'name="letter" value="([^"]+)"', page)
    assert buttons[0] == "all"
    assert set(buttons[1:]) == {row.id for row in rows(store, tables.outbox) if row.dead_at}
    assert client.post("/admin/letters", data={"letter": buttons[1]}).headers["location"] == "/admin/"
    assert len(due(store, datetime.now(UTC))) == 2  # the letter to sign in, too
    other_site = {"Origin": "https://evil.example"}
    assert client.post("/admin/letters", data={"letter": "all"}, headers=other_site).status_code == 403
    assert client.post("/admin/letters", data={"letter": " "}).status_code == 422
    client.post("/admin/letters", data={"letter": "all"})
    assert "Not delivered" not in client.get("/admin/").text


def test_the_command_lists_them_and_sends_them_again(ready: Place) -> None:
    """Listing needs no secret and goes beside the service; sending again writes, and waits for it to stop."""
    with opened(ready) as store:
        lose(store, "one", "two")
    only = {"LEADAPI_DATABASE_URL": ready.good["LEADAPI_DATABASE_URL"]}
    with serving(ready):
        listed = ready.run("dead-letters", only=only)
        assert (listed.code, len(listed.lines())) == (0, 2)
        assert listed.lines()[0].endswith(
            "  2026-03-01 09:30  confirmation  ReceiverRefused: 550 5.1.1 <(address)>: no mailbox here"
        )
        busy = ready.run("dead-letters", "--send-again", only=only)
        assert busy.code == 1
        assert "Stop the service first" in busy.err
    ended = ready.run("dead-letters", "--send-again", only=only)
    assert (ended.code, ended.out) == (0, "2 letters will be sent again when the service runs.\n")
    assert ready.run("dead-letters", only=only).out == ""
