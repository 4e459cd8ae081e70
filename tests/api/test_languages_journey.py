"""A German post's visitor reads German all the way: each refusal, the letter, and the pages that it leads to."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import html5lib
import pytest
import time_machine
from babel.messages.pofile import read_po
from doors import INDEX, ORIGIN, PAPER, PDF, SHELL, doors
from examples import rows, sent
from lead_steps import JSON, link_in, page_of
from mail_server import Mailbox, carry, mail_server
from starlette.testclient import TestClient

from leadapi import languages, rate_limits, smtp, tables
from leadapi.store import Store

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
TITLE = "Führung für Könner"
GERMAN = {
    "posts": {
        "beitrag": {"title": "Über Mut", "url": "/beitrag/", "language": "de", "comments": "open"},
        "zu": {"title": "Schluss", "url": "/zu/", "language": "de-AT", "comments": "closed"},
        "a-post": {"title": "A Post", "url": "/a-post/", "language": "en", "comments": "open"},
    },
    "whitepapers": {
        "a-paper": PAPER
        | {
            "title": TITLE,
            "language": "de",
            "fields": {"name": "required", "company": "required", "phone": "required", "country": "optional"},
        }
    },
    "consents": {
        "en-1": {"language": "en", "text": "Yes, you may also send me articles."},
        "de-1": {"language": "de", "text": "Ja, gerne."},
    },
}
GERMAN_SHELL = SHELL.replace('lang="en"', 'lang="de"').replace("The Blog", "Der Blog")
FORM = {
    "email": "alice@example.com",
    "name": "Alice",
    "company": "Alpha",
    "phone": "1",
    "whitepaper": "a-paper",
    "post": "beitrag",
}
REPLY = {"name": "Bob", "email": "bob@example.com", "body": "Gut.", "post": "beitrag"}

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # what is promised is about words


def words(text: str) -> set[str]:
    return set(
        re.findall(r"[a-zäöüß]+", re.sub(r"%\(\w+\)s|<[^>]*>|&\w+;|https?://\S+|/[\w/]+", " ", text).lower())
    )


def our_english() -> set[str]:
    """Every word of our English sentences that no German one has."""
    with languages.CATALOGUES["de"].open("rb") as file:
        catalogue = read_po(file, locale="de")
    english = {word for message in catalogue for word in words(str(message.id))}
    return english - {word for message in catalogue if message.id for word in words(str(message.string))}


ENGLISH = our_english()


def german(text: str) -> bool:
    """Whether there is text, and no English word of ours in it."""
    found = words(text)
    assert found & ENGLISH == set()
    return len(found) > 1


def german_page(answer: Any, around: str = "de") -> Any:
    """The main part of a page that says that it is German and is; the shell too, where it is to be German."""
    document = page_of(answer, around)
    assert german(document.find("head/title").text)
    part = document.find("body/main")
    if around == "de":
        assert german(" ".join(document.find("body").itertext()))
        assert [element for element in part if element.get("lang")] == []
    else:
        (part,) = [element for element in part if element.get("lang")]
        assert part.get("lang") == "de"
    assert german(" ".join(part.itertext()))
    assert german(" ".join(e.get("aria-label") or e.get("placeholder") or "" for e in part.iter()) + " a ist so")
    return part


def write_german_shell(site: Path) -> None:
    """Let the site have a shell in German too."""
    (site / "page-shell.de.html").write_text(GERMAN_SHELL)
    (site / "public-index.json").write_text(json.dumps(INDEX | GERMAN | {"shells": ["de"]}))


@pytest.fixture
def client(store: Store, tmp_path: Path) -> Iterator[TestClient]:
    with doors(store, tmp_path) as client:
        write_german_shell(tmp_path / "site")
        yield client


def test_english_words_are_noticed(client: TestClient) -> None:
    """What the tests below look for is there on the way of an English post."""
    refused = client.post("/api/leads", data=FORM | {"post": "a-post", "email": ""})
    assert len(words(" ".join(page_of(refused).itertext())) & ENGLISH) > 10
    message = client.post("/api/leads", data=FORM | {"post": "a-post"}, headers=JSON).json()["message"]
    assert message == "Thank you. An e-mail is on its way to this address. Please open it and follow its link."
    answer = client.get("/api/comments/nothing").json()["error"]
    assert answer["message"] == "There is no such post."


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"email": ""}, "invalid"),
        ({"email": "a@b"}, "invalid"),
        ({"email": "ä@example.com"}, "invalid"),
        ({"email": "a" * 260 + "@example.com"}, "invalid"),
        ({"name": " "}, "invalid"),
        ({"name": "x" * 1_201}, "invalid"),
        ({"company": ""}, "invalid"),
        ({"company": "x\ny"}, "invalid"),
        ({"phone": ""}, "invalid"),
        ({"country": "x" * 201}, "invalid"),
        ({"name": "", "email": ""}, "invalid"),
        ({"submission_id": "x" * 65}, "invalid"),
        ({"whitepaper": ""}, "invalid"),
        ({"whitepaper": "nothing"}, "unknown_whitepaper"),
        ({"post": "nothing"}, "unknown_post"),
    ],
)
def test_each_refusal_of_a_german_form_is_german(client: TestClient, changed: dict[str, str], code: str) -> None:
    """Page and JSON say the same in German, with the codes that programs know; the German consent is asked."""
    told = client.post("/api/leads", data=FORM | changed, headers=JSON)
    error = told.json()["error"]
    assert (told.status_code, error["code"]) == (422, code)
    for sentence in [error["message"], *error["fields"].values()]:
        assert german(sentence)
    page = german_page(client.post("/api/leads", data=FORM | changed))
    shown = " ".join(page.itertext())
    assert all(sentence in shown for sentence in error["fields"].values())
    assert "freiwillig" in shown
    assert "Ja, gerne." in shown
    assert "/datenschutz/" in [a.get("href") for a in page.iter("a")]


@pytest.mark.parametrize(
    "changed",
    [
        {"name": ""},
        {"email": "bob"},
        {"body": ""},
        {"body": "x" * 4_001},
        {"body": "a\x00"},
        {"parent": "nothing"},
        {"post": "zu"},
    ],
)
def test_each_refusal_of_a_german_reply_is_german(client: TestClient, changed: dict[str, str]) -> None:
    """A reply to a German post is refused in German, numbers included, and thanked for in German."""
    told = client.post("/api/comments", data=REPLY | changed, headers=JSON)
    assert told.status_code == 422
    assert german(told.json()["error"]["message"])
    page = german_page(client.post("/api/comments", data=REPLY | changed))
    assert "Höchstens 4.000 Zeichen." in " ".join(page.itertext())
    assert german(client.post("/api/comments", data=REPLY, headers=JSON).json()["message"])


@pytest.mark.parametrize(
    ("path", "form", "limit"),
    [
        ("/api/leads", FORM, rate_limits.LEADS_BY_NETWORK),
        ("/api/comments", REPLY, rate_limits.COMMENTS_BY_NETWORK),
    ],
)
def test_what_is_no_fault_of_the_form_is_told_in_german(
    client: TestClient, store: Store, path: str, form: dict[str, str], limit: rate_limits.Limit
) -> None:
    """Used before, another site's, too often, and nothing saved: each in German to a script and on a page."""
    other = {"name": "Carol", "submission_id": "one"}
    client.post(path, data=form | {"submission_id": "one"})
    conflict = client.post(path, data=form | other, headers=JSON)
    assert (conflict.status_code, conflict.json()["error"]["code"]) == (409, "conflict")
    assert german(conflict.json()["error"]["message"])
    german_page(client.post(path, data=form | other))
    with time_machine.travel(NOW, tick=False):
        store.write_now(
            lambda connection, _: rate_limits.take_all(connection, limit, {"unknown": limit.most}, NOW), None
        )
        late = form | {"email": "late@example.com", "body": "Anders."}
        told = client.post(path, data=late, headers=JSON)
        assert (told.status_code, told.json()["error"]["code"]) == (429, "too_often")
        assert german(told.json()["error"]["message"])
        german_page(client.post(path, data=late))
    store.close()
    told = client.post(path, data=form, headers=JSON)
    assert (told.status_code, told.json()["error"]["code"]) == (503, "unavailable")
    assert german(told.json()["error"]["message"])
    german_page(client.post(path, data=form))


def test_the_way_from_a_german_post_to_its_file_is_german(client: TestClient, store: Store) -> None:
    """Thanks, letter, button, download, an old link, a new one and its letter: none is in English."""
    with time_machine.travel(NOW, tick=False):
        assert german(client.post("/api/leads", data=FORM, headers=JSON).json()["message"])
        assert [row.language for row in rows(store, tables.submissions)] == ["de"]
        (letter,) = sent(store)
        link = link_in(letter)
        german_page(client.get(link))
        page = german_page(client.post(link))
        (file,) = [a.get("href") for a in page.iter("a") if "/downloads/" in a.get("href")]
        assert client.get(file).content == PDF
    with time_machine.travel(NOW + timedelta(days=8), tick=False):
        for old in (link, file):
            german_page(client.get(old))
            gone = client.get(old, headers=JSON)
            assert (gone.status_code, gone.json()["error"]["code"]) == (410, "link_expired")
            assert german(
                re.sub(r"/api/\S+", "", gone.json()["error"]["message"])
            )  # its address is in no language
        (form,) = german_page(client.get(file)).iter("form")
        german_page(client.post(form.get("action")))
        newest = sent(store)[-1]
        assert TITLE in newest["subject"]
        assert german(newest["text"].replace("The Blog", ""))
        assert client.get(link_in(newest)).content == PDF
    store.write_now(lambda connection, _: tables.metadata.drop_all(connection), None)
    with time_machine.travel(NOW, tick=False):
        german_page(client.post(link))


def test_whoever_leaves_by_a_german_letter_does_so_in_german(client: TestClient, store: Store) -> None:
    """The page, what was done and its undo are German, and the ledger holds the words that stood there."""
    client.post("/api/leads", data=FORM)
    found = re.search(rf"^{ORIGIN}(/api/unsubscribe/\S+)$", sent(store)[0]["text"], re.MULTILINE)
    assert found
    german_page(client.get(found[1]))
    german_page(client.post(found[1], data={"List-Unsubscribe": "One-Click"}))
    german_page(client.get(found[1]))
    german_page(client.post(found[1], data={"undo": "yes"}))
    ledger = [row for row in rows(store, tables.consents) if row.channel != "form"]
    assert [(row.channel, row.language) for row in ledger] == [("unsubscribe", "de"), ("resubscribe", "de")]
    assert ledger[0].text == "Schreiben Sie nie wieder an diese Adresse."


def test_what_is_stored_is_told_in_german_to_whoever_asks_in_german(client: TestClient, store: Store) -> None:
    """Form, refusal, letters, the page with everything, and its erasing, from the link in a German letter."""
    client.post("/api/leads", data=FORM | {"marketing_consent": "yes", "consent_version": "de-1"})
    german_page(client.post(link_in(sent(store)[0])))
    client.post("/api/leads", data=FORM | {"post": "zu"})
    client.post("/api/comments", data=REPLY | {"email": FORM["email"]})
    (asked,) = {
        url for letter in sent(store) for url in re.findall(rf"^{ORIGIN}(/api/privacy\S*)$", letter["text"], re.M)
    }
    (form,) = german_page(client.get(asked)).iter("form")
    hidden = {
        field.get("name"): field.get("value") for field in form.iter("input") if field.get("type") == "hidden"
    }
    german_page(client.post(form.get("action"), data=hidden | {"email": "a@b"}))
    german_page(client.post(form.get("action"), data=hidden | {"email": FORM["email"]}))
    german_page(client.post(form.get("action"), data=hidden | {"email": "nobody@example.com"}))
    mailed, nothing = sent(store)[-2:]
    for letter in (mailed, nothing):
        assert letter["language"] == "de"
        assert german(letter["subject"].replace("The Blog", ""))
        assert german(letter["text"].replace("The Blog", ""))
    link = link_in(mailed)
    shown = " ".join(german_page(client.get(link)).itertext())
    assert "Ja, gerne." in shown
    german_page(client.get(f"{link}/erase"))
    german_page(client.post(f"{link}/erase"))
    german_page(client.get(link))
    with time_machine.travel(datetime.now(UTC) + timedelta(days=8), tick=False):
        german_page(client.get(link))


def test_a_link_without_a_language_is_answered_in_the_sites(client: TestClient, store: Store) -> None:
    """The links of an English post, and those of earlier versions, name none."""
    client.post("/api/leads", data=FORM | {"post": "a-post"})
    (letter,) = sent(store)
    assert letter["language"] == "en"
    assert "One more step" in client.get(link_in(letter)).text
    assert 'lang="de"' not in client.get(link_in(letter)).text
    assert "<header>The Blog</header>" in client.get(link_in(letter)).text


@pytest.mark.parametrize("shell", [None, "", "<!doctype html><title>Not found</title>"])
def test_without_a_german_shell_a_german_page_stands_in_the_sites_own(
    client: TestClient, store: Store, tmp_path: Path, shell: str | None
) -> None:
    """Missing or broken it is no error: the main part says that it is German, and English pages are whole."""
    client.post("/api/leads", data=FORM)
    link = link_in(sent(store)[0])
    german_page(client.get(link))
    (tmp_path / "site" / "page-shell.de.html").unlink()
    if shell is not None:
        (tmp_path / "site" / "page-shell.de.html").write_text(shell)
    restyled = INDEX | GERMAN | {"shells": ["de"], "style_hash": "sha256-new"}
    (tmp_path / "site" / "public-index.json").write_text(json.dumps(restyled))
    german_page(client.get(link), around="en")
    page_of(client.get("/api/privacy"))
    write_german_shell(tmp_path / "site")
    german_page(client.get(link))


def test_a_site_that_was_built_before_there_were_such_shells_is_dressed_as_ever(
    client: TestClient, tmp_path: Path
) -> None:
    """Its index names none, so that a file with such a name is not read."""
    (tmp_path / "site" / "public-index.json").write_text(json.dumps(INDEX | GERMAN))
    german_page(client.get("/api/privacy?lang=de"), around="en")


def test_the_owners_desk_stays_in_the_sites_own_shell(client: TestClient, tmp_path: Path) -> None:
    """On a German site with English posts the desk is in English, inside the German menu."""
    site = {"site": {"name": "Der Blog", "url": ORIGIN, "language": "de"}, "shells": ["en"]}
    (tmp_path / "site" / "public-index.json").write_text(json.dumps(INDEX | GERMAN | site))
    (tmp_path / "site" / "page-shell.html").write_text(GERMAN_SHELL)
    (tmp_path / "site" / "page-shell.en.html").write_text(SHELL)
    assert '<div lang="en">' in client.get("/admin/").text
    page_of(client.get("/admin/"), "de")
    page_of(client.get("/api/privacy?lang=en"), "en")
    german_page(client.get("/api/privacy"))


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("kind", ["confirmation", "download"])
async def test_a_mail_server_receives_a_german_letter(client: TestClient, store: Store, kind: str) -> None:
    """Subject and both parts arrive in German with their umlauts, and say which language they are in."""
    client.post("/api/leads", data=FORM)
    if kind == "download":
        client.post(link_in(sent(store)[-1]))
        client.post("/api/leads", data=FORM | {"post": "zu", "marketing_consent": "yes"})
    mailbox = Mailbox()
    async with mail_server(mailbox) as address:
        await carry(address, smtp.message(sent(store)[-1], "blog@example.com", "The Blog"))
    (raw,) = mailbox.letters
    assert raw.isascii()
    letter = message_from_bytes(raw, policy=policy.default)
    assert isinstance(letter, EmailMessage)
    assert (
        letter["Subject"]
        == {"confirmation": f"Ihr Whitepaper: {TITLE}", "download": f"Ihr Download: {TITLE}"}[kind]
    )
    assert letter["Content-Language"] == "de"
    parts = {name: letter.get_body((name,)) for name in ("plain", "html")}
    text, html = (part.get_content() for part in parts.values() if part)
    document = html5lib.parse(html, namespaceHTMLElements=False)
    assert document.get("lang") == "de"
    shown = " ".join(document.find("body").itertext())
    for body in (text, shown):
        assert german(body.replace("The Blog", ""))
        assert TITLE in body
        assert "Der Link gilt 7 Tage" in body
        assert ("Häkchen" in body) == (kind == "download")
