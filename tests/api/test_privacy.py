"""One mailed link shows, exports and erases everything about an address; afterwards nothing names anybody."""

import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from doors import ORIGIN, doors
from examples import ALICE, BOB, CONSENT, NOW, ODDITIES, SENDER, record, reply, rows, sent
from lead_steps import JSON, page_of
from sqlalchemy import Connection, event, select
from starlette.testclient import TestClient

from leadapi import (
    comment_list,
    comments,
    erasing,
    leads,
    letters,
    outbox,
    privacy,
    signed_links,
    suppressions,
    tables,
)
from leadapi.address_hashes import address_hash
from leadapi.attribution import Source
from leadapi.events import Event, publish_many
from leadapi.privacy import stored
from leadapi.store import Store

Counts = Callable[[int, int], int]
KEY = ("the first key that nobody guesses",)
HASH_KEY = "a key for hashes that nobody guesses"
ADDRESS = "marked.alice@example.com"
NAME = "Markedname Liddell"
ERASE = erasing.Erase(ADDRESS, HASH_KEY, NOW + timedelta(days=1))
MARKED = replace(
    ALICE,
    submission_id="marked-1",
    address="Marked.Alice@example.com",
    name=NAME,
    company="Markedname & Co",
    consent=CONSENT,
    marketing_consent=True,
    first=Source("/b-post/?utm_source=marked", "search.example", (("utm_source", "marked"),)),
    answers=(("phone", "marked-phone"),),
    sender=replace(SENDER, hash_key=HASH_KEY),
)
SAID = replace(BOB, email=ADDRESS, name=NAME, body="Marked words of mine")


@pytest.fixture
def client(store: Store, tmp_path: Path) -> Iterator[TestClient]:
    with doors(store, tmp_path, hash_key=HASH_KEY) as client:
        yield client


def link(address: str = ADDRESS) -> str:
    return letters.LINK_PATHS["privacy"] + signed_links.sign("privacy", {"address": address}, KEY)


def newest_link(store: Store) -> str | None:
    found = re.search(rf"^{ORIGIN}(/api/privacy/\S+)$", sent(store)[-1]["text"], re.MULTILINE)
    return found[1] if found else None


def decided(store: Store, comment: str, decision: comments.Decision = "approve") -> str:
    store.write_now(comments.decide, (comment, decision, NOW))
    return comment


def whole_life(store: Store) -> None:
    """Everything that can be stored about somebody: signed up, confirmed, downloaded, commented, written to."""
    record(store, MARKED, replace(MARKED, submission_id="marked-2", post="b-post", marketing_consent=False))
    record(store, replace(MARKED, submission_id="marked-3", post="c-post", held_reason="honeypot"))
    first = next(row for row in rows(store, tables.submissions) if row.submission_id == "marked-1")
    store.write_now(leads.confirm, leads.Press(first.lead_id, first.id, NOW))
    store.write_now(leads.record_download, (first.lead_id, "a-paper", "1", NOW))
    reply(
        store, SAID, replace(SAID, body="Marked and refused"), replace(SAID, body="Marked by a robot", held=True)
    )
    refused = next(row for row in rows(store, tables.comments) if row.body == "Marked and refused")
    decided(store, refused.id, "refuse")
    dead = outbox.Row("letter", {"to": "owner@example.com", "text": f"{NAME} <{ADDRESS}>"}, "notice:1", NOW)
    store.write_now(lambda connection, row: outbox.enqueue(connection, row), dead)
    give_up = tables.outbox.update().where(tables.outbox.c.dedupe_key == "notice:1")
    store.write_now(
        lambda connection, _: connection.execute(give_up.values(dead_at=NOW, last_error=ADDRESS)), None
    )
    refusal = tables.outbox.insert().values(
        id="0", kind="webhook", payload={"event": "an id"}, dedupe_key="event:1", created_at=NOW, run_at=NOW
    )
    refused_by_it = {"dead_at": NOW, "last_error": f"RefusedForGood: 400 {ADDRESS} is not valid"}
    store.write_now(lambda connection, _: connection.execute(refusal.values(refused_by_it)), None)
    told = Event("comment.created", refused.id, None, {"name": NAME, "email": ADDRESS}, NOW)
    store.write_now(publish_many, [told])


def dump(store: Store) -> str:
    """All that is in all tables."""
    return "\n".join(
        f"{table.name} {row}" for table in tables.metadata.sorted_tables for row in rows(store, table)
    )


def traces(store: Store) -> list[str]:
    """What is left in the tables of the address, the name and everything else that was typed."""
    return re.findall(r"(?i).{0,60}marked.{0,20}", dump(store))


def test_the_link_shows_everything_in_plain_words(client: TestClient, store: Store) -> None:
    """Lead, submissions with where they came from, consents with their text, downloads, comments, letters."""
    whole_life(store)
    before = dump(store)
    page = client.get(link())
    page_of(page)
    assert page.status_code == 200
    for told in (
        *(NAME, "Markedname &amp; Co", "marked-phone", "Marked.Alice@example.com", "confirmed on"),
        *("A &lt;Post&gt;", "/a-post/?utm_source=x", "/b-post/?utm_source=marked", "search.example"),
        *(CONSENT.text, "en-1", "Yes, ", "No, ", "Downloads", "first on", "Better” People"),
        *("Marked words of mine", "waits for a decision", "Marked and refused", "was refused", "set aside"),
        *("E-mails to you", "waiting", "Erase everything"),
    ):
        assert told in page.text, told
    assert client.head(link()).status_code == client.get(link() + "/erase").status_code == 200
    assert (page.headers["cache-control"], page.headers["x-robots-tag"]) == ("private, no-store", "noindex")
    assert dump(store) == before


def test_the_export_is_a_file_with_all_of_it(client: TestClient, store: Store) -> None:
    """JSON, as attachment, for its owner alone; each row with all that was typed, and no way into the desk."""
    whole_life(store)
    answer = client.get(link() + "/export")
    assert answer.headers["content-disposition"].startswith("attachment; filename=")
    assert (answer.headers["cache-control"], answer.headers["x-robots-tag"]) == ("private, no-store", "noindex")
    found = answer.json()
    assert {name: len(told) for name, told in found.items() if name not in ("address", "lead")} == {
        "submissions": 3,
        "consents": 3,
        "confirmations": 1,
        "downloads": 1,
        "events": 3,
        "comments": 3,
        "letters": 2,
        "suppressions": 0,
    }
    assert found["lead"]["name"] == NAME
    assert found["submissions"][0]["first_utm_source"] == "marked"
    assert found["consents"][0]["text"] == CONSENT.text
    assert "/api/" not in answer.text
    assert client.get(link(), headers=JSON).json() == found


def test_erasing_leaves_nothing_in_any_table(client: TestClient, store: Store) -> None:
    """One press, and neither address nor name nor words are in any row; what belongs to others stays."""
    record(store, ALICE)
    reply(store, replace(BOB, email="jim." + ADDRESS, body="from another address that ends alike"))
    others = {table: len(rows(store, table)) for table in (tables.leads, tables.submissions, tables.outbox)}
    whole_life(store)
    lead = next(row.id for row in rows(store, tables.leads) if row.address_key == ADDRESS)
    assert len(traces(store)) > 10
    answer = client.post(link() + "/erase")
    page_of(answer)
    assert (answer.status_code, "Everything is erased" in answer.text) == (200, True)
    assert {trace for trace in traces(store) if "jim." not in trace} == set()
    assert {table: len(rows(store, table)) for table in others} == others
    assert [(row.address_hash, row.reason) for row in rows(store, tables.suppressions)] == [
        (address_hash(ADDRESS, HASH_KEY), "erased")
    ]
    told = [row for row in rows(store, tables.events) if row.kind == "lead.erased"]
    assert [(row.subject, row.lead_id, row.data) for row in told] == [(lead, None, {"lead": lead})]


def test_erasing_again_is_as_good(client: TestClient, store: Store) -> None:
    """The second press is answered like the first, and so is one for an address that was never here."""
    whole_life(store)
    answers = [client.post(link() + "/erase", headers=JSON) for _ in range(2)]
    answers.append(client.post(link("nobody@example.com") + "/erase", headers=JSON))
    assert {(answer.status_code, answer.json()["status"]) for answer in answers} == {(200, "erased")}
    page = client.get(link())
    assert "You had everything erased" in page.text
    assert "Erase everything" not in page.text
    assert client.get(link(), headers=JSON).json()["lead"] is None
    assert len([row for row in rows(store, tables.events) if row.kind == "lead.erased"]) == 1


def test_old_links_into_an_erased_life_lead_nowhere(client: TestClient, store: Store) -> None:
    """The letters that she still has: no button brings anything back, and nothing is counted."""
    whole_life(store)
    comment = next(row.id for row in rows(store, tables.comments))
    lead = next(row for row in rows(store, tables.submissions))
    client.post(link() + "/erase")
    payload = {"lead": lead.lead_id, "whitepaper": "a-paper", "edition": "1", "submission": lead.id}
    assert client.post("/api/confirm/" + signed_links.sign("confirm", payload, KEY)).status_code == 410
    assert client.get("/api/downloads/" + signed_links.sign("download", payload, KEY)).status_code == 200
    moderate = "/api/moderate/" + signed_links.sign("moderate", {"comment": comment}, KEY)
    assert client.get(moderate).status_code == 404
    assert client.post(moderate, data={"decision": "approve"}).status_code == 404
    assert traces(store) == [] and rows(store, tables.downloads) == []


def test_who_was_erased_and_asks_again_starts_anew(client: TestClient, store: Store) -> None:
    """The same submission id is a new submission, with a letter; so is the same comment."""
    again = replace(MARKED, now=NOW + timedelta(days=2))
    said = replace(SAID, submission_id="said-1")
    whole_life(store)
    assert reply(store, said) == ["recorded"]
    client.post(link() + "/erase")
    assert (record(store, again), reply(store, said)) == (["recorded"], ["recorded"])
    (lead,) = rows(store, tables.leads)
    assert (lead.status, lead.name) == ("pending", NAME)
    assert {letter["to"] for letter in sent(store)} == {"Marked.Alice@example.com", "owner@example.com"}


def test_a_placeholder_keeps_the_thread(client: TestClient, store: Store) -> None:
    """An erased comment is listed as long as an approved answer stands below it, however deep; the ETag is new."""
    reply(store, SAID, replace(SAID, body="Marked and lonely"))
    for row in rows(store, tables.comments):
        decided(store, row.id)
    top = next(row.id for row in rows(store, tables.comments) if row.body == SAID.body)
    later = NOW + timedelta(minutes=1)
    reply(store, replace(SAID, body="Marked answer to myself", parent=top, now=later))
    middle = decided(store, next(row.id for row in rows(store, tables.comments) if row.parent_id == top))
    reply(store, replace(BOB, parent=middle, body="Bob answers", now=NOW + timedelta(minutes=2)))
    bobs = decided(store, next(row.id for row in rows(store, tables.comments) if row.parent_id == middle))
    before = client.get("/api/comments")
    assert len(before.json()["comments"]) == 4
    client.post(link() + "/erase")
    for path in ("/api/comments", "/api/comments/a-post"):
        after = client.get(path)
        listed = after.json()["comments"]
        assert [(one["id"], one["parent"], one.get("erased", False)) for one in listed] == [
            (top, None, True),
            (middle, top, True),
            (bobs, middle, False),
        ]
        assert {(one["name"], one["html"]) for one in listed[:2]} == {
            (comment_list.ERASED_NAME, comment_list.ERASED_HTML)
        }
    assert after.headers["etag"] != before.headers["etag"] != client.get("/api/comments").headers["etag"]
    assert reply(store, replace(BOB, parent=top, body="Bob answers what stands there")) == ["recorded"]
    decided(store, bobs, "refuse")
    assert client.get("/api/comments").json()["comments"] == []
    assert traces(store) == []


def test_the_answer_tells_nobody_whether_an_address_is_known(client: TestClient, store: Store) -> None:
    """Known, unknown or erased: the same words; only the letter says which, and nothing in it was typed."""
    whole_life(store)
    letters_before = len(sent(store))
    answers = [
        client.post("/api/privacy", data={"email": email})
        for email in (ADDRESS.upper().replace("EXAMPLE.COM", "example.com"), "nobody@example.com")
    ]
    assert len({(answer.status_code, answer.text) for answer in answers}) == 1
    known, unknown = sorted(sent(store)[letters_before:], key=lambda letter: letter["to"])
    assert (known["to"], unknown["to"]) == ("Marked.Alice@example.com", "nobody@example.com")
    assert "/api/privacy/" in known["text"] and "/api/privacy" not in unknown["text"]
    assert "There is\nnothing: no request" in unknown["text"]
    assert NAME not in str((known, unknown))
    answer = client.post("/api/privacy", data={"email": ADDRESS}, headers=JSON)
    assert (answer.status_code, answer.json()["status"]) == (202, "accepted")


def test_the_way_from_the_form_to_nothing(client: TestClient, store: Store) -> None:
    """The form, the letter, the page, the second page, the button: and the address is unknown again."""
    reply(store, SAID)  # who has only commented may see and erase that too
    page_of(client.get("/api/privacy"))
    client.post("/api/privacy", data={"email": ADDRESS})
    way = newest_link(store)
    assert way and "Marked words of mine" in client.get(way).text
    assert f'href="{way}/erase">Erase everything' in client.get(way).text
    asked = client.get(f"{way}/erase")
    page_of(asked)
    assert f'action="{way}/erase"' in asked.text
    assert client.post(f"{way}/erase").status_code == 200
    assert traces(store) == []


def test_few_letters_and_few_questions(client: TestClient, store: Store) -> None:
    """An address gets three in an hour, whoever asks; a network may ask ten times in ten minutes."""
    with time_machine.travel(NOW, tick=False):
        answers = [client.post("/api/privacy", data={"email": "nobody@example.com"}) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [200] * 10 + [429]
    assert 'value="nobody@example.com"' in answers[-1].text
    assert len(sent(store)) == 3


def test_asking_reads_no_more_where_much_is_stored(store: Store) -> None:
    """Anybody can fill the books in somebody's name, and each question is one that all other writers wait for."""
    submitted = [replace(ALICE, submission_id=f"s-{number}", network=f"n-{number}") for number in range(100)]
    record(store, *submitted)
    statements: list[str] = []

    def ask(connection: Connection, address: str) -> None:
        def note(*what: Any) -> None:
            statements.append(what[2])

        event.listen(connection, "before_cursor_execute", note)
        privacy.ask(connection, privacy.Asked(address, "network", SENDER, None, NOW + timedelta(days=2)))
        event.remove(connection, "before_cursor_execute", note)

    store.write_now(ask, ALICE.address)
    reads = [statement for statement in statements if statement.startswith("SELECT")]
    of_rows = [statement for statement in reads if "FROM submissions" in statement]
    assert [("LIMIT" in statement, statement.count("submissions.") < 6) for statement in of_rows] == [(True, True)]
    assert not any(f"FROM {table}" in statement for statement in reads for table in ("consents", "downloads"))
    assert sent(store)[-1]["to"] == ALICE.address


def test_who_refused_our_letters_gets_none(client: TestClient, store: Store) -> None:
    """Nobody can make us write to an address that wants no letter at all."""
    store.write_now(suppressions.suppress, (address_hash(ADDRESS, HASH_KEY), "refused", NOW))
    assert client.post("/api/privacy", data={"email": ADDRESS}).status_code == 200
    assert sent(store) == []


def test_a_link_has_an_end_and_one_purpose(client: TestClient, store: Store) -> None:
    """After a week it says where a new one is; a changed one, or one for another door, does nothing."""
    whole_life(store)
    with time_machine.travel(NOW, tick=False) as clock:
        way = link()
        clock.shift(letters.LINK_AGE + timedelta(seconds=1))
        late = [
            client.get(way),
            client.get(f"{way}/export"),
            client.get(f"{way}/erase"),
            client.post(f"{way}/erase"),
        ]
    assert {answer.status_code for answer in late} == {410}
    assert all('<a class="button" href="/api/privacy">Ask for a new link</a>' in answer.text for answer in late)
    wrong = signed_links.sign("sign-in", {"address": ADDRESS}, KEY)
    for token in (wrong, link().rpartition("/")[2][:-1] + "_", "x"):
        for path, method in (("", "GET"), ("/export", "GET"), ("/erase", "GET"), ("/erase", "POST")):
            assert client.request(method, f"/api/privacy/{token}{path}").status_code == 403
    assert client.post(link() + "/erase", headers={"Origin": "https://mallory.example"}).status_code == 403
    assert len(rows(store, tables.leads)) == 1


@pytest.mark.parametrize("typed", [*ODDITIES, ""])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_odd_text_is_answered(client: TestClient, store: Store, typed: str) -> None:
    """Whatever is typed as an address, the answer is the form with a sentence beside the field."""
    headers = {"Accept": "text/html", "Content-Type": "application/json"}
    answer = client.post("/api/privacy", content=json.dumps({"email": typed}), headers=headers)
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text
    answer = client.post("/api/privacy", content=json.dumps({"email": typed}), headers=JSON | headers | JSON)
    assert (answer.status_code, list(answer.json()["error"]["fields"])) == (422, ["email"])
    assert sent(store) == []


def test_a_thousand_submissions_are_erased_in_a_second(store: Store) -> None:
    """One lead with 1,000 submissions, consents and letters that wait: gone within a second."""
    for start in range(0, 1_000, 100):
        record(
            store,
            *(
                replace(MARKED, submission_id=f"marked-{n}", whitepaper=f"paper-{n}", network=str(n))
                for n in range(start, start + 100)
            ),
        )
    assert [len(rows(store, table)) for table in (tables.submissions, tables.consents)] == [1_000, 1_000]
    began = time.perf_counter()
    assert store.write_now(erasing.erase, ERASE)
    took = time.perf_counter() - began
    print(f"\nerased in {took * 1000:.0f} ms")
    assert took < 1
    assert traces(store) == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_no_byte_of_the_files_names_the_erased(client: TestClient, store: Store, tmp_path: Path) -> None:
    """A backup taken after the answer, of all three files, holds neither address nor name."""
    whole_life(store)
    for n in range(100):
        record(store, replace(ALICE, address=f"other{n}@example.com", network=str(n)))

    def raw() -> bytes:
        return b"".join(path.read_bytes() for path in sorted(tmp_path.glob("leadapi.sqlite3*"))).lower()

    assert b"marked" in raw()
    client.post(link() + "/erase")
    assert ADDRESS.encode() not in raw()
    deadline = time.monotonic() + 20
    while b"marked" in raw():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert b"other99@example.com" in raw()


def test_an_event_that_was_told_is_no_secret_way_back(store: Store) -> None:
    """What is stored about an erased address is the hash alone."""
    whole_life(store)
    store.write_now(erasing.erase, ERASE)
    found: dict[str, Any] = store.read_now(stored, (ADDRESS, address_hash(ADDRESS, HASH_KEY)))
    assert [reason["reason"] for reason in found.pop("suppressions")] == ["erased"]
    assert found.pop("address") == ADDRESS
    assert not any(found.values())
    assert store.read_now(lambda connection, _: connection.execute(select(tables.leads.c.id)).all(), None) == []
