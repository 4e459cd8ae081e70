"""The built site from this process: which file, in which form, and nothing that is not the site's."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from doors import ORIGIN, doors
from starlette.testclient import TestClient

from leadapi.store import Store

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

PAGE = "<!doctype html><title>A post</title>" + "<p>Word after word.</p>" * 200
FILES = {
    "index.html": "<!doctype html><title>Home</title>",
    "404.html": "<!doctype html><title>Not here</title>",
    "a-post/index.html": PAGE,
    "feed.atom": "<feed/>",
    "feed.rss": "<rss/>",
    "feed.json": "{}",
    "sitemap.xml": "<urlset/>",
    "theme/site.1a94ecb4.js": "let x",
    "team.20240101.jpg": "not a fingerprint",
    "photo.avif": "x",
    "photo.webp": "x",
    "theme/letters.woff2": "x",
    "empty.txt": "",
    "folder/file.txt": "a file in a folder without a page",
}
BYTES = bytes(range(250))


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A built site, and a secret beside it."""
    for name, text in FILES.items():
        path = tmp_path / "site" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "site" / "paper.bin").write_bytes(BYTES)
    (tmp_path / "secret.txt").write_text("the secret")
    (tmp_path / "site-of-others").mkdir()
    (tmp_path / "site-of-others" / "index.html").write_text("the secret")
    return tmp_path / "site"


@pytest.fixture
def client(store: Store, site: Path, tmp_path: Path) -> Iterator[TestClient]:
    with doors(store, tmp_path) as client:
        client.headers["accept-encoding"] = "identity"
        yield client


@pytest.mark.parametrize("path", ["/a-post/", "/a-post/index.html", "/./a-post/", "//a-post/", "/x/../a-post/"])
def test_a_folder_shows_its_page(client: TestClient, path: str) -> None:
    """The folder's index.html is the folder's page."""
    answer = client.get(f"{ORIGIN}{path}")
    assert (answer.status_code, answer.text) == (200, PAGE)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"


def test_an_address_without_its_slash_is_led_to_it(client: TestClient) -> None:
    """The redirect names no host and no scheme: behind a proxy ours are not the reader's; the query is kept."""
    for method in ("GET", "HEAD"):
        answer = client.request(method, "/a-post?utm_source=x&y=%2F", headers={"Host": "evil.example.com"})
        assert (answer.status_code, answer.headers["location"]) == (307, "/a-post/?utm_source=x&y=%2F")


@pytest.mark.parametrize("start", ["//", "///", "/./", "/%2F", "/%5C..%2F"])
def test_a_redirect_never_leaves_the_site(client: TestClient, site: Path, start: str) -> None:
    """However many slashes an address begins with, the redirect stays on this host."""
    (site / "evil.example.com").mkdir()
    (site / "evil.example.com" / "index.html").write_text("x")
    answer = client.get(f"{ORIGIN}{start}evil.example.com")
    if answer.status_code == 307:
        assert not answer.headers["location"].startswith(("//", "/\\", "http"))
    else:
        assert answer.status_code == 404


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("feed.atom", "application/atom+xml"),
        ("feed.rss", "application/rss+xml"),
        ("feed.json", "application/feed+json"),
        ("photo.avif", "image/avif"),
        ("photo.webp", "image/webp"),
        ("theme/letters.woff2", "font/woff2"),
        ("theme/site.1a94ecb4.js", "javascript"),
        ("sitemap.xml", "xml"),
        ("empty.txt", "text/plain; charset=utf-8"),
    ],
)
def test_each_file_says_what_it_is(client: TestClient, path: str, kind: str) -> None:
    """Types do not depend on what the system knows, since browsers are told not to guess."""
    assert kind in client.get(f"/{path}").headers["content-type"]


def test_only_what_never_changes_is_kept_for_ever(client: TestClient) -> None:
    """A name with a fingerprint is immutable; everything else, a date in a name too, is asked for again."""
    for path, kept in [("theme/site.1a94ecb4.js", True), ("team.20240101.jpg", False), ("feed.atom", False)]:
        expected = "public, max-age=31536000, immutable" if kept else "no-cache"
        assert client.get(f"/{path}").headers["cache-control"] == expected, path


@pytest.mark.parametrize("path", ["/nothing", "/nothing/", "/folder/", "/folder", "/404", "/a-post/x", "/theme/"])
def test_what_is_not_there_gets_the_sites_own_page(client: TestClient, path: str) -> None:
    """The 404 page is the site's, and no browser keeps it."""
    answer = client.get(path)
    assert (answer.status_code, answer.text) == (404, FILES["404.html"])
    assert answer.headers["cache-control"] == "no-cache"
    assert client.get(path, headers={"Range": "bytes=0-3", "If-None-Match": "*"}).status_code == 404


def test_a_program_gets_the_one_shape_instead(client: TestClient, site: Path) -> None:
    """JSON was asked for, or the address is the service's: no page of the site. Without one, ours."""
    for path in ("/nothing", "/api/nothing"):
        error = client.get(path, headers={"Accept": "application/json"}).json()["error"]
        assert (error["code"], set(error)) == ("not_found", {"code", "message", "fields"})
    assert "There is no such page" in client.get("/api/nothing").text
    (site / "404.html").unlink()
    assert "There is no such page" in client.get("/nothing").text


def test_files_are_only_read(client: TestClient) -> None:
    """Other methods get 405 with Allow where there is a page, and 404 where there is none."""
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
        for path in ("/a-post/", "/a-post", "/feed.atom"):
            answer = client.request(method, path)
            assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
        assert client.request(method, "/nothing").status_code == 404


@pytest.mark.parametrize("path", ["/a-post/", "/paper.bin", "/nothing", "/healthz", "/readyz"])
@pytest.mark.parametrize("coding", ["gzip", "identity"])
def test_head_is_get_without_the_body(client: TestClient, path: str, coding: str) -> None:
    """HEAD has the status and the headers that GET has."""
    got, headed = (client.request(m, path, headers={"Accept-Encoding": coding}) for m in ("GET", "HEAD"))
    assert (headed.status_code, headed.content) == (got.status_code, b"")
    assert headed.headers == got.headers


@pytest.mark.parametrize(
    ("accepted", "packed"),
    [
        ("gzip", True),
        ("br, GZIP ; q=0.5", True),
        ("gzip;q=1.0", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000, br", False),
        ("x-gzip-like", False),
        ("identity", False),
        ("", False),
    ],
)
def test_texts_are_packed_for_whoever_can_unpack(client: TestClient, accepted: str, packed: bool) -> None:
    """Packed where gzip is accepted, under an ETag of its own, and caches are told what it depends on."""
    answer = client.get("/a-post/", headers={"Accept-Encoding": accepted})
    assert (answer.text, answer.headers["vary"]) == (PAGE, "Accept-Encoding")
    assert (answer.headers.get("content-encoding") == "gzip") is packed
    assert answer.headers["etag"].endswith('-gz"') is packed
    assert (int(answer.headers["content-length"]) < len(PAGE) / 10) is packed
    assert "content-encoding" not in client.get("/paper.bin", headers={"Accept-Encoding": accepted}).headers


def test_a_page_that_is_the_same_is_not_sent_again(client: TestClient) -> None:
    """Each form's ETag gets 304 for that form alone; a date does as well."""
    forms = {
        coding: client.get("/a-post/", headers={"Accept-Encoding": coding}) for coding in ("gzip", "identity")
    }
    assert forms["gzip"].headers["etag"] != forms["identity"].headers["etag"]
    for coding, form in forms.items():
        for tag in (form.headers["etag"], "W/" + form.headers["etag"], f'"x", {form.headers["etag"]}', "*"):
            again = client.get("/a-post/", headers={"Accept-Encoding": coding, "If-None-Match": tag})
            assert (again.status_code, again.content) == (304, b"")
            for name in ("etag", "cache-control", "vary"):
                assert again.headers[name] == form.headers[name]
        other = next(one for one in forms if one != coding)
        headers = {"Accept-Encoding": other, "If-None-Match": form.headers["etag"]}
        assert client.get("/a-post/", headers=headers).status_code == 200
    since = {"If-Modified-Since": forms["identity"].headers["last-modified"]}
    assert client.get("/a-post/", headers=since).status_code == 304


@pytest.mark.parametrize(
    ("wanted", "status", "body"),
    [
        ("bytes=0-9", 206, BYTES[:10]),
        ("Bytes = 240-", 206, BYTES[240:]),
        ("bytes=-10", 206, BYTES[-10:]),
        ("bytes=-9999", 206, BYTES),
        ("bytes=0-9, 9999-", 206, BYTES[:10]),
        ("bytes=9999-, -5", 206, BYTES[-5:]),
        ("bytes=250-", 416, None),
        ("bytes=-0", 416, None),
        ("bytes=9-5", 200, BYTES),
        ("bytes=x-y", 200, BYTES),
        ("bytes=--5", 200, BYTES),
        ("bytes=", 200, BYTES),
        ("bytes=5", 200, BYTES),
        ("lines=1-2", 200, BYTES),
        ("nonsense", 200, BYTES),
        (f"bytes={'9' * 5000}-", 200, BYTES),
        ("bytes=" + ",".join(["0-"] * 1000), 200, BYTES),
        ("bytes=" + "0" * 20_000, 200, BYTES),
    ],
    ids=lambda value: str(value)[:24],
)
def test_parts_of_a_file_are_sent_where_they_are_there(
    client: TestClient, wanted: str, status: int, body: bytes | None
) -> None:
    """Parts that exist are sent, none of them is a 416 with the size, and what cannot be read is passed over."""
    answer = client.get("/paper.bin", headers={"Range": wanted})
    assert answer.status_code == status
    if body is None:
        assert answer.headers["content-range"] == "bytes */250"
        assert "There is no such part" in answer.text
    else:
        assert answer.content == body


def test_a_part_is_never_cut_from_a_packed_text(client: TestClient) -> None:
    """Range and gzip together give plain bytes; If-Range holds the client to the form that it has."""
    asked = {"Accept-Encoding": "gzip", "Range": "bytes=0-14"}
    part = client.get("/a-post/", headers=asked)
    assert (part.status_code, part.text) == (206, PAGE[:15])
    assert "content-encoding" not in part.headers
    plain = client.get("/a-post/")
    assert client.get("/a-post/", headers=asked | {"If-Range": plain.headers["etag"]}).status_code == 206
    assert client.get("/a-post/", headers=asked | {"If-Range": plain.headers["last-modified"]}).status_code == 206
    packed_tag = client.get("/a-post/", headers={"Accept-Encoding": "gzip"}).headers["etag"]
    for other in (packed_tag, '"of yesterday"', "Sun, 01 Mar 2026 09:30:00 GMT"):
        whole = client.get("/a-post/", headers=asked | {"If-Range": other, "Range": "bytes=99999999-"})
        assert (whole.status_code, whole.text) == (200, PAGE)
    assert client.get("/empty.txt", headers={"Range": "bytes=0-"}).status_code == 416


def test_when_the_link_is_turned_the_next_answer_is_of_the_new_tree(
    store: Store, site: Path, tmp_path: Path
) -> None:
    """A build swaps the tree in with one rename; neither a packed text nor an ETag of the old one is left over."""
    with doors(store, tmp_path, site_dir=tmp_path / "live") as client:
        (tmp_path / "live").symlink_to("site")
        first = client.get("/a-post/", headers={"Accept-Encoding": "gzip"})
        new = tmp_path / "new" / "a-post" / "index.html"
        new.parent.mkdir(parents=True)
        new.write_text(PAGE.replace("Word", "Verb"))
        os.utime(new, (1, 1))  # an older one, as after a step back
        (tmp_path / "fresh").symlink_to("new")
        (tmp_path / "fresh").replace(tmp_path / "live")
        asked = {"Accept-Encoding": "gzip", "If-None-Match": first.headers["etag"]}
        second = client.get("/a-post/", headers=asked)
        assert (second.status_code, second.text) == (200, new.read_text())
        assert client.get("/feed.atom").status_code == 404
        new.write_text("short")
        assert client.get("/a-post/", headers={"Accept-Encoding": "gzip"}).text == "short"
        (tmp_path / "live").unlink()
        assert client.get("/a-post/").status_code == 404


def test_alive_and_ready_are_two_questions(client: TestClient, store: Store) -> None:
    """The process answers while the database does not; ready means that it can be written."""
    for path in ("/healthz", "/readyz"):
        answer = client.get(path)
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    store.close()
    assert client.get("/healthz").status_code == 200
    gone = client.get("/readyz", headers={"Accept": "application/json"})
    assert (gone.status_code, gone.json()["error"]["code"]) == (503, "unavailable")
