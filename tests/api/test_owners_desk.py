"""The owner signs in by a mailed link and finds what waits; nobody else does."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import html5lib
import pytest
import time_machine
from doors import ORIGIN, doors
from examples import ALICE, BOB, ODDITIES, SENDER, record, reply, rows, sent
from starlette.testclient import TestClient

from leadapi import leads, letters, sessions, signed_links, smtp, tables
from leadapi.errors import RefusedForGood
from leadapi.settings import Settings
from leadapi.store import Store

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
OWNER = "owner@example.com"
SAME = "If this is the owner’s address"


@pytest.fixture
def client(store: Store, tmp_path: Path) -> Iterator[TestClient]:
    with doors(store, tmp_path) as client:
        yield client


def link_in_letter(client: TestClient, store: Store) -> str:
    """Ask for the link, and find it in the newest letter."""
    answer = client.post("/admin/sign-in", data={"email": OWNER.upper()})
    assert SAME in answer.text
    found = re.search(rf"^{ORIGIN}(/admin/sign-in/\S+)$", sent(store)[-1]["text"], re.MULTILINE)
    assert found
    return found[1]


def sign_in(client: TestClient, store: Store) -> None:
    answer = client.post(link_in_letter(client, store))
    assert (answer.status_code, answer.headers["location"]) == (303, "/admin/")


def signed_in(client: TestClient) -> bool:
    return client.get("/admin/", headers={"Accept": "application/json"}).status_code == 200


def test_the_owner_finds_what_waits_and_what_came(client: TestClient, store: Store) -> None:
    """Pending comments and leads stand on the desk as typed, escaped; decided ones and robots' do not.

    Who typed no name is listed all the same.
    """
    reply(store, BOB, replace(BOB, body="From a robot", held=True), replace(BOB, body="Decided <i>before</i>"))
    decided = next(row.id for row in rows(store, tables.comments) if row.body.startswith("Decided"))
    key = ("the first key that nobody guesses",)
    client.post(
        f"/api/moderate/{signed_links.sign('moderate', {'comment': decided}, key)}", data={"decision": "spam"}
    )
    record(
        store,
        ALICE,
        replace(ALICE, address="robot@example.com", held_reason="honeypot"),
        replace(ALICE, address="nameless@example.com", name=""),
        replace(
            ALICE,
            address="carol@example.com",
            name="Carol",
            company="C & Co",
            marketing_consent=True,
            now=ALICE.now + timedelta(minutes=1),
        ),
    )
    carols = next(row for row in rows(store, tables.submissions) if row.name == "Carol")
    store.write_now(leads.confirm, leads.Press(carols.lead_id, carols.id, ALICE.now))
    sign_in(client, store)
    page = client.get("/admin/")
    html5lib.HTMLParser(strict=True).parse(page.text)
    assert page.text.count('<article class="comment"') == 1
    assert "Bob &lt;b&gt;" in page.text
    assert "&lt;script&gt;" in page.text
    for robot in ("From a robot", "Decided"):
        assert robot not in page.text
    suspicious, _, latest = page.text.partition("Latest leads")
    assert "robot@example.com" in suspicious and "robot@example.com" not in latest
    assert "Alice &lt;b&gt;" in page.text
    assert "<b><bdi>No name</bdi></b>" in latest
    assert "C &amp; Co" in page.text
    assert page.text.index("carol@example.com") < page.text.index("Alice@example.com")
    assert page.text.count(", agreed to letters") == 1
    assert page.headers["cache-control"] == "private, no-store"


def test_a_button_on_the_desk_decides(client: TestClient, store: Store) -> None:
    """The form beside a comment goes where the letter's link leads, and the comment leaves the desk."""
    reply(store, BOB)
    sign_in(client, store)
    action = re.search(r'action="(/api/moderate/[^"]+)"', client.get("/admin/").text)
    assert action
    assert "is approved" in client.post(action[1], data={"decision": "approve"}).text
    assert "Nothing is waiting for you." in client.get("/admin/").text
    assert [row.status for row in rows(store, tables.comments)] == ["approved"]


def test_a_stranger_learns_and_changes_nothing(client: TestClient, store: Store) -> None:
    """Without a session there is a form; another address gets the same answer and no letter."""
    reply(store, BOB)
    before = len(sent(store))
    page = client.get("/admin/")
    assert "Mail me the link" in page.text
    assert "Well said" not in page.text
    assert not signed_in(client)
    mine, others = (
        client.post("/admin/sign-in", data={"email": email}) for email in (OWNER, "mallory@example.com")
    )
    assert (mine.status_code, mine.text) == (others.status_code, others.text)
    assert [letter["to"] for letter in sent(store)[before:]] == [OWNER]
    for cookie in (b"", b"x", "é".encode(), b"\xff", b"0" * 5_000):
        assert client.get("/admin/", headers={"Cookie": b"desk=" + cookie}).status_code == 200
    assert rows(store, tables.sessions) == []


def test_opening_the_link_signs_nobody_in(client: TestClient, store: Store) -> None:
    """A mail scanner's GET and HEAD change nothing; the button does."""
    link = link_in_letter(client, store)
    for _ in range(3):
        assert "Press the button" in client.get(link).text
        assert client.head(link).status_code == 200
    assert rows(store, tables.sessions) == []
    assert not signed_in(client)
    client.post(link)
    assert signed_in(client)


def test_a_link_has_an_end(client: TestClient, store: Store) -> None:
    """After half an hour the link says where a new one is; a changed one, or one for another door, is refused."""
    with time_machine.travel(NOW, tick=False) as clock:
        link = link_in_letter(client, store)
        clock.shift(letters.SIGN_IN_AGE + timedelta(seconds=1))
        for answer in (client.get(link), client.post(link)):
            assert answer.status_code == 410
            assert "/admin/" in answer.text
    key = ("the first key that nobody guesses",)
    other = signed_links.sign("moderate", {"address": OWNER}, key)
    for token in (link.rpartition("/")[2][:-1] + "_", other, "x"):
        assert client.post(f"/admin/sign-in/{token}").status_code == 403
    assert rows(store, tables.sessions) == []


def test_the_letter_is_sent_no_longer_than_its_link_works(client: TestClient, store: Store) -> None:
    """A mail server that is away for an hour brings the owner no dead link afterwards."""
    with time_machine.travel(NOW, tick=False) as clock:
        link = link_in_letter(client, store)
        (payload,) = sent(store)
        clock.shift(letters.SIGN_IN_AGE - timedelta(seconds=1))
        assert smtp.message(payload, "blog@example.com", "The Blog")["To"] == OWNER
        assert client.get(link).status_code == 200
        clock.shift(timedelta(seconds=1))
        with pytest.raises(RefusedForGood):
            smtp.message(payload, "blog@example.com", "The Blog")


def test_the_desk_says_how_many_letters_were_lost(client: TestClient, store: Store) -> None:
    """One line says how many and since when; with none of them it says nothing."""
    sign_in(client, store)
    assert "could not be delivered" not in client.get("/admin/").text
    record(store, ALICE, replace(ALICE, address="carol@example.com"))
    leads = tables.outbox.update().where(tables.outbox.c.payload["to"].as_string() != OWNER)
    store.write_now(lambda connection, _: connection.execute(leads.values(dead_at=ALICE.now)), None)
    page = client.get("/admin/").text
    html5lib.HTMLParser(strict=True).parse(page)
    assert page.count("2 letters could not be delivered since March 1, 2026, 09:30 UTC.") == 1


def test_a_session_ends(client: TestClient, store: Store, tmp_path: Path) -> None:
    """Signing out ends it in the database, so a copied cookie is dead; so do two weeks, and a new owner."""
    with time_machine.travel(NOW, tick=False) as clock:
        sign_in(client, store)
        copied = {"Cookie": f"desk={client.cookies['desk']}", "Accept": "application/json"}
        with doors(store, tmp_path, owner_email="carol@example.com") as later:
            assert later.get("/admin/", headers=copied).status_code == 403
        assert client.get("/admin/", headers=copied).status_code == 200
        assert client.post("/admin/sign-out").headers["location"] == "/admin/"
        client.cookies.clear()
        assert client.get("/admin/", headers=copied).status_code == 403

        sign_in(client, store)
        clock.shift(sessions.SESSION_AGE)
        assert not signed_in(client)
        store.write_now(sessions.forget_old, NOW + sessions.SESSION_AGE)
    assert rows(store, tables.sessions) == []


def test_the_cookie_is_kept_from_scripts_and_other_sites(store: Store, tmp_path: Path) -> None:
    """HttpOnly, SameSite, only for the desk, and only over https where the site is; its value is not stored."""
    with doors(store, tmp_path, site_url="https://blog.example.com") as client:
        link = signed_links.sign("sign-in", {"address": OWNER}, ("the first key that nobody guesses",))
        cookie = client.post(f"/admin/sign-in/{link}").headers["set-cookie"]
    for part in ("HttpOnly", "Path=/admin", "SameSite=lax", "Secure"):
        assert part in cookie
    (row,) = rows(store, tables.sessions)
    assert row.id not in cookie
    assert cookie.partition("=")[2].partition(";")[0] not in str(row)


def test_other_sites_cannot_press_the_buttons(client: TestClient, store: Store) -> None:
    """A form on another site neither signs in nor out, nor makes us write letters."""
    link = link_in_letter(client, store)
    before = len(sent(store))
    elsewhere = {"Origin": "https://mallory.example"}
    for door in (link, "/admin/sign-in", "/admin/sign-out"):
        assert client.post(door, data={"email": OWNER}, headers=elsewhere).status_code == 403
    assert len(sent(store)) == before


def test_too_many_letters_are_refused_with_the_form(client: TestClient) -> None:
    """The eleventh letter within ten minutes is refused, and what was typed is kept."""
    with time_machine.travel(NOW, tick=False):
        answers = [client.post("/admin/sign-in", data={"email": "mallory@example.com"}) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [200] * 10 + [429]
    assert 'value="mallory@example.com"' in answers[-1].text
    assert int(answers[-1].headers["retry-after"]) > 0


def test_the_owner_is_not_flooded_with_links_to_sign_in(store: Store) -> None:
    """From however many networks they are asked for: ten letters in an hour, then one every ten minutes."""

    def ask(count: int, after: timedelta) -> int:
        for number in range(count):
            network = f"2001:db8:0:{number:x}::/64"
            store.write_now(sessions.ask, sessions.Request(OWNER, network, OWNER, SENDER, hour + after))
        return len(sent(store))

    hour = NOW.replace(minute=0)
    assert ask(30, timedelta()) == 11
    assert ask(30, timedelta(minutes=9, seconds=59)) == 11
    assert ask(30, timedelta(minutes=10)) == 12
    assert ask(9, timedelta(hours=1)) == 21


@pytest.mark.parametrize("typed", ODDITIES)
def test_odd_text_on_the_desk_is_answered(client: TestClient, store: Store, typed: str) -> None:
    """Whatever a button names: nothing is decided, and nothing breaks."""
    record(store, replace(ALICE, held_reason="wave"))
    sign_in(client, store)
    for door, body, answers in (
        ("held", {"decision": "release", "submission": typed}, (303,)),
        ("held", {"decision": "refuse", "reason": typed}, (303,)),
        ("letters", {"letter": typed}, (303, 422)),
    ):
        headers = {"Content-Type": "application/json"}
        answer = client.post(f"/admin/{door}", content=json.dumps(body), headers=headers)
        assert answer.status_code in answers
    [row] = rows(store, tables.submissions)
    assert (row.held, row.held_reason) == (True, "wave")


@pytest.mark.parametrize("typed", [*ODDITIES, ""])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_odd_text_is_answered(client: TestClient, typed: str) -> None:
    """Whatever is typed as an address, the answer is the form with a sentence beside the field."""
    headers = {"Accept": "text/html", "Content-Type": "application/json"}
    answer = client.post("/admin/sign-in", content=json.dumps({"email": typed}), headers=headers)
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text


@pytest.mark.parametrize(
    ("given", "typed", "to"),
    [
        ("owner@müller.de", "Owner@MÜLLER.de", "owner@xn--mller-kva.de"),
        ("owner@müller.de", "owner@xn--mller-kva.de", "owner@xn--mller-kva.de"),
        ("owner@localhost", "owner@localhost", "owner@localhost"),
        ("owner@corp.local", "Owner@corp.local", "owner@corp.local"),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_owner_who_passes_the_doctor_can_sign_in(
    store: Store, tmp_path: Path, given: str, typed: str, to: str
) -> None:
    """However the domain is written, there and in the form, the letter goes to one valid address."""
    settings = Settings(env="development", owner_email=given, mail_from="blog@example.com")
    with doors(store, tmp_path, owner_email=settings.owner_email) as client:
        assert SAME in client.post("/admin/sign-in", data={"email": typed}).text
        (payload,) = sent(store)
        letter = smtp.message(payload, settings.mail_from, "The Blog")
        assert f"\r\nTo: {to}\r\n".encode() in letter.as_bytes()
        found = re.search(rf"^{ORIGIN}(/admin/sign-in/\S+)$", payload["text"], re.MULTILINE)
        assert found and client.post(found[1]).status_code == 303
        assert signed_in(client)
