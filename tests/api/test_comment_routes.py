"""The journey of a reply through the doors: typed, mailed to the owner, decided, listed."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import html5lib
import pytest
import time_machine
from doors import ORIGIN, doors
from examples import ODDITIES, rows, sent
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from leadapi import tables
from leadapi.store import Store

REPLY = {"post": "a-post", "name": "Bob", "email": "bob@example.com", "body": "Well *said*."}
JSON = {"Accept": "application/json"}
NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)

# For promises of the doors alone, which need no second database.
sqlite_only = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def client(store: Store, tmp_path: Path) -> Iterator[TestClient]:
    with doors(store, tmp_path) as client:
        yield client


def page_of(answer: Any) -> Any:
    """The answer as a valid document with one h1, a title and a language."""
    document = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(answer.text)
    assert len(list(document.iter("h1"))) == 1
    assert document.get("lang") == "en"
    assert document.find("head/title").text
    return document


def moderation_link(store: Store, text: str = "") -> str:
    letter = next(letter for letter in sent(store) if text in letter["text"])
    found = re.search(rf"^{ORIGIN}(/api/moderate/\S+)$", letter["text"], re.MULTILINE)
    assert found
    return found[1]


def approved(client: TestClient, store: Store, **changed: str) -> str:
    """Leave a reply and approve it; answers its id."""
    reply = REPLY | {"body": f"Reply {len(sent(store))}"} | changed
    assert client.post("/api/comments", data=reply).status_code == 303
    client.post(moderation_link(store, reply["body"]), data={"decision": "approve"})
    return str(client.get("/api/comments").json()["comments"][-1]["id"])


def test_a_reply_is_read_by_the_owner_and_then_by_all(client: TestClient, store: Store) -> None:
    """Form, thanks, letter, page with buttons, decision, list: each step leads to the next."""
    answer = client.post("/api/comments", data=REPLY, headers={"Origin": ORIGIN})
    assert (answer.status_code, answer.headers["location"]) == (303, "/a-post/#comment-received")
    assert client.get("/api/comments/a-post").json()["comments"] == []
    link = moderation_link(store)
    document = page_of(client.get(link))
    buttons = [(button.get("name"), button.get("value")) for button in document.iter("button")]
    assert buttons == [("decision", "approve"), ("decision", "refuse"), ("decision", "spam")]
    decided = client.post(link, data={"decision": "approve"})
    assert decided.status_code == 200
    assert "The comment is approved." in decided.text
    listed = client.get("/api/comments/a-post")
    assert (listed.json()["post"], listed.json()["count"]) == ("a-post", 1)
    (comment,) = listed.json()["comments"]
    assert set(comment) == {"id", "parent", "name", "created", "html"}
    assert (comment["name"], comment["html"]) == ("Bob", "<p>Well <em>said</em>.</p>\n")
    (of_all,) = client.get("/api/comments").json()["comments"]
    assert of_all == comment | {"post": "a-post"}
    assert "bob@example.com" not in client.get("/api/comments").text


def test_a_script_is_told_the_same_as_json(client: TestClient, store: Store) -> None:
    """202 with a sentence; the same id again is the same answer, with other words a conflict."""
    with_id = REPLY | {"submission_id": "one"}
    first, again = (client.post("/api/comments", json=with_id, headers=JSON) for _ in range(2))
    assert first.status_code == 202
    assert first.json()["next"] == "/a-post/#comment-received"
    assert first.content == again.content
    other = client.post("/api/comments", json=with_id | {"body": "x"}, headers=JSON)
    assert other.json()["error"]["code"] == "conflict"
    robot = client.post("/api/comments", json=REPLY | {"website": "x", "body": "Buy"}, headers=JSON)
    assert robot.content == first.content
    assert len(sent(store)) == 1


def test_opening_the_letters_link_decides_nothing(client: TestClient, store: Store) -> None:
    """GET and HEAD show; each button acts, as often as it is pressed, and another one changes the decision."""
    client.post("/api/comments", data=REPLY)
    link = moderation_link(store)
    for method in ("GET", "HEAD", "GET"):
        assert client.request(method, link).status_code == 200
    assert [row.status for row in rows(store, tables.comments)] == ["pending"]
    for decision, status in [
        ("approve", "approved"),
        ("approve", "approved"),
        ("spam", "spam"),
        ("refuse", "refused"),
    ]:
        assert client.post(link, data={"decision": decision}, headers=JSON).json() == {"status": status}
    assert client.get("/api/comments").json() == {"comments": []}
    assert client.post(link, data={"decision": "delete"}, headers=JSON).status_code == 422
    assert (
        client.post(link, data={"decision": "approve"}, headers={"Origin": "https://evil.example.com"}).status_code
        == 403
    )
    assert [row.status for row in rows(store, tables.comments)] == ["refused"]


def test_who_has_the_list_already_is_told_so(client: TestClient, store: Store) -> None:
    """A strong ETag answers 304 until the list changes, for one post and for all."""
    approved(client, store)
    for address in ("/api/comments", "/api/comments/a-post"):
        first = client.get(address)
        etag = first.headers["etag"]
        assert re.fullmatch(r'"\w+"', etag)
        assert first.headers["cache-control"] == "no-cache"
        for known in (etag, f'"other", {etag}', f"W/{etag}", "*"):
            again = client.get(address, headers={"If-None-Match": known})
            assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
        assert client.get(address, headers={"If-None-Match": '"other"'}).status_code == 200
    approved(client, store)
    assert client.get("/api/comments", headers={"If-None-Match": etag}).status_code == 200


@sqlite_only
def test_an_answer_belongs_to_an_approved_comment_of_its_post(client: TestClient, store: Store) -> None:
    """Without a script the page's ?reply=ID names the comment; an unknown one is told, and can be left out."""
    parent = approved(client, store)
    answer = REPLY | {"body": "An answer"}
    client.post(
        "/api/comments", data=answer | {"parent": ""}, headers={"Referer": f"{ORIGIN}/a-post/?reply={parent}"}
    )
    child = next(row for row in rows(store, tables.comments) if row.body == "An answer")
    assert child.parent_id == parent
    for parent_of, post in ((parent, "b-post"), ("nothing", "a-post"), (child.id, "a-post")):
        refused = client.post("/api/comments", data=REPLY | {"parent": parent_of, "post": post}, headers=JSON)
        assert (refused.status_code, refused.json()["error"]["code"]) == (422, "unknown_parent")
    document = page_of(client.post("/api/comments", data=REPLY | {"parent": "nothing"}))
    fields = {field.get("name"): field.get("value") or "" for field in document.iter("input")}
    assert "parent" not in fields
    assert client.post("/api/comments", data=fields | {"body": REPLY["body"]}).status_code == 303


@sqlite_only
@pytest.mark.parametrize(
    ("changed", "field", "code"),
    [
        ({"name": ""}, "name", "invalid"),
        ({"email": "bob"}, "email", "invalid"),
        ({"body": " \n"}, "body", "invalid"),
        ({"body": "x" * 4001}, "body", "invalid"),
        ({"body": "a\x00b"}, "body", "invalid"),
        ({"post": ""}, "post", "invalid"),
        ({"post": "nothing"}, "post", "unknown_post"),
        ({"post": "closed"}, "post", "comments_closed"),
    ],
)
def test_each_wrong_field_has_its_sentence(
    client: TestClient, store: Store, changed: dict[str, str], field: str, code: str
) -> None:
    """JSON names the wrong field alone; the page keeps all that was typed; nothing is stored."""
    answer = client.post("/api/comments", data=REPLY | changed, headers=JSON)
    assert answer.status_code == 422
    error = answer.json()["error"]
    assert (error["code"], list(error["fields"])) == (code, [field])
    document = page_of(client.post("/api/comments", data=REPLY | changed))
    (box,) = document.iter("textarea")
    assert (box.text or "") == (REPLY | changed)["body"].replace("\x00", "\ufffd")
    assert rows(store, tables.comments) == []


@sqlite_only
def test_the_owner_sees_a_hostile_reply_harmless(client: TestClient, store: Store) -> None:
    """Name and text are escaped on the owner's page, the typed text too, and no tag of theirs is left."""
    hostile = "</pre><script>alert(1)</script><img src=x onerror=alert(1)> [x](javascript:alert(1))"
    client.post("/api/comments", data=REPLY | {"name": "<b onclick=alert(1)>\u202eBob", "body": hostile})
    document = page_of(client.get(moderation_link(store)))
    assert not list(document.iter("script")) + list(document.iter("img"))
    assert not [element for element in document.iter() if element.get("onclick")]
    (typed,) = document.iter("pre")
    assert typed.text == hostile


@sqlite_only
def test_a_changed_old_or_useless_link_decides_nothing(client: TestClient, store: Store) -> None:
    """Tampered is 403, older than ninety days 410, an erased comment 404."""
    with time_machine.travel(NOW, tick=False) as clock:
        client.post("/api/comments", data=REPLY)
        link = moderation_link(store)
        assert client.get(link[:-3] + ("AAA" if link[-3:] != "AAA" else "BBB")).status_code == 403
        store.write_now(lambda connection, _: connection.execute(tables.comments.delete()), None)
        assert client.get(link).status_code == client.post(link, data={"decision": "approve"}).status_code == 404
        clock.shift(timedelta(days=91))
        assert client.get(link).status_code == 410


@sqlite_only
def test_a_post_that_is_not_public_has_no_list(client: TestClient) -> None:
    """An unknown post's list is a 404 in the service's one JSON shape."""
    answer = client.get("/api/comments/nothing")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_post")
    assert client.get("/api/comments/closed").json() == {"post": "closed", "count": 0, "comments": []}


@sqlite_only
def test_too_many_replies_are_told_and_nothing_is_lost(client: TestClient, store: Store) -> None:
    """The thirty-first reply of a network in ten minutes is a 429, and its text is still in the form."""
    with time_machine.travel(NOW, tick=False):
        for n in range(30):
            assert client.post("/api/comments", data=REPLY | {"body": f"Reply {n}"}).status_code == 303
        late = client.post("/api/comments", data=REPLY | {"body": "A late reply"})
    assert (late.status_code, late.headers["retry-after"]) == (429, "600")
    assert [box.text for box in page_of(late).iter("textarea")] == ["A late reply"]


ODD = st.text(st.characters(), max_size=80) | st.sampled_from(ODDITIES)
JSON_VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ODD,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ODD, inner, max_size=3),
    max_leaves=6,
)
FIELD = st.sampled_from([*REPLY, "parent", "submission_id", "website", "surprise"])
CALM = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@CALM
@given(
    changed=st.dictionaries(FIELD, JSON_VALUE, max_size=4),
    accept=st.sampled_from(["application/json", "text/html"]),
)
def test_no_json_makes_a_server_error(client: TestClient, changed: dict[str, Any], accept: str) -> None:
    """Whatever a program sends, the answer is an acceptance or a refusal with a reason."""
    answer = client.post(
        "/api/comments",
        content=json.dumps(REPLY | changed),
        headers={"Content-Type": "application/json", "Accept": accept},
    )
    assert answer.status_code in (202, 303, 400, 409, 413, 422, 429)
    if answer.status_code >= 400:
        assert answer.json()["error"]["message"] if "json" in accept else page_of(answer)


@CALM
@given(changed=st.dictionaries(FIELD, st.binary(max_size=60) | ODD, max_size=4))
def test_no_form_makes_a_server_error(client: TestClient, changed: dict[str, Any]) -> None:
    """Whatever bytes a form holds, it is taken or refused with a page."""
    data = {
        name: value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
        for name, value in (REPLY | changed).items()
    }
    body = "&".join(f"{name}=" + "".join(f"%{byte:02X}" for byte in value) for name, value in data.items())
    answer = client.post(
        "/api/comments", content=body, headers={"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert answer.status_code in (303, 409, 422, 429)
    if answer.status_code != 303:
        page_of(answer)


@CALM
@given(token=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=80))
def test_no_token_makes_a_server_error(client: TestClient, token: str) -> None:
    """A made-up token opens no door."""
    for door in ("confirm", "downloads", "moderate"):
        for method in ("GET", "HEAD"):
            assert client.request(method, f"/api/{door}/{quote(token, safe='')}").status_code in (403, 404)


@sqlite_only
def test_the_site_elsewhere_may_ask_without_its_proxy(store: Store, tmp_path: Path) -> None:
    """With API_URL the pages of the site's own address read answers (CORS); another site's do not."""
    with doors(store, tmp_path, site_url="https://blog.example.com", site_dir=None) as client:
        for origin, allowed in (("https://blog.example.com", True), ("https://mallory.example", False)):
            read = client.get("/api/comments/a-post", headers={"Origin": origin})
            sent_reply = client.post("/api/comments", data=REPLY, headers=JSON | {"Origin": origin})
            asked = client.options(
                "/api/comments", headers={"Origin": origin, "Access-Control-Request-Method": "POST"}
            )
            for answer in (read, sent_reply, asked):
                assert (answer.headers.get("access-control-allow-origin") == origin) is allowed
                assert "content-security-policy" in answer.headers
            assert sent_reply.status_code == (202 if allowed else 403)
