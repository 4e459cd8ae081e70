"""The journey to the whitepaper through the doors, by browser and by script, and what hostile input gets."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import html5lib
import pytest
import time_machine
from doors import ORIGIN, PAPER, PDF, doors
from examples import ODDITIES, rows, sent
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from leadapi import tables
from leadapi.store import Store

FORM = {"email": "alice@example.com", "name": "Alice", "whitepaper": "a-paper", "post": "a-post", "cta": "end"}
JSON = {"Accept": "application/json"}
POST_PAGE = {"Referer": f"{ORIGIN}/a-post/?utm_source=x&utm_campaign=spring"}
NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


@pytest.fixture
def client(store: Store, tmp_path: Path) -> Iterator[TestClient]:
    with doors(store, tmp_path) as client:
        yield client


# For promises of the doors alone, which need no second database.
sqlite_only = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def page_of(answer: Any) -> Any:
    """The answer as a valid document with one h1, a title and a language."""
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    document = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(answer.text)
    assert len(list(document.iter("h1"))) == 1
    assert document.get("lang") == "en"
    assert document.find("head/title").text
    return document


def link_in(letter: dict[str, str]) -> str:
    found = re.search(rf"^{ORIGIN}(/api/\S+)$", letter["text"], re.MULTILINE)
    assert found
    return found[1]


def confirmed(client: TestClient, store: Store, form: dict[str, str] = FORM) -> str:
    """Go the way to the download link."""
    client.post("/api/leads", data=form)
    return str(client.post(link_in(sent(store)[-1]), headers=JSON).json()["download"])


def test_a_browser_is_led_from_the_form_to_the_file(client: TestClient, store: Store) -> None:
    """Form, thank-you page, letter, button, PDF: each step leads to the next, and post and campaign are kept."""
    answer = client.post("/api/leads", data=FORM, headers=POST_PAGE | {"Origin": ORIGIN})
    assert (answer.status_code, answer.headers["location"]) == (303, "/whitepapers/a-paper/thanks/")
    (submission,) = rows(store, tables.submissions)
    assert (submission.post, submission.cta, submission.utm_source) == ("a-post", "end", "x")
    assert (submission.utm_campaign, submission.referrer_host) == ("spring", "127.0.0.1")
    link = link_in(sent(store)[0])
    asked = client.get(link)
    assert asked.status_code == 200
    (form,) = page_of(asked).iter("form")
    assert (form.get("method"), form.get("action")) == ("post", link)
    pressed = client.post(form.get("action"), headers={"Origin": ORIGIN})
    assert pressed.status_code == 200
    links = [a.get("href") for a in page_of(pressed).iter("a") if "/downloads/" in (a.get("href") or "")]
    file = client.get(links[0])
    assert (file.status_code, file.content) == (200, PDF)
    assert [lead.status for lead in rows(store, tables.leads)] == ["confirmed"]


def test_a_script_is_told_the_same_as_json(client: TestClient, store: Store) -> None:
    """JSON in, or a form with Accept: JSON out, with a sentence for the reader and where to go next."""
    answer = client.post(
        "/api/leads", json=FORM | {"submission_id": "one", "marketing_consent": True}, headers=JSON
    )
    assert answer.status_code == 202
    assert set(answer.json()) == {"status", "message", "next"}
    assert (answer.json()["status"], answer.json()["next"]) == ("accepted", "/whitepapers/a-paper/thanks/")
    assert [row.given for row in rows(store, tables.consents)] == [True]
    again = client.post(
        "/api/leads", data=FORM | {"submission_id": "one", "marketing_consent": "yes"}, headers=JSON
    )
    assert (again.status_code, again.content) == (202, answer.content)
    assert len(sent(store)) == 1
    other = client.post("/api/leads", json=FORM | {"submission_id": "one", "name": "Bob"}, headers=JSON)
    assert (other.status_code, other.json()["error"]["code"]) == (409, "conflict")


@sqlite_only
def test_on_two_machines_the_way_leads_back_to_the_site(store: Store, tmp_path: Path) -> None:
    """Where another machine serves the site, the redirect names it."""
    with doors(store, tmp_path, site_dir=None, site_url="https://blog.example.com") as client:
        location = client.post("/api/leads", data=FORM).headers["location"]
    assert location == "https://blog.example.com/whitepapers/a-paper/thanks/"
    assert "https://blog.example.com/api/confirm/" in sent(store)[0]["text"]


def test_no_answer_tells_whether_an_address_is_known(client: TestClient, store: Store) -> None:
    """New, pending, confirmed and robots' addresses get the same bytes and headers."""
    confirmed(client, store)
    client.post("/api/leads", data=FORM | {"email": "pending@example.com"})
    answers = [
        client.post("/api/leads", data=FORM | {"email": email, "post": "b-post"} | more, headers=JSON)
        for email, more in [
            ("new@example.com", {}),
            ("pending@example.com", {}),
            ("alice@example.com", {}),
            ("robot@example.com", {"website": "https://spam.example.com"}),
        ]
    ]
    assert len({(answer.status_code, answer.content, str(answer.headers)) for answer in answers}) == 1
    assert answers[0].status_code == 202
    held = [row.email for row in rows(store, tables.submissions) if row.held]
    assert held == ["robot@example.com"]
    assert "robot@example.com" not in [letter["to"] for letter in sent(store)]


def test_a_confirmed_address_is_mailed_the_file_at_once(client: TestClient, store: Store) -> None:
    """Asking again brings a download link by mail, without a second confirmation."""
    confirmed(client, store)
    client.post("/api/leads", data=FORM | {"post": "b-post"})
    letter = max(sent(store), key=lambda one: "/api/downloads/" in one["text"])
    assert client.get(link_in(letter)).content == PDF


@sqlite_only
def test_a_refused_form_keeps_everything_and_says_what_to_mend(client: TestClient, store: Store) -> None:
    """The 422 page holds each typed value, each error at its field, and the page it came from."""
    typed = FORM | {"email": "alice@", "name": "", "company": 'A & "B" <C>', "marketing_consent": "yes"}
    answer = client.post("/api/leads", data=typed, headers=POST_PAGE)
    assert answer.status_code == 422
    document = page_of(answer)
    inputs = {field.get("name"): field for field in document.iter("input")}
    for name in ("email", "company", "whitepaper", "post", "cta"):
        assert inputs[name].get("value") == typed[name]
    assert inputs["marketing_consent"].get("checked") is not None
    ids = {element.get("id"): element for element in document.iter() if element.get("id")}
    for name in ("email", "name"):
        assert inputs[name].get("aria-invalid") == "true"
        assert any(
            "field-error" in (ids[i].get("class") or "") for i in inputs[name].get("aria-describedby").split()
        )
    mended = {name: field.get("value", "") for name, field in inputs.items()} | {
        "email": "alice@example.com",
        "name": "Alice",
    }
    assert client.post("/api/leads", data=mended, headers={"Referer": f"{ORIGIN}/api/leads"}).status_code == 303
    (submission,) = rows(store, tables.submissions)
    assert (submission.utm_source, submission.company) == ("x", 'A & "B" <C>')
    assert submission.page.startswith("/a-post/?")


@sqlite_only
@pytest.mark.parametrize(
    ("changed", "field", "code"),
    [
        ({"email": ""}, "email", "invalid"),
        ({"email": "a@b"}, "email", "invalid"),
        ({"name": " "}, "name", "invalid"),
        ({"name": "x" * 201}, "name", "invalid"),
        ({"company": "x" * 201}, "company", "invalid"),
        ({"name": "a\nb"}, "name", "invalid"),
        ({"whitepaper": ""}, "whitepaper", "invalid"),
        ({"whitepaper": "nothing"}, "whitepaper", "unknown_whitepaper"),
        ({"post": "nothing"}, "post", "unknown_post"),
        ({"submission_id": "x" * 65}, "submission_id", "invalid"),
    ],
)
def test_each_wrong_field_has_its_sentence(
    client: TestClient, store: Store, changed: dict[str, str], field: str, code: str
) -> None:
    """JSON names the wrong field alone, with one sentence, and nothing is stored."""
    answer = client.post("/api/leads", data=FORM | changed, headers=JSON)
    assert answer.status_code == 422
    error = answer.json()["error"]
    assert set(error) == {"code", "message", "fields"}
    assert (error["code"], list(error["fields"])) == (code, [field])
    assert error["message"].endswith(".")
    assert rows(store, tables.leads) == []
    page_of(client.post("/api/leads", data=FORM | changed))


@sqlite_only
def test_a_form_whose_post_is_gone_can_be_sent_again(client: TestClient, store: Store) -> None:
    """The refused form no longer names the unknown post, so the next press goes through."""
    document = page_of(client.post("/api/leads", data=FORM | {"post": "gone"}))
    fields = {field.get("name"): field.get("value") or "" for field in document.iter("input")}
    fields.pop("marketing_consent")
    assert "post" not in fields
    assert client.post("/api/leads", data=fields).status_code == 303
    assert [row.post for row in rows(store, tables.submissions)] == [None]


@sqlite_only
def test_remarks_and_unknown_fields_are_no_reason_to_refuse(client: TestClient, store: Store) -> None:
    """A long call to action is cut, unknown fields are passed over, the post may be absent."""
    form = FORM | {"cta": "\x00" + "c" * 500, "surprise": "x", "company": "  "}
    form.pop("post")
    assert client.post("/api/leads", json=form, headers=JSON).status_code == 202
    (row,) = rows(store, tables.submissions)
    assert (row.cta, row.post, row.company) == ("c" * 64, None, "")


def test_no_get_changes_anything(client: TestClient, store: Store) -> None:
    """A scanner may open every mailed link as often as it likes; only the button confirms, again and again."""
    client.post("/api/leads", data=FORM)
    link = link_in(sent(store)[0])
    before = rows(store, tables.leads)
    for method in ("GET", "HEAD", "GET"):
        assert client.request(method, link, headers={"User-Agent": "BingPreview"}).status_code == 200
    assert rows(store, tables.leads) == before
    first, second = (client.post(link) for _ in range(2))
    assert (first.status_code, second.status_code) == (200, 200)
    assert "Download the PDF" in second.text
    assert len(sent(store)) == 1


@sqlite_only
def test_another_site_cannot_press_the_buttons(client: TestClient, store: Store) -> None:
    """A foreign Origin gets 403 at the form and at the confirmation, and nothing changes."""
    foreign = {"Origin": "https://evil.example.com"}
    assert client.post("/api/leads", data=FORM, headers=foreign).status_code == 403
    client.post("/api/leads", data=FORM)
    assert client.post(link_in(sent(store)[0]), headers=foreign).status_code == 403
    assert [lead.status for lead in rows(store, tables.leads)] == ["pending"]


@sqlite_only
def test_a_changed_link_is_refused_and_an_old_one_says_how_to_get_a_new_one(
    client: TestClient, store: Store, tmp_path: Path
) -> None:
    """One flipped character is a 403; after seven days a 410 page leads back to the whitepaper's form."""
    with time_machine.travel(NOW, tick=False) as clock:
        file = confirmed(client, store)
        link = link_in(sent(store)[0])
        for address in (link, file):
            flipped = address[:-5] + ("A" if address[-5] != "A" else "B") + address[-4:]
            assert client.get(flipped).status_code == 403
            assert client.get(address[: address.rindex("/")] + "/x").status_code == 403
        assert client.get(file.replace("/downloads/", "/confirm/")).status_code == 403
        clock.shift(timedelta(days=6, hours=23))
        assert (client.get(link).status_code, client.get(file).status_code) == (200, 200)
        clock.shift(timedelta(hours=2))
        for answer in (client.get(link), client.post(link), client.get(file), client.head(file)):
            assert answer.status_code == 410
        assert PAPER["url"] in [a.get("href") for a in page_of(client.get(file)).iter("a")]
        assert client.get(file, headers=JSON).json()["error"]["code"] == "link_expired"


@sqlite_only
def test_old_links_work_until_the_old_key_is_removed(client: TestClient, store: Store, tmp_path: Path) -> None:
    """A new key in front breaks no link; without the old key they are 403."""
    file = confirmed(client, store)
    old = ("the first key that nobody guesses",)
    with doors(store, tmp_path, secret_keys=("a brand new key that nobody guesses", *old)) as rotated:
        assert rotated.get(file).status_code == 200
    with doors(store, tmp_path, secret_keys=("a brand new key that nobody guesses",)) as dropped:
        assert dropped.get(file).status_code == 403


def test_the_file_is_served_whole_and_in_parts_and_counted_once(client: TestClient, store: Store) -> None:
    """HEAD, single and several ranges work, bad ones get 416, and all of it is one download."""
    file = confirmed(client, store)
    assert client.head(file).headers["content-length"] == str(len(PDF))
    assert rows(store, tables.downloads) == []
    for start in range(0, 1000, 100):
        part = client.get(file, headers={"Range": f"bytes={start}-{start + 99}"})
        assert (part.status_code, part.content) == (206, PDF[start : start + 100])
    last = client.get(file, headers={"Range": "bytes=-10"})
    assert (last.status_code, last.content) == (206, PDF[-10:])
    several = client.get(file, headers={"Range": "bytes=0-9, 100-109"})
    assert several.status_code == 206
    assert several.headers["content-type"].startswith("multipart/byteranges")
    for bad in (
        "bytes=999999-",
        "bytes=9-5",
        "bytes=x-y",
        "lines=1-2",
        "bytes=",
        "bytes=--",
        f"bytes={'9' * 5000}-",
    ):
        assert client.get(file, headers={"Range": bad}).status_code == 416, bad
    whole = client.get(file)
    assert whole.headers["cache-control"] == "private, no-store"
    assert whole.headers["x-robots-tag"] == "noindex"
    assert whole.headers["content-type"] == "application/pdf"
    assert whole.headers["content-disposition"] == (
        'attachment; filename="Fuhren & Coachen Better People.pdf"; '
        "filename*=UTF-8''F%C3%BChren%20%26%20Coachen%20%E2%80%9CBetter%E2%80%9D%20People.pdf"
    )
    (download,) = rows(store, tables.downloads)
    assert (download.whitepaper, download.edition) == ("a-paper", "1")


@sqlite_only
def test_a_file_that_is_missing_is_a_404(client: TestClient, store: Store, tmp_path: Path) -> None:
    """A whitepaper without its PDF says so; an edition is never taken from outside the folder."""
    missing = confirmed(client, store, FORM | {"whitepaper": "b-paper"})
    assert client.get(missing).status_code == 404
    file = confirmed(client, store, FORM | {"post": "b-post", "email": "bob@example.com"})
    (tmp_path / "papers" / "a-paper" / "1.pdf").unlink()
    (tmp_path / "secret.pdf").write_bytes(PDF)
    (tmp_path / "papers" / "a-paper" / "1.pdf").symlink_to(tmp_path / "secret.pdf")
    assert client.get(file).status_code == 404


@sqlite_only
def test_too_often_is_told_and_loses_nothing(client: TestClient, store: Store) -> None:
    """The sixty-first press of a network in ten minutes is a 429 with Retry-After and the form as it was typed."""
    with time_machine.travel(NOW, tick=False):
        for n in range(60):
            assert client.post("/api/leads", data=FORM | {"email": f"a{n}@example.com"}).status_code == 303
        assert client.post("/api/leads", data=FORM | {"email": "a5@example.com"}).status_code == 303
        late = client.post("/api/leads", data=FORM | {"email": "late@example.com"})
        assert (late.status_code, late.headers["retry-after"]) == (429, "600")
        assert "late@example.com" in [field.get("value") for field in page_of(late).iter("input")]
        told = client.post("/api/leads", data=FORM | {"email": "late@example.com"}, headers=JSON)
        assert (told.status_code, told.json()["error"]["code"]) == (429, "too_often")


@sqlite_only
def test_when_nothing_can_be_saved_the_form_says_so(client: TestClient, store: Store) -> None:
    """A database that cannot be written is a 503 with Retry-After; what was typed is still there."""
    store.write_now(lambda connection, _: tables.metadata.drop_all(connection), None)
    store.close()
    answer = client.post("/api/leads", data=FORM)
    assert (answer.status_code, "retry-after" in answer.headers) == (503, True)
    assert "alice@example.com" in answer.text
    assert "Nothing was saved" in answer.text
    page_of(answer)


ODD = st.text(st.characters(), max_size=80) | st.sampled_from(ODDITIES)
JSON_VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ODD,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ODD, inner, max_size=3),
    max_leaves=6,
)
FIELD = st.sampled_from([*FORM, "company", "marketing_consent", "submission_id", "website", "page", "surprise"])
CALM = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@CALM
@given(
    changed=st.dictionaries(FIELD, JSON_VALUE, max_size=4),
    accept=st.sampled_from(["application/json", "text/html"]),
)
def test_no_json_makes_a_server_error(client: TestClient, changed: dict[str, Any], accept: str) -> None:
    """Whatever a program sends, the answer is an acceptance or a refusal with a reason, in the asked form."""
    answer = client.post(
        "/api/leads",
        content=json.dumps(FORM | changed),
        headers={"Content-Type": "application/json", "Accept": accept},
    )
    assert answer.status_code in (202, 303, 400, 409, 413, 422, 429)
    if answer.status_code >= 400:
        assert answer.json()["error"]["message"] if "json" in accept else page_of(answer)


@CALM
@given(changed=st.dictionaries(FIELD, st.binary(max_size=60) | ODD, max_size=4), referer=ODD)
def test_no_form_makes_a_server_error(client: TestClient, changed: dict[str, Any], referer: str) -> None:
    """Whatever bytes a form holds, and wherever it says it comes from, it is taken or refused with a page."""
    data = {
        name: value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
        for name, value in (FORM | changed).items()
    }
    body = "&".join(f"{name}=" + "".join(f"%{byte:02X}" for byte in value) for name, value in data.items())
    answer = client.post(
        "/api/leads",
        content=body,
        headers={
            b"Content-Type": b"application/x-www-form-urlencoded",
            b"Referer": re.sub("[\x00-\x1f\x7f]", "", referer).encode("utf-8", "replace"),
        },
    )
    assert answer.status_code in (303, 409, 422, 429)
    if answer.status_code != 303:
        page_of(answer)


@sqlite_only
@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"x" * 1_000_000, "application/x-www-form-urlencoded", 413),
        (b'{"email": ["a"]}', "application/json", 400),
        (b"[1,2]", "application/json", 400),
        (b"null", "application/json", 400),
        (b"[" * 30_000, "application/json", 400),
        (b'{"a": ' + b"9" * 20_000 + b"}", "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b"not a multipart", "multipart/form-data", 400),
        (b"--x\r\nContent-Disposition: form-data\r\n\r\n", "multipart/form-data; boundary=x", 400),
        (b"hello", "text/plain", 415),
        (b"", "", 415),
        (b"&".join(b"f%d=1" % n for n in range(5_000)), "application/x-www-form-urlencoded", 400),
    ],
    ids=[str(number) for number in range(12)],
)
def test_a_body_that_cannot_be_read_is_refused_by_name(
    client: TestClient, body: bytes, kind: str, status: int
) -> None:
    """Each kind of unreadable body has its own status, and a sentence."""
    headers = JSON | ({"Content-Type": kind} if kind else {})
    answer = client.post("/api/leads", content=body, headers=headers)
    assert answer.status_code == status
    assert answer.json()["error"]["message"].endswith(".")
