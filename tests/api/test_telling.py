"""The running service tells the owner and the owner's systems what came in through its doors."""

import json
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from commands import Place, ask, press, serving, wait_until, with_tables
from doors import PAPER
from examples import rows
from standardwebhooks import Webhook
from test_webhook_commands import SECRET, added, receiving
from webhook_sink import Sink

from leadapi import tables
from leadapi.store import open_store


def letters(place: Place) -> list[EmailMessage]:
    """The letters that have left, as files."""
    paths = sorted((place.folder / "mail").glob("*.eml"))
    return [message_from_bytes(path.read_bytes(), _class=EmailMessage, policy=policy.default) for path in paths]


@pytest.mark.parametrize(("mode", "told"), [("instant", [f"New lead: {PAPER['title']}"]), ("off", [])])
def test_a_press_of_the_button_is_told_to_system_and_owner(ready: Place, mode: str, told: list[str]) -> None:
    """The webhook arrives signed, and the owner's letter as the setting says."""
    sink = Sink()
    with receiving(sink) as port:
        added(ready, f"http://127.0.0.1:{port}/hook", "--secret", SECRET)
        with serving(ready, WEBHOOK_ALLOW="127.0.0.1", OWNER_NOTICES=mode) as service:
            fields = {"email": "alice@example.com", "name": "Alice", "post": "a-post"}
            assert b" 202 " in ask(service.port, press(fields))
            wait_until(lambda: sink.received, "the webhook")
            wait_until(lambda: len(letters(ready)) == 1 + len(told), "the letters")
    event = Webhook(SECRET).verify(sink.received[0].body, sink.received[0].headers)
    assert (event["type"], event["data"]["email"]) == ("lead.created", "alice@example.com")
    assert [letter["Subject"] for letter in letters(ready) if letter["To"] == "owner@example.com"] == told


def test_the_letter_of_the_day_leaves_after_a_restart(ready: Place) -> None:
    """It waits in the outbox, and leaves when it is due, whatever happened to the service meanwhile."""
    with serving(ready, OWNER_NOTICES="daily") as service:
        assert b" 202 " in ask(service.port, press({"email": "alice@example.com", "name": "Alice"}))
        wait_until(lambda: letters(ready), "the visitor's letter")
    store = open_store(ready.good["LEADAPI_DATABASE_URL"])
    [digest] = [row for row in rows(store, tables.outbox) if row.kind == "digest"]
    past = tables.outbox.update().where(tables.outbox.c.id == digest.id).values(run_at=digest.created_at)
    store.write_now(lambda connection, _: connection.execute(past), None)
    store.close()
    with serving(ready, OWNER_NOTICES="daily"):
        wait_until(lambda: len(letters(ready)) == 2, "the letter of the day")
    [letter] = [letter for letter in letters(ready) if letter["To"] == "owner@example.com"]
    assert letter["Subject"] == "1 new lead"
    body = letter.get_body(("plain",))
    assert body is not None and "alice@example.com" in body.get_content()
    assert json.dumps(digest.payload).count("alice") == 0


def test_two_servers_tell_each_event_once(postgresql_database: str, tmp_path: object) -> None:
    """Whoever of them takes the row: one event, one request."""
    place = Place(tmp_path, postgresql_database)  # type: ignore[arg-type]
    with_tables(postgresql_database)
    sink = Sink()
    with receiving(sink) as port:
        added(place, f"http://127.0.0.1:{port}/hook", "--secret", SECRET)
        allowed = {"WEBHOOK_ALLOW": "127.0.0.1"}
        with serving(place, **allowed) as one, serving(place, **allowed) as other:
            for number in range(10):
                door = one if number % 2 else other
                sent = press({"email": f"a{number}@example.com", "name": "Alice"})
                assert b" 202 " in ask(door.port, sent)
            wait_until(lambda: len(sink.received) >= 10, "ten webhooks")
    ids = [request.headers["webhook-id"] for request in sink.received]
    assert len(ids) == len(set(ids)) == 10
