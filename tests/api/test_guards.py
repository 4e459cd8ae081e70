"""What holds for every answer: headers, a policy, and no form of another site."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from doors import ORIGIN, doors
from examples import rows
from starlette.requests import Request
from starlette.testclient import TestClient

from leadapi import guards, tables
from leadapi.errors import Forbidden, TooLarge
from leadapi.store import Store

FORM = {"email": "alice@example.com", "name": "Alice", "whitepaper": "a-paper", "post": "a-post"}
COMMENT = {"email": "bob@example.com", "name": "Bob", "post": "a-post", "body": "Well said."}
POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self' 'sha256-x'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "manifest-src": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
JSON = {"Accept": "application/json"}


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """These promises need no second database."""
    return f"sqlite:///{tmp_path}/leadapi.sqlite3"


@pytest.fixture
def client(store: Store, tmp_path: Path) -> Iterator[TestClient]:
    with doors(store, tmp_path) as client:
        (tmp_path / "site" / "a-post").mkdir()
        (tmp_path / "site" / "a-post" / "index.html").write_text("<!doctype html><title>A post</title>")
        (tmp_path / "site" / "style.css").write_text("a {}")

        async def fail() -> None:
            raise LookupError("a fault of ours")

        client.app.router.add_api_route("/api/fault", fail)  # type: ignore[attr-defined] # FastAPI's own router
        yield client


EVERYWHERE = [
    ("GET", "/a-post/", {}, 200),
    ("GET", "/style.css", {}, 200),
    ("GET", "/style.css", {"headers": {"Range": "bytes=0-1"}}, 206),
    ("GET", "/style.css", {"headers": {"If-None-Match": "*"}}, 304),
    ("GET", "/style.css", {"headers": {"Range": "bytes=9-"}}, 416),
    ("GET", "/a-post", {}, 307),
    ("GET", "/nothing", {}, 404),
    ("POST", "/a-post/", {}, 405),
    ("GET", "/healthz", {}, 200),
    ("GET", "/dev/mail", {}, 307),
    ("GET", "/api/comments", {}, 200),
    ("GET", "/api/comments/nothing", {}, 404),
    ("GET", "/api/confirm/x", {}, 403),
    ("GET", "/api/downloads/x", {}, 403),
    ("GET", "/api/moderate/x", {}, 403),
    ("GET", "/api/leads", {}, 405),
    ("GET", "/api/nothing", {}, 404),
    ("POST", "/api/leads", {"data": FORM}, 303),
    ("POST", "/api/leads", {"data": FORM, "headers": JSON}, 202),
    ("POST", "/api/leads", {"data": {"name": "Alice"}}, 422),
    ("POST", "/api/leads", {"json": []}, 400),
    ("POST", "/api/leads", {"content": "x" * 70_000}, 413),
    ("POST", "/api/leads", {"content": "x"}, 415),
    ("POST", "/api/leads", {"data": FORM, "headers": {"Origin": "https://evil.example.com"}}, 403),
    ("GET", "/api/fault", {}, 500),
    ("GET", "/api/fault", {"headers": JSON}, 500),
]


@pytest.mark.parametrize(
    ("method", "path", "more", "status"), EVERYWHERE, ids=[f"{m}-{p}-{s}" for m, p, _, s in EVERYWHERE]
)
def test_every_answer_has_the_headers(
    client: TestClient, method: str, path: str, more: dict[str, Any], status: int
) -> None:
    """Pages, files, parts of files, redirects and every kind of error carry the same policy."""
    answer = client.request(method, path, **more)
    assert answer.status_code == status
    for name, value in guards.PLAIN_HEADERS.items():
        assert answer.headers.get_list(name) == [value]
    (policy,) = answer.headers.get_list("content-security-policy")
    assert dict(part.strip().split(" ", 1) for part in policy.split(";")) == POLICY
    if path.startswith("/api/"):
        assert answer.headers["x-robots-tag"] == "noindex"
        kept = {("/api/comments", 200): "no-cache", ("/api/leads", 422): "private, no-cache"}
        expected = kept.get((path, status), "private, no-store")
        assert answer.headers["cache-control"] == expected
    else:
        assert "x-robots-tag" not in answer.headers


def test_an_inline_style_is_allowed_by_its_hash_alone() -> None:
    """Without a style of the site's own nothing inline is allowed; a script never is."""
    for style_hash in ("", "sha256-x"):
        policy = guards.content_security_policy(style_hash)
        assert "unsafe" not in policy
        assert ("'sha256-x'" in policy) is bool(style_hash)


def test_the_policy_names_the_style_of_the_newest_build(client: TestClient, tmp_path: Path) -> None:
    """A build that changes the style changes the next answer's policy."""
    index = tmp_path / "site" / "public-index.json"
    index.write_text(index.read_text().replace("sha256-x", "sha256-of-the-next-build"))
    assert "'sha256-of-the-next-build'" in client.get("/a-post/").headers["content-security-policy"]


OWN = [
    {},
    {"Origin": ORIGIN},
    {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"},
    {"Origin": "https://api.example.com", "Host": "api.example.com"},
    {"Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "none"},
]
FOREIGN = [
    {"Origin": "https://evil.example.com"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": ORIGIN + ".evil.example.com"},
    {"Origin": ORIGIN + "0"},
    {"Origin": "https://evil.example.com", "Sec-Fetch-Site": "same-origin"},
    {"Origin": f"https://evil.example.com, {ORIGIN}"},
    {"Sec-Fetch-Site": "cross-site"},
]


@pytest.mark.parametrize("headers", OWN, ids=str)
def test_our_own_forms_are_taken(client: TestClient, headers: dict[str, str]) -> None:
    """By the site's name, by this host's, and from programs that say nothing."""
    assert client.post("/api/leads", data=FORM, headers=headers).status_code == 303
    assert client.post("/api/comments", data=COMMENT, headers=headers).status_code == 303


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_another_sites_form_is_refused(client: TestClient, store: Store, headers: dict[str, str]) -> None:
    """A browser says where a form was; from elsewhere it is a 403 with a sentence, and nothing is stored."""
    for path, form in (("/api/leads", FORM), ("/api/comments", COMMENT)):
        answer = client.post(path, data=form, headers=headers | JSON)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "other_site")
        assert (
            "sent by another site" in client.post(path, json=form, headers=headers | {"Accept": "text/html"}).text
        )
    assert (rows(store, tables.submissions), rows(store, tables.comments)) == ([], [])


@pytest.mark.parametrize(
    ("site", "origin", "own"),
    [
        ("https://Blog.example.com", "https://blog.example.com", True),
        ("https://blog.example.com:443", "https://blog.example.com", True),
        ("http://blog.example.com:80", "http://blog.example.com", True),
        ("https://blog.example.com:8443", "https://blog.example.com:8443", True),
        ("https://blog.example.com:8443", "https://blog.example.com", False),
        ("https://blog.example.com", "http://blog.example.com", False),
    ],
)
def test_the_sites_address_is_compared_as_a_browser_says_it(site: str, origin: str, own: bool) -> None:
    """Capitals and a usual port in SITE_URL refuse no reader."""
    headers = [(b"host", b"api.example.org"), (b"origin", origin.encode())]
    request = Request({"type": "http", "headers": headers})
    if own:
        guards.refuse_other_sites(request, site)
    else:
        with pytest.raises(Forbidden):
            guards.refuse_other_sites(request, site)


@pytest.mark.parametrize("accept", ["application/json", "text/html"])
def test_a_large_body_gets_a_sentence_in_the_form_that_was_asked_for(client: TestClient, accept: str) -> None:
    """413, as JSON or as a page in the blog's shell, and the connection is closed."""
    answer = client.post("/api/comments", data=COMMENT | {"body": "x" * 70_000}, headers={"Accept": accept})
    assert (answer.status_code, answer.headers["connection"]) == (413, "close")
    assert "at most 64 kB" in answer.text
    assert ("<header>The Blog</header>" in answer.text) is (accept == "text/html")


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_no_more_than_the_limit_is_ever_held() -> None:
    """A body in pieces is given up at the piece that goes past the limit; what follows is not asked for."""
    asked = 0

    async def receive() -> dict[str, Any]:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0)
        return {"type": "http.request", "body": b"x" * 16_384, "more_body": True}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        while True:
            await receive()

    async def answer(request: Request, error: Exception) -> Any:
        assert isinstance(error, TooLarge)
        return sent_anyway

    async def sent_anyway(scope: Any, receive: Any, send: Any) -> None:
        return None

    scope = {"type": "http", "method": "POST", "path": "/", "headers": [(b"transfer-encoding", b"chunked")]}
    await guards.BodyLimits(app, answer)(scope, receive, lambda message: asyncio.sleep(0))
    assert asked == 5
