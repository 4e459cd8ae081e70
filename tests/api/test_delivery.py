"""Nobody loses a download, whatever they are to us, and no answer tells what they are."""

import json
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from doors import INDEX, PAPER, PDF, doors
from examples import ALICE, NOW, record, rows, sent
from lead_steps import FORM, JSON, confirmed, link_in, page_of
from starlette.testclient import TestClient

from leadapi import leads, suppressions, tables
from leadapi.address_hashes import address_hash
from leadapi.store import Store

Counts = Callable[[int, int], int]
HASH_KEY = "a hash key that nobody guesses"
KINDS = ("new", "pending", "confirmed", "suppressed", "erased", "capped", "robot")


@pytest.fixture
def client(store: Store, tmp_path: Path) -> Iterator[TestClient]:
    """A browser in front of the service."""
    with doors(store, tmp_path, hash_key=HASH_KEY) as client:
        yield client


def people(store: Store, number: int) -> dict[str, str]:
    """One address for each way in which an address can be known to us; `number` makes them others each time."""
    made = {kind: f"{kind}{number}@example.com" for kind in KINDS}
    asked = [
        replace(ALICE, address=made[kind], submission_id=f"{kind}-{number}", network=f"10.1.{number % 250}.0/24")
        for kind in ("pending", "confirmed", "capped")
    ]
    record(store, *asked, *(replace(asked[2], submission_id=f"c{n}-{number}", post=f"p{n}") for n in range(2)))
    lead = next(row for row in rows(store, tables.leads) if row.email == made["confirmed"])
    store.write_now(leads.confirm, leads.Press(lead.id, None, NOW))
    for kind, reason in (("suppressed", "refused"), ("erased", "erased")):
        store.write_now(suppressions.suppress, (address_hash(made[kind], HASH_KEY), reason, NOW))
    return made


@pytest.mark.parametrize("headers", [{}, JSON], ids=["form", "json"])
def test_every_address_gets_the_same_bytes(client: TestClient, store: Store, headers: dict[str, str]) -> None:
    """New, pending, confirmed, suppressed, erased, past the cap, or a robot's: all that is sent is equal."""
    with time_machine.travel(NOW, tick=False):
        answers = [
            client.post(
                "/api/leads",
                data=FORM | {"email": email, "website": "x" if kind == "robot" else ""},
                headers=headers,
            )
            for kind, email in people(store, 0).items()
        ]
    assert len({(answer.status_code, answer.content, str(answer.headers)) for answer in answers}) == 1
    assert answers[0].status_code == (202 if headers else 303)


def test_every_address_is_answered_in_the_same_time(client: TestClient, store: Store, counts: Counts) -> None:
    """The medians of all kinds lie within 20 ms of each other."""
    took: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for number in range(counts(20, 60)):
        for kind, email in people(store, number).items():
            client._transport.client = (f"10.2.{number}.1", 4711)  # type: ignore[attr-defined] # whom it plays
            began = time.perf_counter()
            answer = client.post("/api/leads", data=FORM | {"email": email}, headers=JSON)
            took[kind].append(time.perf_counter() - began)
            assert answer.status_code == 202
    medians = {kind: statistics.median(times) for kind, times in took.items()}
    assert max(medians.values()) - min(medians.values()) < 0.020, medians


def test_an_old_link_brings_a_new_one_to_its_own_address(client: TestClient, store: Store) -> None:
    """The page of an expired link has one button; it mails a link that works, once in ten minutes."""
    with time_machine.travel(NOW, tick=False) as clock:
        file, link = confirmed(client, store), link_in(sent(store)[0])
        clock.shift(timedelta(days=8))
        for old in (file, link):
            page = client.get(old)
            assert page.status_code == 410
            (action,) = [form.get("action") for form in page_of(page).iter("form")]
            before = len(sent(store))
            for _ in range(3):
                assert client.post(action).status_code == 200
            assert len(sent(store)) == before + 1
            assert sent(store)[-1]["to"] == "alice@example.com"
            assert client.get(link_in(sent(store)[-1])).content == PDF
            clock.shift(timedelta(minutes=11))
        assert client.post(action, headers=JSON).status_code == 202
        assert client.post(action, headers={"Origin": "https://evil.example.com"}).status_code == 403
        assert client.get(action).status_code == 405
        assert client.post(action[:-3] + "AAA").status_code == 403
        assert client.post(action.replace("/confirm/", "/moderate/")).status_code == 422


def test_a_pending_address_renews_its_button(client: TestClient, store: Store) -> None:
    """Who never confirmed gets the page with the button again, not the file."""
    with time_machine.travel(NOW, tick=False) as clock:
        client.post("/api/leads", data=FORM)
        clock.shift(timedelta(days=8))
        client.post(link_in(sent(store)[0]).replace("/confirm/", "/renew/confirm/"))
    assert "/api/confirm/" in sent(store)[-1]["text"]
    assert len({letter["message_id"] for letter in sent(store)}) == len(sent(store)) == 2


def test_who_was_erased_is_asked_to_fill_in_the_form_again(client: TestClient, store: Store) -> None:
    """A link whose lead is gone renews nothing and says so, under a heading that is true."""
    with time_machine.travel(NOW, tick=False):
        client.post("/api/leads", data=FORM)
        link = link_in(sent(store)[0])
    for table in (tables.confirmations, tables.consents, tables.submissions, tables.leads):
        store.write_now(lambda connection, gone: connection.execute(gone.delete()), table)
    answer = client.post(link.replace("/confirm/", "/renew/confirm/"))
    assert answer.status_code == 410
    assert "This link has expired" in answer.text and "no longer stored here" in answer.text
    assert len(sent(store)) == 1


def new_edition(folder: Path, edition: str) -> bytes:
    """The author publishes another edition; its file."""
    index = INDEX | {"whitepapers": {"a-paper": PAPER | {"edition": edition}}}
    (folder / "site" / "public-index.json").write_text(json.dumps(index))
    file = PDF + edition.encode()
    (folder / "papers" / "a-paper" / f"{edition}.pdf").write_bytes(file)
    return file


def test_old_links_serve_the_edition_that_they_were_signed_for(
    client: TestClient, store: Store, tmp_path: Path
) -> None:
    """A new edition goes to those who ask again, by the form or by an old link; links sent before bring theirs."""
    with time_machine.travel(NOW, tick=False) as clock:
        first = confirmed(client, store)
        second = new_edition(tmp_path, "2")
        assert client.get(first).content == PDF
        clock.shift(timedelta(minutes=1))
        client.post("/api/leads", data=FORM | {"post": "b-post"})
        assert client.get(link_in(sent(store)[-1])).content == second
        assert client.get(first).content == PDF
        clock.shift(timedelta(days=8))
        client.post(first.replace("/downloads/", "/renew/download/"))
        assert client.get(link_in(sent(store)[-1])).content == second
    assert sorted(row.edition for row in rows(store, tables.downloads)) == ["1", "2"]


def test_no_scanner_changes_more_than_the_count_of_downloads(client: TestClient, store: Store) -> None:
    """Any number of GET, HEAD and prefetches of every mailed link leave all other tables as they are."""
    file = confirmed(client, store)
    client.post("/api/leads", data=FORM | {"email": "bob@example.com"})
    links = [link_in(letter) for letter in sent(store)] + [file]
    others = [table for table in tables.metadata.sorted_tables if table.name not in ("downloads", "events")]

    def stored() -> list[object]:
        return [sorted(map(str, rows(store, table))) for table in others]

    before = stored()
    for link in links:
        for method in ("GET", "HEAD") * 10:
            headers = {"User-Agent": "BingPreview", "Purpose": "prefetch", "Sec-Purpose": "prefetch;prerender"}
            assert client.request(method, link, headers=headers).status_code == 200
    assert stored() == before
    assert [row.kind for row in rows(store, tables.events)].count("lead.confirmed") == 1
    assert len(rows(store, tables.downloads)) == 1
    link = link_in(sent(store)[-1])
    assert [client.post(link).status_code for _ in range(3)] == [200, 200, 200]
    assert [row.kind for row in rows(store, tables.events)].count("lead.confirmed") == 2
