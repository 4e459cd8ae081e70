"""Whoever runs the service says who is told of what; a secret is shown once."""

import asyncio
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from commands import Place, opened, serving, with_tables
from examples import rows
from standardwebhooks import Webhook
from webhook_sink import Sink, listening, plain

from leadapi import tables

SECRET = "whsec_" + "MfKQ9r8GKYqrTwjU" * 2


@contextmanager
def receiving(sink: Sink) -> Iterator[int]:
    """The port of the receiver, which listens in a thread of its own while commands run."""
    loop, started, port = asyncio.new_event_loop(), threading.Event(), list[int]()
    stop = asyncio.Event()

    async def listen() -> None:
        async with listening(sink) as number:
            port.append(number)
            started.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(listen(),))
    thread.start()
    started.wait()
    yield port[0]
    loop.call_soon_threadsafe(stop.set)
    thread.join()
    loop.close()


def added(place: Place, *arguments: str) -> tuple[str, str]:
    """The new endpoint's id, and all that was said."""
    ended = place.run("webhooks", "add", *arguments)
    assert ended.code == 0, ended.err
    found = re.search(r"Endpoint (\S+) is told of", ended.out)
    assert found
    return found[1], ended.out


def test_a_secret_is_made_and_shown_once(ready: Place) -> None:
    """The one that signs; neither the list nor any other command shows it again."""
    endpoint, said = added(ready, "https://crm.example.com/hook")
    found = re.search(r"whsec_\S+", said)
    assert found
    with opened(ready) as store:
        [row] = rows(store, tables.webhook_endpoints)
    assert (row.secrets, row.url, len(row.events)) == ([found[0]], "https://crm.example.com/hook", 6)
    listed = ready.run("webhooks", "list")
    assert endpoint in listed.out and "https://crm.example.com/hook" in listed.out
    assert "whsec_" not in listed.out + listed.err


def test_a_secret_that_is_given_is_not_shown(ready: Place) -> None:
    """It may be given on the command line, or typed, so that no list of processes shows it."""
    _, said = added(ready, "https://crm.example.com/", "--secret", SECRET, "--events", "lead.created, lead.erased")
    assert SECRET not in said and "lead.created, lead.erased." in said


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["http:/crm"], "must begin with https://"),
        (["https://a:b@crm.example.com/"], "no user and password"),
        (["https://crm.example.com/", "--events", "lead.created,lead.crated"], "not told of 'lead.crated'"),
        (["https://crm.example.com/", "--secret", "short"], "24 to 64 bytes"),
        (["https://crm.example.com/", "--secret", "whsec_ä"], "24 to 64 bytes"),
        (["--kind", "hubspot"], "Give the key of your HubSpot account"),
        (["--kind", "mailchimp", "--secret", "key"], "must begin with https://"),
        (["https://us1.api.mailchimp.com/3.0/lists/1", "--kind", "mailchimp"], "Give the key"),
        (["--kind", "hubspot", "--secret", "t", "--events", "comment.created"], "not told of 'comment.created'"),
    ],
)
def test_what_cannot_be_added_is_told_in_a_sentence(ready: Place, arguments: list[str], told: str) -> None:
    """Nothing is stored then."""
    ended = ready.run("webhooks", "add", *arguments)
    assert ended.code == 1 and told in ended.err
    with opened(ready) as store:
        assert rows(store, tables.webhook_endpoints) == []


def test_a_rotation_has_a_beginning_and_an_end(ready: Place) -> None:
    """First both secrets sign, then the new one alone; a second rotation waits for the first."""
    endpoint, _ = added(ready, "https://crm.example.com/", "--secret", SECRET)
    begun = ready.run("webhooks", "rotate", endpoint)
    found = re.search(r"whsec_\S+", begun.out)
    assert begun.code == 0 and found and "Both secrets sign now" in begun.out
    with opened(ready) as store:
        assert rows(store, tables.webhook_endpoints)[0].secrets == [found[0], SECRET]
    assert "Finish first" in ready.run("webhooks", "rotate", endpoint).err
    assert "two secrets sign" in ready.run("webhooks", "list").out
    assert ready.run("webhooks", "rotate", endpoint, "--finish").code == 0
    with opened(ready) as store:
        assert rows(store, tables.webhook_endpoints)[0].secrets == [found[0]]
    assert "no rotation" in ready.run("webhooks", "rotate", endpoint, "--finish").err


def test_another_systems_key_is_replaced_at_once(ready: Place) -> None:
    """There is one, and it is the other system's."""
    endpoint, said = added(ready, "--kind", "hubspot", "--secret", "pat-1")
    assert "pat-1" not in said
    assert ready.run("webhooks", "rotate", endpoint, "--secret", "pat-2").code == 0
    with opened(ready) as store:
        [row] = rows(store, tables.webhook_endpoints)
    assert (row.secrets, row.url) == (["pat-2"], "https://api.hubapi.com")


def test_an_endpoint_that_is_not_there_is_told(ready: Place) -> None:
    """For each command that names one."""
    for verb in ("remove", "enable", "test", "rotate"):
        ended = ready.run("webhooks", verb, "nobody")
        assert ended.code == 1 and "There is no endpoint 'nobody'" in ended.err
    assert "There is no endpoint. Add one" in ready.run("webhooks", "list").out


def test_a_removed_endpoint_is_gone(ready: Place) -> None:
    """From the list too."""
    endpoint, _ = added(ready, "https://crm.example.com/")
    assert ready.run("webhooks", "remove", endpoint).code == 0
    assert endpoint not in ready.run("webhooks", "list").out


def test_a_trial_is_signed_and_says_what_came_back(ready: Place) -> None:
    """The receiver gets a ping that it can verify; the command says how it answered, and ends accordingly."""
    sink = Sink([plain(200, b"pong"), plain(410)])
    with receiving(sink) as port:
        endpoint, _ = added(ready, f"http://127.0.0.1:{port}/hook", "--secret", SECRET)
        good = ready.run("webhooks", "test", endpoint, WEBHOOK_ALLOW="127.0.0.0/8")
        bad = ready.run("webhooks", "test", endpoint, WEBHOOK_ALLOW="127.0.0.0/8")
        refused = ready.run("webhooks", "test", endpoint)
    assert (good.code, good.out) == (0, "It answered 200. pong\n")
    assert (bad.code, "It answered 410." in bad.out) == (1, True)
    assert refused.code == 1 and "not on the public internet" in refused.err
    assert len(sink.received) == 2
    told = Webhook(SECRET).verify(sink.received[0].body, sink.received[0].headers)
    assert (told["type"], told["data"]) == ("ping", {})
    nobody = ready.run("webhooks", "test", endpoint, WEBHOOK_ALLOW="127.0.0.0/8")
    assert nobody.code == 1 and nobody.err.startswith("There was no answer: ")


def test_the_service_has_to_be_stopped_for_a_change(ready: Place) -> None:
    """On SQLite there is one writer; what only reads may run beside it."""
    endpoint, _ = added(ready, "https://crm.example.com/")
    with serving(ready):
        ended = ready.run("webhooks", "add", "https://other.example.com/")
        assert ended.code == 1 and "Stop the service first" in ended.err
        assert endpoint in ready.run("webhooks", "list").out


def test_on_postgresql_a_change_needs_no_stop(postgresql_database: str, tmp_path: object) -> None:
    """Several may write there, and the running service listens to the change with its next event."""
    place = Place(tmp_path, postgresql_database)  # type: ignore[arg-type]
    with_tables(postgresql_database)
    with serving(place):
        endpoint, _ = added(place, "https://crm.example.com/")
        assert endpoint in place.run("webhooks", "list").out


def test_a_command_without_a_database_says_so(place: Place) -> None:
    """And makes none."""
    for arguments in (["list"], ["add", "https://crm.example.com/"]):
        ended = place.run("webhooks", *arguments)
        assert ended.code == 1 and "there is no database" in ended.err
    assert not (place.folder / "db.sqlite3").exists()
