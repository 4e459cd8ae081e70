"""What a handler may ask for: whose request it is, in which form it answers, and what was typed."""

import json
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus, urlencode

import pytest
from doors import doors
from examples import ODDITIES, by_network, rows
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.testclient import TestClient

from leadapi import tables
from leadapi.rate_limits import network_of
from leadapi.request_scope import client_address, wants_json
from leadapi.store import Store

LEAD = {"email": "alice@example.com", "name": "Alice", "whitepaper": "a-paper", "post": "a-post"}
COMMENT = {"email": "bob@example.com", "name": "Bob", "post": "a-post", "body": "Well said."}
DOORS = ("/api/leads", "/api/comments")
JSON = {"Accept": "application/json"}
PROXIES = tuple(map(ip_network, ("10.0.0.0/8", "192.0.2.1/32", "2001:db8::/64")))


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """These promises need no second database."""
    return f"sqlite:///{tmp_path}/leadapi.sqlite3"


@pytest.fixture
def client(store: Store, tmp_path: Path) -> Iterator[TestClient]:
    with doors(store, tmp_path) as client:
        yield client


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.9", "198.51.100.7", "203.0.113.9"),
        ("10.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "1.2.3.4, 198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "1.2.3.4, 198.51.100.7, 10.9.9.9", "198.51.100.7"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", " , ,", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.7, nonsense", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.7, nonsense, 192.0.2.1", "192.0.2.1"),
        ("192.0.2.2", "198.51.100.7", "192.0.2.2"),
        ("::ffff:10.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "::ffff:198.51.100.7", "198.51.100.7"),
        ("2001:db8::1", "[2001:db8:1::7]", "2001:db8:1::7"),
        ("10.0.0.1", "fe80::1%eth0", "fe80::1"),
        (None, "198.51.100.7", None),
        ("testclient", "198.51.100.7", None),
    ],
)
def test_only_a_trusted_proxy_says_whose_request_it_is(
    peer: str | None, forwarded: str, client: str | None
) -> None:
    """The address is the last one that no trusted proxy has; what stands left of it anybody can make up."""
    assert str(client_address(peer, forwarded, PROXIES)) == str(client)


@given(peer=st.ip_addresses().map(str), forwarded=st.text() | st.lists(st.ip_addresses().map(str)).map(",".join))
def test_nobody_without_a_proxy_is_somebody_else(peer: str, forwarded: str) -> None:
    """Without trusted proxies no header changes whose request it is, and every address has a network."""
    assert client_address(peer, forwarded, ()) == client_address(peer, "", ())
    found = client_address(peer, forwarded, (ip_network("0.0.0.0/0"), ip_network("::/0")))
    ip_network(network_of(found))


def test_what_is_stored_is_the_clients_network(store: Store, tmp_path: Path) -> None:
    """Behind a trusted proxy a submission counts for the reader's network; a made-up header counts for nothing."""
    with doors(store, tmp_path, trusted_proxies=PROXIES) as client:
        for peer, forwarded in (("10.0.0.1", "198.51.100.7"), ("203.0.113.9", "198.51.100.7")):
            client._transport.client = (peer, 4711)  # type: ignore[attr-defined] # whom the test client plays
            form = LEAD | {"email": f"{peer}@example.com"}
            assert client.post("/api/leads", data=form, headers={"X-Forwarded-For": forwarded}).status_code == 303
    assert set(by_network(store)) == {"198.51.100.0/24", "203.0.113.0/24"}


@pytest.mark.parametrize(
    ("accept", "kind", "expected"),
    [
        ("application/json", "application/x-www-form-urlencoded", True),
        ("application/problem+json, */*", "", True),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "application/x-www-form-urlencoded", False),
        ("text/html, application/json", "application/json", False),
        ("*/*", "application/json", True),
        ("*/*", "application/x-www-form-urlencoded", False),
        ("", "Application/JSON; charset=utf-8", True),
        ("", "", False),
    ],
)
def test_who_asks_for_json_gets_json(accept: str, kind: str, expected: bool) -> None:
    """JSON where it is asked for, or sent without asking for a page; a page for everybody else."""
    headers = [(b"accept", accept.encode()), (b"content-type", kind.encode())]
    assert wants_json(Request({"type": "http", "headers": headers})) is expected


def part(name: str, value: str, more: str = "") -> str:
    return f'--x\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n{value}\r\n'


MULTIPART = "multipart/form-data; boundary=x"
URLENCODED = "application/x-www-form-urlencoded"
LARGE = "y" * 60_000
HOSTILE: list[tuple[str, str | bytes, int]] = [
    ("application/json", "", 400),
    ("application/json", "{", 400),
    ("application/json", "null", 400),
    ("application/json", '"text"', 400),
    ("application/json", "[]", 400),
    ("application/json", '[{"email": "a"}]', 400),
    ("application/json", '{"email": {"a": "b"}}', 400),
    ("application/json", '{"email": ["alice@example.com"]}', 400),
    ("application/json", '{"email": 1, "email": []}', 400),
    ("application/json", '{"\\ud800": []}', 400),
    ("application/json", '{"a": ' * 5000 + "1" + "}" * 5000, 400),
    ("application/json", "[" * 30_000, 400),
    ("application/json", '{"a": ' + "9" * 20_000 + "}", 400),
    ("application/json", b"\xff\xfe{\x00}\x00", 400),
    ("application/json", b"\xef\xbb\xbf{}", 400),
    ("application/json", b'{"email": "\xed\xa0\x80"}', 400),
    ("application/json", b'{"email": "\x00"}', 400),
    ("application/json", json.dumps({f"f{n}": "" for n in range(101)}), 400),
    ("application/json; charset=utf-16", "{}", 422),
    ("application/json", '{"email": "\\u0000", "name": "\\ud800"}', 422),
    ("application/json", '{"email": NaN, "name": 1e999}', 422),
    (MULTIPART, "", 400),
    (MULTIPART, "".join(part(name, value) for name, value in LEAD.items()), 400),
    (MULTIPART, "".join(part(name, value) for name, value in LEAD.items())[:-3], 400),
    (MULTIPART, "nothing of the kind", 400),
    (MULTIPART, "--y\r\n\r\n", 400),
    (MULTIPART, "--x\r\nContent-Disposition: form-data\r\n\r\na\r\n--x--\r\n", 400),
    (MULTIPART, "--x\r\n\r\na\r\n--x--\r\n", 400),
    (MULTIPART, "--x\r\n" + "A: b\r\n" * 5000, 400),
    (MULTIPART, f"--x\r\n{LARGE}: b\r\n\r\n", 400),
    (MULTIPART, part("email", "a", '; filename="a.pdf"') + "--x--\r\n", 400),
    (MULTIPART, part("email", "a", '; filename=""') + "--x--\r\n", 400),
    (MULTIPART, part("a", "b") * 101 + "--x--\r\n", 400),
    ("multipart/form-data", part("email", "a") + "--x--\r\n", 400),
    ("multipart/form-data; boundary=", part("email", "a"), 400),
    ("multipart/form-data; boundary=x; charset=nonsense", part("email", "a") + "--x--\r\n", 422),
    ("multipart/form-data; boundary=\xff", part("email", "a") + "--x--\r\n", 400),
    (MULTIPART, part("email", "\x00") + part(LARGE[:900], "") + "--x--\r\n", 422),
    (URLENCODED, "&".join(f"f{n}=" for n in range(101)), 400),
    (URLENCODED, "", 422),
    (URLENCODED, "&&&===&&;;", 422),
    (URLENCODED, "email=%00&name=%ff%fe&post=%ed%a0%80", 422),
    (URLENCODED, "email=%&name=%zz&post=%u1234", 422),
    (URLENCODED, b"email=\xff\xfe&name=\x00&body=\x80", 422),
    (URLENCODED, f"email={LARGE}&name={LARGE[:4000]}", 422),
    (f"{URLENCODED}; charset=nonsense", "email=a", 422),
    ("", "email=a", 415),
    ("text/plain", "email=a", 415),
    ("application/xml", "<a/>", 415),
    ("application/jsonp", "{}", 415),
    ("multipart/mixed; boundary=x", part("email", "a"), 415),
    ("\xff\xfe", "email=a", 415),
]


@pytest.mark.parametrize(
    ("kind", "body", "status"), HOSTILE, ids=[f"{n}-{k[:24]!a}" for n, (k, _, _) in enumerate(HOSTILE)]
)
@pytest.mark.parametrize("path", DOORS)
def test_a_body_that_makes_no_sense_is_refused_with_a_sentence(
    client: TestClient, store: Store, path: str, kind: str, body: str | bytes, status: int
) -> None:
    """Each has its status, one sentence in the one shape, and a page for who wants one; nothing is stored."""
    content = body.encode() if isinstance(body, str) else body
    headers = {b"Content-Type": kind.encode("latin-1")} if kind else {}
    answer = client.post(path, content=content, headers=headers | {b"Accept": b"application/json"})
    assert answer.status_code == status
    assert set(answer.json()) == {"error"}
    error = answer.json()["error"]
    assert set(error) == {"code", "message", "fields"}
    assert error["message"].endswith(".") and error["message"].count("\n") == 0
    page = client.post(path, content=content, headers=headers | {b"Accept": b"text/html"})
    assert (page.status_code, page.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert "<h1" in page.text and "Traceback" not in page.text
    assert (rows(store, tables.submissions), rows(store, tables.comments)) == ([], [])


def test_a_form_with_files_in_its_encoding_is_a_form(client: TestClient, store: Store) -> None:
    """multipart/form-data without files is read as any other; of a name that comes twice the first is taken."""
    body = "".join(part(name, value) for name, value in LEAD.items()) + part("name", "Bob") + "--x--\r\n"
    headers = {"Content-Type": "Multipart/Form-Data; boundary=x"} | JSON
    assert client.post("/api/leads", content=body, headers=headers).status_code == 202
    assert [row.name for row in rows(store, tables.submissions)] == ["Alice"]


@pytest.mark.parametrize("name", ["José Müller", "Žofie 😀"])
def test_a_form_is_utf_8_with_or_without_percent_signs(client: TestClient, store: Store, name: str) -> None:
    """Browsers write each byte as %C3, other programs send it as it is: both mean the same name."""
    for n, typed in enumerate((name, quote_plus(name))):
        body = f"{urlencode(LEAD | {'name': ''})}&submission_id=number-{n}".replace("name=&", f"name={typed}&", 1)
        headers = {"Content-Type": URLENCODED} | JSON
        assert client.post("/api/leads", content=body.encode(), headers=headers).status_code == 202
    assert [row.name for row in rows(store, tables.submissions)] == [name, name]


def test_json_values_that_are_no_texts_are_read_as_a_form_has_them(client: TestClient, store: Store) -> None:
    """null is nothing, true is a ticked box, a number is its digits."""
    typed = LEAD | {"name": 42, "company": None, "marketing_consent": True}
    assert client.post("/api/leads", json=typed, headers=JSON).status_code == 202
    (row,) = rows(store, tables.submissions)
    assert (row.name, row.company) == ("42", "")
    assert [consent.given for consent in rows(store, tables.consents)] == [True]


CALM = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
KIND = st.sampled_from(["application/json", MULTIPART, URLENCODED, "text/plain", "application/json; charset=x"])
VALUE = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(ODDITIES)
ANYTHING = st.recursive(
    VALUE, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
)
BODY = (
    st.binary(max_size=300)
    | st.text(alphabet='-x\r\n:;="&%form-data name\x00é', max_size=200).map(str.encode)
    | ANYTHING.map(lambda value: json.dumps(value).encode())
    | st.dictionaries(st.sampled_from([*LEAD, *COMMENT, "submission_id", "parent"]), ANYTHING, max_size=6).map(
        lambda value: json.dumps(value).encode()
    )
)


@CALM
@given(path=st.sampled_from(DOORS), kind=KIND, body=BODY, json_wanted=st.booleans())
def test_no_body_makes_a_server_error(
    client: TestClient, path: str, kind: str, body: bytes, json_wanted: bool
) -> None:
    """Whatever bytes come under whatever name, the answer is a 4xx with one sentence."""
    headers = {"Content-Type": kind, "Accept": "application/json" if json_wanted else "text/html"}
    answer = client.post(path, content=body, headers=headers)
    assert answer.status_code in (400, 415, 422)
    assert answer.json()["error"]["message"] if json_wanted else "<h1" in answer.text


TOKEN = st.binary(max_size=60).map(lambda raw: "".join(f"%{byte:02X}" for byte in raw)) | st.sampled_from(
    ["x", "x.y.z", "a" * 20_000, "%00", "%2e%2e", "%ff", ".", "..", "%ED%A0%80", "eyJhIjoxfQ.aaaaaa.bbb", "%0D%0A"]
)


@CALM
@given(
    door=st.sampled_from(["confirm", "downloads", "moderate", "comments"]),
    token=TOKEN,
    method=st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"]),
    query=st.sampled_from(["", "?", "?a=%ff&%00", "?" + "a" * 5000]),
)
def test_no_token_makes_a_server_error(client: TestClient, door: str, token: str, method: str, query: str) -> None:
    """A link that is not ours, cut, endless or made of odd bytes, is a 4xx with one sentence."""
    data: Any = {"decision": "approve"} if method == "POST" else None
    answer = client.request(method, f"/api/{door}/{token}{query}", headers=JSON, data=data)
    assert 400 <= answer.status_code < 500 or (door, token.strip("%2E.")) == ("comments", "")
    if method != "HEAD" and answer.status_code >= 400:
        assert answer.json()["error"]["message"].endswith(".")
