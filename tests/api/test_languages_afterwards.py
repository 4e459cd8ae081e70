"""What comes after the form speaks its language too: later letters, what is stored, and the way out.

The site here has no shell but its own, so German pages stand in the English one.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import time_machine
from doors import INDEX, ORIGIN, doors
from examples import ODDITIES, SENDER, rows, sent
from lead_steps import JSON, link_in, page_of
from starlette.testclient import TestClient
from test_languages_journey import FORM, GERMAN, german
from test_languages_journey import german_page as german_page_in

from leadapi import held_submissions, letters, rate_limits, signed_links, tables
from leadapi.store import Store

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
KEYS = ("the first key that nobody guesses",)
ALICE = {"email": "alice@example.com"}
ENGLISH_POST = {"post": "a-post"}
german_page = partial(german_page_in, around="en")
words_alone = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def client(store: Store, tmp_path: Path) -> Iterator[TestClient]:
    with doors(store, tmp_path) as client:
        (tmp_path / "site" / "public-index.json").write_text(json.dumps(INDEX | GERMAN))
        yield client


def newest(store: Store) -> dict[str, str]:
    return sent(store)[-1]


def german_letter(letter: dict[str, str]) -> bool:
    """Whether the letter says that it is German, and every part of it is."""
    assert letter["language"] == "de"
    return all(german(letter[part].replace("The Blog", "")) for part in ("subject", "text", "html"))


def hidden(page: Any) -> dict[str, str]:
    return {e.get("name"): e.get("value") for e in page.iter("input") if e.get("type") == "hidden"}


@words_alone
def test_who_is_unknown_is_told_so_in_the_forms_language(client: TestClient, store: Store) -> None:
    """The letter that nothing is stored, the answer to a script, and too many questions."""
    nobody = {"email": "nobody@example.com", "language": "de-AT"}
    with time_machine.travel(NOW, tick=False):
        assert german(client.post("/api/privacy", data=nobody, headers=JSON).json()["message"])
        assert german_letter(newest(store))
        most = {"unknown": rate_limits.PRIVACY_LINKS_BY_NETWORK.most}
        limit = rate_limits.PRIVACY_LINKS_BY_NETWORK
        store.write_now(lambda connection, _: rate_limits.take_all(connection, limit, most, NOW), None)
        late = client.post("/api/privacy", data=nobody)
        assert late.status_code == 429
        german_page(late)


@words_alone
@pytest.mark.parametrize("lang", ["en", "fr", *ODDITIES])
def test_whatever_language_is_asked_for_the_form_is_there(client: TestClient, store: Store, lang: str) -> None:
    """What we do not speak is answered in English; no text breaks the form."""
    asked = client.get("/api/privacy", params={"lang": lang.encode("utf-8", "replace")})
    body = json.dumps(ALICE | {"language": lang})
    headers = {"Accept": "text/html", "Content-Type": "application/json"}
    for answer in (asked, client.post("/api/privacy", content=body, headers=headers)):
        assert (answer.status_code, "Zurück" in answer.text) == (200, False)
        page_of(answer)
    assert newest(store)["language"] == "en"


def test_a_form_that_names_no_language_is_answered_in_the_newest_submissions(
    client: TestClient, store: Store
) -> None:
    """The letter and its pages; an address that never asked for anything is written to as the site speaks."""
    asked = [({"post": "beitrag"}, "de"), (ENGLISH_POST, "en")]
    for number, (post, language) in enumerate(asked):
        with time_machine.travel(NOW + timedelta(hours=number), tick=False):
            client.post("/api/leads", data=FORM | post)
            answer = client.post("/api/privacy", data=ALICE)
            assert "Check your inbox" in answer.text
            assert newest(store)["language"] == language
            shown = client.get(link_in(newest(store))).text
            assert ('<div lang="de">' in shown) == (language == "de")
    client.post("/api/privacy", data={"email": "nobody@example.com"})
    assert newest(store)["language"] == "en"


@words_alone
def test_on_a_german_site_the_english_form_is_the_one_that_says_so(
    client: TestClient, store: Store, tmp_path: Path
) -> None:
    """Without a word the form is in the site's language; an English post's letter leads to the English one."""
    site = {"site": {"name": "Der Blog", "url": ORIGIN, "language": "de"}}
    (tmp_path / "site" / "public-index.json").write_text(json.dumps(INDEX | GERMAN | site))
    assert hidden(german_page(client.get("/api/privacy"))) == {}
    client.post("/api/privacy", data=ALICE)
    assert newest(store)["language"] == "de"
    client.post("/api/privacy", data=ALICE | {"language": "en"})
    assert newest(store)["language"] == "en"


@words_alone
def test_old_and_odd_links_are_answered_in_the_language_that_they_name(client: TestClient) -> None:
    """Where a link has expired, its page says so in German, and leads to the German form."""
    with time_machine.travel(NOW, tick=False) as clock:
        seen = signed_links.sign("privacy", ALICE | {"address": "a", "language": "de"}, KEYS)
        left = {"address_hash": "x", "purpose": "marketing", "language": "de"}
        leave = signed_links.sign("unsubscribe", left, KEYS)
        odd = signed_links.sign("unsubscribe", left | {"purpose": "x"}, KEYS)
        refused = client.get(f"/api/unsubscribe/{odd}")
        assert (refused.status_code, "Bitte kopieren Sie ihn vollständig" in refused.text) == (403, True)
        clock.shift(letters.UNSUBSCRIBE_AGE + timedelta(seconds=1))
        for path in (f"/api/privacy/{seen}", f"/api/privacy/{seen}/erase", f"/api/unsubscribe/{leave}"):
            old = client.get(path)
            assert old.status_code == 410
            german_page(old)
        assert "/api/privacy?lang=de" in client.get(f"/api/privacy/{seen}").text


def test_a_renewed_letter_is_in_its_submissions_language(client: TestClient, store: Store) -> None:
    """Also where the old link names no language, and where the site speaks another one by now."""
    with time_machine.travel(NOW, tick=False) as clock:
        client.post("/api/leads", data=FORM)
        (row,) = rows(store, tables.submissions)
        old = {"lead": row.lead_id, "whitepaper": "a-paper", "edition": "1", "submission": row.id}
        paths = [f"confirm/{signed_links.sign('confirm', old, KEYS)}"]
        paths += [f"download/{signed_links.sign('download', old, KEYS)}"]
        for path in paths:
            clock.shift(timedelta(days=8))
            assert client.post(f"/api/renew/{path}").status_code == 200
            assert german_letter(newest(store))
    assert len(sent(store)) == 3


def test_a_released_letter_is_in_its_submissions_language(client: TestClient, store: Store) -> None:
    """What was held goes on in German where the form was German."""
    client.post("/api/leads", data=FORM | {"website": "x"})
    (row,) = rows(store, tables.submissions)
    assert sent(store) == []
    titles = {"a-paper": "Ein Papier"}
    decided = held_submissions.Decided("release", row.id, None, titles, SENDER, NOW)
    store.write_now(held_submissions.decide, decided)
    assert german_letter(newest(store))
