"""What the service knows of the site: read as it changes, never worse than the last good copy."""

import asyncio
import json
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import httpx2
import pytest
from doors import INDEX, SHELL
from site_elsewhere import NAMES, Site, index_text
from structlog.testing import capture_logs

from leadapi import index_reading
from leadapi.index_reading import IndexFromFolder, IndexFromSite
from leadapi.public_index import PublicIndex, parse

pytestmark = pytest.mark.anyio


def broken_entry(kind: str, **changed: Any) -> dict[str, Any]:
    """The posts or whitepapers of the index, of which one is changed; None leaves a name out."""
    entries: dict[str, Any] = dict(INDEX[kind])  # type: ignore[call-overload]
    slug = next(iter(entries))
    entry = entries[slug] | changed
    return {kind: entries | {slug: {name: value for name, value in entry.items() if value is not None}}}


WRONG = {
    "nothing": "",
    "a page": "<!doctype html><title>Not found</title>",
    "half of it": index_text()[:-20],
    "a list": "[]",
    "a number": "1" * 5_000,
    "deep": "[" * 100_000,
    "another version": index_text(version=2),
    "no version": json.dumps({name: value for name, value in INDEX.items() if name != "version"}),
    "no posts": index_text(posts=None),
    "posts as a list": index_text(posts=[]),
    "a post that is a text": index_text(posts={"a-post": "A Post"}),
    "a post without an address": index_text(**broken_entry("posts", url=None)),
    "a title that is no text": index_text(**broken_entry("posts", title=["A Post"])),
    "a whitepaper without an edition": index_text(**broken_entry("whitepapers", edition=None)),
    "half a letter": index_text(**broken_entry("posts", title="A \ud800 Post")),
    "a site without a name": index_text(site={"url": "https://blog.example.com", "language": "en"}),
    "a name that is no text": index_text(name=1),  # type: ignore[arg-type]
    "a hash that would break a header": index_text(style_hash="sha256-x\r\nX-Evil: 1"),
    "comments that are no text": index_text(comments_etag=7),
    "shells that are no list": index_text(shells=7),
    "a language that is no text": index_text(shells=["de", 7]),
}


@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG.keys())
def test_what_no_build_writes_is_refused(text: str) -> None:
    """Garbage, another schema, or texts that are none are told as one kind of error."""
    with pytest.raises(ValueError):
        parse(text, SHELL)


def test_a_shell_without_a_place_is_refused() -> None:
    """A page that ours cannot be put into is no shell."""
    with pytest.raises(ValueError, match="no place"):
        parse(index_text(), "<!doctype html><title>Not found</title>")


def test_what_a_build_adds_later_does_no_harm() -> None:
    """A newer build may say more than this program asks for."""
    index = parse(index_text(more={"a": 1}, **broken_entry("posts", words=300)), SHELL)
    assert index.posts["a-post"] == INDEX["posts"]["a-post"]  # type: ignore[index]


# A folder beside the service.


def write(folder: Path, name: str = "The Blog", shell: str = SHELL) -> None:
    folder.mkdir(exist_ok=True)
    for file, text in zip(NAMES, (index_text(name), shell), strict=True):
        (folder / file).write_text(text, encoding="utf-8")


def test_a_build_is_seen_at_once(tmp_path: Path) -> None:
    """Whether files are written over or a link is turned to another tree, the next look sees the new site."""
    index = IndexFromFolder(tmp_path / "site")
    assert index.read() == PublicIndex()
    write(tmp_path / "a", "Führen “A”")
    (tmp_path / "site").symlink_to("a")
    assert (index.read().site_name, index.read().shell) == ("Führen “A”", SHELL)
    write(tmp_path / "b", "B")
    (tmp_path / "new").symlink_to("b")
    (tmp_path / "new").rename(tmp_path / "site")
    assert index.read().site_name == "B"
    write(tmp_path / "b", "B again", SHELL.replace("The Blog", "Again"))
    assert index.read().site_name == "B again"
    assert "Again" in (index.read().shell or "")


async def test_a_folder_answers_every_question_alike(tmp_path: Path) -> None:
    """Whoever asks, at once or for a slug, is told of the same site."""
    write(tmp_path)
    index = IndexFromFolder(tmp_path)
    assert (
        await index.current() == await index.knowing("posts", "nobody-wrote-it") == index.known() == index.read()
    )


@pytest.mark.parametrize("broken", NAMES)
@pytest.mark.parametrize("text", [None, "", "{"], ids=["missing", "empty", "garbage"])
def test_a_broken_build_keeps_the_last_good_index(tmp_path: Path, broken: str, text: str | None) -> None:
    """A missing or broken file is complained of, the site goes on as it was, and a mended one is seen."""
    write(tmp_path, "Good")
    index = IndexFromFolder(tmp_path)
    good = index.read()
    if text is None:
        (tmp_path / broken).unlink()
    else:
        (tmp_path / broken).write_text(text)
    with capture_logs() as logs:
        assert index.read() == good
    assert [entry["event"] for entry in logs] == ["site_unreadable"]
    write(tmp_path, "Mended")
    assert index.read().site_name == "Mended"


def test_the_same_broken_file_is_complained_of_once(tmp_path: Path) -> None:
    """A broken index is not read again by every request until it changes."""
    write(tmp_path)
    (tmp_path / "public-index.json").write_text("garbage")
    index = IndexFromFolder(tmp_path)
    with capture_logs() as logs:
        for _ in range(5):
            index.read()
    assert len(logs) == 1


# A site elsewhere.


@pytest.fixture
def anyio_backend() -> str:
    """The service runs on asyncio alone."""
    return "asyncio"


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as site:
        yield site


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(timeout=5) as client:
        yield client


@pytest.fixture
def index(site: Site, tmp_path: Path, client: httpx2.AsyncClient) -> IndexFromSite:
    return IndexFromSite(site.url, tmp_path / "var", client)


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """A minute is over at once."""
    monkeypatch.setattr(index_reading, "REFRESH_SECONDS", 0.0)


async def test_the_site_is_asked_once_a_minute(index: IndexFromSite, site: Site) -> None:
    """Many requests at once share one fetch, and those of the next minute make none."""
    found = await asyncio.gather(*(index.current() for _ in range(20)))
    assert {one.site_name for one in found} == {"The Blog"}
    assert index.known() == await index.current() == found[0]
    assert site.asked() == [200, 200]


@pytest.mark.usefixtures("always")
async def test_what_has_not_changed_is_not_sent_again(index: IndexFromSite, site: Site, tmp_path: Path) -> None:
    """The site answers 304, what is known stays, and the kept copy is not written anew."""
    first = await index.current()
    written = [(tmp_path / "var" / name).stat() for name in NAMES]
    assert await index.current() == await index.current() == first
    assert site.asked() == [200, 200] + [304] * 4
    assert [(tmp_path / "var" / name).stat() for name in NAMES] == written


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("with_etags", [True, False])
async def test_a_new_build_of_the_site_is_seen(index: IndexFromSite, site: Site, with_etags: bool) -> None:
    """A minute later at most, whether or not the site has ETags, and where only one of the files is new."""
    site.with_etags = with_etags
    await index.current()
    site.files["public-index.json"] = index_text("Führen 👩‍👧")
    assert (await index.current()).site_name == "Führen 👩‍👧"
    site.files["page-shell.html"] = SHELL.replace("The Blog", "New")
    assert "New" in ((await index.current()).shell or "")


async def test_a_post_that_is_newer_than_our_copy_is_asked_for(
    index: IndexFromSite, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unknown slug makes the site be asked before its minute, though not for every stranger's guess."""
    await index.current()
    site.files["public-index.json"] = index_text(posts={"new": INDEX["posts"]["a-post"]})  # type: ignore[index]
    assert "new" not in (await index.knowing("posts", "new")).posts
    assert "new" not in (await index.knowing("posts", "a-guess")).posts
    assert site.asked() == [200, 200]
    monkeypatch.setattr(index_reading, "UNKNOWN_SLUG_SECONDS", 0.0)
    assert "new" in (await index.knowing("posts", "new")).posts
    assert "new" in (await index.knowing("posts", "new")).posts
    assert site.asked() == [200, 304]


async def test_the_last_good_copy_survives_a_restart(
    index: IndexFromSite, site: Site, tmp_path: Path, client: httpx2.AsyncClient
) -> None:
    """A service that starts while the site is away knows what it knew."""
    site.files["public-index.json"] = index_text("Führen")
    good = await index.current()
    site.answer = lambda request: site.send(request, 503, {})
    again = IndexFromSite(site.url, tmp_path / "var", client)
    assert again.known() == good
    assert await again.current() == good


@pytest.mark.parametrize("name", NAMES)
async def test_a_kept_copy_that_is_torn_is_as_none(
    index: IndexFromSite, site: Site, tmp_path: Path, client: httpx2.AsyncClient, name: str
) -> None:
    """A damaged file in var/ stops nothing, and the next fetch mends it."""
    await index.current()
    (tmp_path / "var" / name).write_bytes(b"\xff\xfe")
    again = IndexFromSite(site.url, tmp_path / "var", client)
    assert again.known() == PublicIndex()
    assert (await again.current()).site_name == "The Blog"
    assert (tmp_path / "var" / name).read_text() == site.files[name]


def garbled(request: BaseHTTPRequestHandler) -> None:
    request.wfile.write(b"\x00\x01 no HTTP at all\r\n\r\n")


def cut_off(request: BaseHTTPRequestHandler) -> None:
    request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n{")


def round_and_round(request: BaseHTTPRequestHandler) -> None:
    request.wfile.write(b"HTTP/1.1 302 Found\r\nLocation: /a\r\nConnection: close\r\n\r\n")


def sent_astray(request: BaseHTTPRequestHandler) -> None:
    request.wfile.write(b"HTTP/1.1 302 Found\r\nLocation: gopher://[\r\nConnection: close\r\n\r\n")


def without_end(request: BaseHTTPRequestHandler) -> None:
    request.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
    try:
        while True:
            request.wfile.write(b" " * 65536)
    except OSError:
        pass


FAULTS: dict[str, Callable[[BaseHTTPRequestHandler], None]] = {
    "garbled": garbled,
    "cut off": cut_off,
    "sent round and round": round_and_round,
    "sent astray": sent_astray,
    "without end": without_end,
}


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
async def test_whatever_the_site_answers_the_last_good_index_stays(
    index: IndexFromSite,
    site: Site,
    tmp_path: Path,
    client: httpx2.AsyncClient,
    monkeypatch: pytest.MonkeyPatch,
    fault: Callable[[BaseHTTPRequestHandler], None],
) -> None:
    """No answer is an error of ours, and none replaces what is good; where nothing is known, nothing stays."""
    monkeypatch.setattr(index_reading, "LARGEST", 1024 * 1024)
    good = await index.current()
    site.answer = fault
    fresh = IndexFromSite(site.url, tmp_path / "fresh", client)
    with capture_logs() as logs:
        assert await index.current() == good
        assert await fresh.current() == PublicIndex()
    assert [entry["event"] for entry in logs] == ["site_unreachable"] * 2
    assert all(entry["reason"] for entry in logs)
    site.answer = None
    site.files["public-index.json"] = index_text("Mended")
    assert (await index.current()).site_name == (await fresh.current()).site_name == "Mended"


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("text", [WRONG["a page"], WRONG["another version"], WRONG["half a letter"]])
async def test_a_wrong_index_is_not_taken_nor_kept(
    index: IndexFromSite, site: Site, tmp_path: Path, text: str
) -> None:
    """What no build writes changes nothing here, also when the site says that it has not changed."""
    good = await index.current()
    kept = (tmp_path / "var" / "public-index.json").read_text()
    site.files["public-index.json"] = text
    assert [await index.current() for _ in range(3)] == [good] * 3
    assert (tmp_path / "var" / "public-index.json").read_text() == kept


async def test_not_modified_means_nothing_to_who_has_nothing(index: IndexFromSite, site: Site) -> None:
    """A 304 to a first question is no index."""
    site.answer = lambda request: site.send(request, 304, {})
    assert await index.current() == PublicIndex()


async def test_a_site_that_has_moved_is_followed(index: IndexFromSite, site: Site) -> None:
    """A redirect, as from the bare domain to www, leads to the index all the same."""
    with Site() as with_www:
        moved = with_www.url
        site.answer = lambda request: site.send(request, 301, {"Location": moved + request.path})
        assert (await index.current()).site_name == "The Blog"
        assert (site.asked(), with_www.asked()) == ([301, 301], [200, 200])


async def test_a_site_that_is_gone_is_lived_without(
    index: IndexFromSite, tmp_path: Path, client: httpx2.AsyncClient
) -> None:
    """Where nobody listens, what is known is known, and there is no error."""
    good = await index.current()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        nobody = f"http://127.0.0.1:{probe.getsockname()[1]}"
    assert await IndexFromSite(nobody, tmp_path / "var", client).current() == good
    assert await IndexFromSite(nobody, tmp_path / "fresh", client).current() == PublicIndex()


@pytest.mark.usefixtures("always")
async def test_a_site_that_hangs_delays_nobody(
    index: IndexFromSite, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requests go on with what is known while the site says nothing, and see what it says at last."""
    good = await index.current()
    monkeypatch.setattr(index_reading, "WAIT_SECONDS", 0.01)
    asked, go_on = threading.Event(), threading.Event()

    def hang(request: BaseHTTPRequestHandler) -> None:
        asked.set()
        go_on.wait(10)
        site.serve(request)

    site.files["public-index.json"] = index_text("At last")
    site.answer = hang
    try:
        assert await index.current() == good
        await asyncio.to_thread(asked.wait, 10)
        assert await asyncio.gather(*(index.current() for _ in range(20))) == [good] * 20
    finally:
        go_on.set()
    async with asyncio.timeout(10):
        while await index.current() == good:
            pass
    assert index.known().site_name == "At last"


@pytest.mark.usefixtures("always")
async def test_a_site_that_drips_is_given_up(
    index: IndexFromSite, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fetch ends in time, however long the site goes on to send a byte now and then."""
    good = await index.current()
    monkeypatch.setattr(index_reading, "FETCH_SECONDS", 0.05)
    over = threading.Event()

    def drip(request: BaseHTTPRequestHandler) -> None:
        try:
            request.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
            while not over.wait(0.01):
                request.wfile.write(b" ")
        except OSError:
            pass

    site.answer = drip
    try:
        with capture_logs() as logs:
            assert await index.current() == good
    finally:
        over.set()
    assert [entry["event"] for entry in logs] == ["site_unreachable"]


@pytest.mark.usefixtures("always")
async def test_a_full_disk_keeps_nothing_from_being_known(
    index: IndexFromSite, site: Site, tmp_path: Path
) -> None:
    """Where the copy cannot be kept the new index is used all the same, and kept once that is possible."""
    (tmp_path / "var").write_text("a file where the folder should be")
    assert (await index.current()).site_name == "The Blog"
    (tmp_path / "var").unlink()
    await index.current()
    assert (tmp_path / "var" / "page-shell.html").read_text() == SHELL
