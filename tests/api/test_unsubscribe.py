"""The link with which one leaves: one click from a mail program, or a page with a button and its undo."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from doors import ORIGIN, doors
from examples import ALICE, rows, sent
from lead_steps import FORM, JSON, confirmed, page_of
from starlette.testclient import TestClient

from leadapi import leads, letters, signed_links, suppressions, tables
from leadapi.address_hashes import address_hash
from leadapi.store import Store
from leadapi.visitor_letters import VisitorLetter, send_many

KEY = "a key for hashes that nobody guesses"
HASHED = address_hash("alice@example.com", KEY)
KEYS = ("the first key that nobody guesses",)
SENDER = letters.Sender("The Blog", ORIGIN, "blog.example.com", KEYS, hash_key=KEY)
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
def client(store: Store, tmp_path: Path) -> Iterator[TestClient]:
    with doors(store, tmp_path, hash_key=KEY) as client:
        yield client


def link(purpose: Any = "marketing", address: str = "Alice@example.com") -> str:
    return SENDER.unsubscribe_link(address, purpose).removeprefix(ORIGIN)


def reasons(store: Store) -> list[tuple[str, str]]:
    return [(row.address_hash, row.reason) for row in rows(store, tables.suppressions)]


def agreed(store: Store) -> list[bool]:
    """Whether alice agrees to letters, as the export and the desk say."""
    exported = store.read_now(lambda connection, _: list(leads.export(connection)), None)
    latest = store.read_now(leads.latest, 9)
    return [lead["marketing_consent"] for lead in [*exported, *latest]]


def test_one_click_in_a_mail_program_is_enough(client: TestClient, store: Store) -> None:
    """RFC 8058: a POST from anywhere, without a cookie, in either form encoding; a second one changes nothing."""
    from_elsewhere = {"Origin": "https://mail.example", "Sec-Fetch-Site": "cross-site"}
    assert client.post(link(), data=ONE_CLICK, headers=from_elsewhere).status_code == 200
    since = rows(store, tables.suppressions)[0].created_at
    multipart = {"List-Unsubscribe": (None, "One-Click")}
    assert client.post(link(), files=multipart).status_code == 200
    assert client.post(link(), headers=JSON).json() == {"status": "unsubscribed"}
    assert reasons(store) == [(HASHED, "unsubscribed")]
    assert rows(store, tables.suppressions)[0].created_at == since


def test_opening_the_page_changes_nothing(client: TestClient, store: Store) -> None:
    """A mail scanner that opens every link unsubscribes nobody."""
    for purpose in ("marketing", "everything"):
        page = page_of(client.get(link(purpose)))
        (button,) = page.iter("button")
        assert button.text == "Yes, please"
        assert client.head(link(purpose)).status_code == 200
    assert reasons(store) == []


@pytest.mark.parametrize(("purpose", "reason"), [("marketing", "unsubscribed"), ("everything", "refused")])
def test_the_page_offers_to_take_it_back(client: TestClient, store: Store, purpose: str, reason: str) -> None:
    """After the button the page says what was done and offers the undo, also when it is opened later."""
    for page in (client.post(link(purpose), data=ONE_CLICK), client.get(link(purpose))):
        (button,) = page_of(page).iter("button")
        assert (button.text, button.get("name")) == ("Take it back", "undo")
        assert reasons(store) == [(HASHED, reason)]
    for _ in range(2):
        undone = client.post(link(purpose), data={"undo": "yes"})
        assert "This was taken back" in undone.text
        assert [button.text for button in page_of(undone).iter("button")] == ["Yes, please"]
        assert reasons(store) == []


@pytest.mark.parametrize("stored_by", ["this version", "an earlier one"])
def test_leaving_and_coming_back_stand_in_the_ledger(client: TestClient, store: Store, stored_by: str) -> None:
    """A no counts at once, however the earlier yes was proven; taken back, the earlier answer counts again."""
    confirmed(client, store, FORM | {"marketing_consent": "yes"})
    if stored_by == "an earlier one":
        without = tables.leads.update().values(address_hash=None)
        store.write_now(lambda connection, _: connection.execute(without), None)
    assert agreed(store) == [True, True]
    for _ in range(2):
        client.post(link(), data=ONE_CLICK)
        assert agreed(store) == [False, False]
    for _ in range(2):
        client.post(link(), data={"undo": "yes"})
        assert agreed(store) == [True, True]
    client.post(link(), data=ONE_CLICK)
    assert agreed(store) == [False, False]
    said = [row for row in rows(store, tables.consents) if row.submission_id is None]
    assert [(row.channel, row.given, row.purpose) for row in sorted(said, key=lambda row: row.created_at)] == [
        ("unsubscribe", False, "marketing"),
        ("resubscribe", True, "marketing"),
        ("unsubscribe", False, "marketing"),
    ]
    assert said[0].text == "Send me no more articles and offers by e-mail."


def test_taking_back_what_was_never_said_is_no_consent(client: TestClient, store: Store) -> None:
    """Whoever never agreed does not agree by pressing the undo."""
    confirmed(client, store)
    client.post(link(), data={"undo": "yes"})
    client.post(link(), data=ONE_CLICK)
    client.post(link(), data={"undo": "yes"})
    assert agreed(store) == [False, False]


def test_an_address_that_is_no_lead_is_kept_from_letters_too(client: TestClient, store: Store) -> None:
    """The link needs no lead, and the page is the same."""
    answer = client.post(link(address="bob@example.com"), data=ONE_CLICK)
    assert "You will get no more articles and offers" in answer.text
    assert (len(reasons(store)), rows(store, tables.consents)) == (1, [])


def test_the_first_letter_has_a_quiet_link_for_whoever_did_not_ask(client: TestClient, store: Store) -> None:
    """Pressed, the address gets nothing more, whoever types it into our form; the form's answer stays the same."""
    before = client.post("/api/leads", data=FORM)
    letter = sent(store)[-1]
    (refuse,) = re.findall(rf"^{ORIGIN}(/api/unsubscribe/\S+)$", letter["text"], re.MULTILINE)
    assert f'href="{ORIGIN}{refuse}"' in letter["html"]
    assert "alice" not in refuse
    assert "unsubscribe" not in letter  # it answers a form: no header
    client.post(refuse, data=ONE_CLICK)
    after = client.post("/api/leads", data=FORM | {"post": "b-post"})
    assert (before.status_code, before.headers["location"]) == (after.status_code, after.headers["location"])
    assert len(sent(store)) == 1
    client.post(refuse, data={"undo": "yes"})
    client.post("/api/leads", data=FORM | {"post": ""})
    assert len(sent(store)) == 2


def test_a_letter_that_nobody_asked_for_carries_the_link(store: Store) -> None:
    """It is in what the outbox keeps, for the headers; whoever left gets no such letter."""
    letter = letters.download(SENDER, "alice@example.com", "A Paper", ORIGIN, "1")
    wanted = VisitorLetter(
        letter, KEY, "news", True, "news:1", ALICE.now, asked=False, unsubscribe=f"{ORIGIN}{link()}"
    )
    store.write_now(send_many, [wanted])
    assert sent(store)[0]["unsubscribe"] == f"{ORIGIN}{link()}"
    store.write_now(suppressions.suppress, (HASHED, "unsubscribed", ALICE.now))
    store.write_now(send_many, [VisitorLetter(letter, KEY, "x", True, "news:2", ALICE.now, asked=False)])
    assert len(sent(store)) == 1


def test_a_link_works_for_a_year_and_only_as_we_signed_it(client: TestClient, store: Store) -> None:
    """A year later a letter is still left by its link; a changed link, or one for something else, does nothing."""
    with time_machine.travel(datetime(2026, 3, 1, tzinfo=UTC), tick=False) as clock:
        old = link()
        clock.shift(timedelta(days=365))
        assert client.get(old).status_code == 200
        clock.shift(timedelta(days=2))
        late = [client.post(old, data=ONE_CLICK), client.get(old)]
    assert {answer.status_code for answer in late} == {410}
    assert all('<a class="button" href="/api/privacy">' in answer.text for answer in late)
    other = signed_links.sign("confirm", {"address_hash": HASHED, "purpose": "marketing"}, KEYS)
    odd = signed_links.sign("unsubscribe", {"address_hash": HASHED, "purpose": "x"}, KEYS)
    for bad in (link()[:-2], f"/api/unsubscribe/{other}", f"/api/unsubscribe/{odd}", "/api/unsubscribe/x"):
        assert client.post(bad, data=ONE_CLICK).status_code == 403
        assert client.get(bad).status_code == 403
    assert reasons(store) == []


@pytest.mark.parametrize("body", [b"", b"\xff\x00", b"undo" * 10_000, b"&".join([b"a=1"] * 9_000), b"{}"])
def test_whatever_the_body_is_the_link_decides(client: TestClient, store: Store, body: bytes) -> None:
    """No body is a fault of ours; without the word undo it is a wish to leave."""
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    assert client.post(link(), content=body, headers=kind).status_code == 200
    assert reasons(store) == [(HASHED, "unsubscribed")]
