"""An index names shards with posts: each is read where it is new, and none without the index that names it."""

import asyncio
import json
import os
import threading
from collections.abc import AsyncIterator, Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import httpx2
import pytest
from doors import INDEX, SHELL
from site_elsewhere import Site, index_text
from structlog.testing import capture_logs

from leadapi import index_reading, index_shards, public_index
from leadapi.index_reading import IndexFromFolder, IndexFromSite
from leadapi.public_index import PublicIndex, parse, shard_file

pytestmark = pytest.mark.anyio

ENTRY = {"title": "A Post", "url": "/a-post/", "language": "en", "comments": "open"}
FIRST, SECOND = {"a": ENTRY, "b": ENTRY}, {"c": ENTRY}
ZERO, ONE = shard_file("0"), shard_file("1")


def index_naming(shards: dict[str, str], **changed: Any) -> str:
    """An index of version 2 that names these."""
    return json.dumps(
        {name: value for name, value in INDEX.items() if name != "posts"}
        | {"version": 2, "post_shards": shards}
        | changed
    )


def built(*shards: dict[str, Any], **changed: Any) -> dict[str, str]:
    """What a build writes, by path: an index, the shell, and shards 0, 1 ... with these posts."""
    texts = {f"{number:x}": json.dumps(posts) for number, posts in enumerate(shards)}
    named = {key: sha256(text.encode()).hexdigest() for key, text in texts.items()}
    files = {shard_file(key): text for key, text in texts.items()}
    return {"public-index.json": index_naming(named, **changed), "page-shell.html": SHELL, **files}


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


DIGEST = "0" * 64
WRONG = {
    "another version": index_naming({}, version=3),
    "no shards": index_naming({}, post_shards=None),
    "a list of shards": index_naming({}, post_shards=["0"]),
    "a way out of the folder": index_naming({"../x": DIGEST}),
    "a key that no build makes": index_naming({"A": DIGEST}),
    "no hash": index_naming({"0": "sha256"}),
    "a hash that is no text": index_naming({"0": 0}),  # type: ignore[dict-item]
    "too many": index_naming({f"{number:x}": DIGEST for number in range(public_index.MOST_SHARDS + 1)}),
}


@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG.keys())
def test_an_index_with_shards_that_no_build_writes_is_refused(text: str) -> None:
    """Nothing is looked for at an address that the index makes up, nor without end."""
    with pytest.raises(ValueError):
        parse(text, SHELL)


# A folder beside the service.


def test_a_folders_posts_are_those_of_all_its_shards(tmp_path: Path) -> None:
    """A blog without posts has no shard."""
    write(tmp_path, built(FIRST, SECOND))
    index = IndexFromFolder(tmp_path)
    assert index.read().posts == {**FIRST, **SECOND}
    write(tmp_path, built())
    assert index.read().posts == {}


def test_an_index_of_version_1_is_read_before_and_after(tmp_path: Path) -> None:
    """A site that was built by an earlier version goes on, and so does one that goes back to it."""
    write(tmp_path, {**built(), "public-index.json": index_text()})
    index = IndexFromFolder(tmp_path)
    assert index.read().posts == INDEX["posts"]
    write(tmp_path, built(FIRST))
    assert index.read().posts == FIRST
    write(tmp_path, {"public-index.json": index_text()})
    assert index.read().posts == INDEX["posts"]


def test_a_turned_link_is_read_as_one_tree(tmp_path: Path) -> None:
    """Index and shards of a new build are seen together, however alike the names of their files are."""
    write(tmp_path / "a", built(FIRST, SECOND))
    write(tmp_path / "b", built(FIRST, {"d": ENTRY}))
    (tmp_path / "site").symlink_to("a")
    index = IndexFromFolder(tmp_path / "site")
    assert set(index.read().posts) == {"a", "b", "c"}
    (tmp_path / "new").symlink_to("b")
    (tmp_path / "new").rename(tmp_path / "site")
    assert set(index.read().posts) == {"a", "b", "d"}


BROKEN = {
    "missing": None,
    "of another build": json.dumps({"d": ENTRY}),
    "garbage": "{",
    "huge": " " * (index_shards.LARGEST_SHARD + 1),
}
broken = pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN.keys())


@broken
def test_a_folders_broken_shard_keeps_the_last_good_index(tmp_path: Path, text: str | None) -> None:
    """Nothing of the new build is taken, that is told once, and the shard is seen once it is whole."""
    write(tmp_path, built(FIRST, SECOND))
    index = IndexFromFolder(tmp_path)
    good = index.read()
    later = built(FIRST, {"e": ENTRY}, style_hash="sha256-later")
    (tmp_path / ONE).unlink()
    write(tmp_path, {name: data for name, data in later.items() if name != ONE} | ({ONE: text} if text else {}))
    with capture_logs() as logs:
        assert [index.read() for _ in range(3)] == [good] * 3
    assert [entry["event"] for entry in logs] == ["site_unreadable"]
    write(tmp_path, {ONE: later[ONE]})
    found = index.read()
    assert (found.style_hash, set(found.posts)) == ("sha256-later", {"a", "b", "e"})


WRONG_POSTS: dict[str, Any] = {
    "a list": [],
    "no text": {"a": {**ENTRY, "title": 1}},
    "no address": {"a": {name: value for name, value in ENTRY.items() if name != "url"}},
    "no entry": {"a": "A Post"},
}


@pytest.mark.parametrize("posts", WRONG_POSTS.values(), ids=WRONG_POSTS.keys())
def test_a_shard_that_no_build_writes_is_refused(tmp_path: Path, posts: Any) -> None:
    """The hash alone makes nothing good; the file is named in the log."""
    write(tmp_path, built(posts))
    with capture_logs() as logs:
        assert IndexFromFolder(tmp_path).read() == PublicIndex()
    assert [(entry["event"], ZERO in entry["reason"]) for entry in logs] == [("site_unreadable", True)]


def test_shards_together_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many shards of an allowed size do not fill the memory."""
    write(tmp_path, built(FIRST, SECOND, {"d": ENTRY}))
    monkeypatch.setattr(index_shards, "LARGEST_TOGETHER", 300)
    with capture_logs() as logs:
        assert IndexFromFolder(tmp_path).read() == PublicIndex()
    assert [entry["event"] for entry in logs] == ["site_unreadable"]


async def test_reading_a_site_leaves_the_event_loop_free(tmp_path: Path) -> None:
    """However slowly a shard is read, others are answered meanwhile; who asked for the index gets all of it."""
    files = built(FIRST)
    write(tmp_path, files)
    (tmp_path / ZERO).unlink()
    os.mkfifo(tmp_path / ZERO)  # whoever reads waits for what is written
    others_answered = threading.Event()

    def fill() -> None:
        others_answered.wait(10)
        (tmp_path / ZERO).write_text(files[ZERO])

    filling = threading.Thread(target=fill)
    filling.start()
    index = IndexFromFolder(tmp_path)
    reading = asyncio.gather(*(index.current() for _ in range(3)))
    for _ in range(10):
        await asyncio.sleep(0.001)
    assert not reading.done()
    others_answered.set()
    assert [found.posts for found in await reading] == [FIRST] * 3
    filling.join()


# A site elsewhere.


@pytest.fixture
def anyio_backend() -> str:
    """The service runs on asyncio alone."""
    return "asyncio"


@pytest.fixture(autouse=True)
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """A minute is over at once."""
    monkeypatch.setattr(index_reading, "REFRESH_SECONDS", 0.0)


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as site:
        site.files = built(FIRST, SECOND)
        yield site


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(timeout=5) as client:
        yield client


@pytest.fixture
def index(site: Site, tmp_path: Path, client: httpx2.AsyncClient) -> IndexFromSite:
    return IndexFromSite(site.url, tmp_path / "var", client)


@pytest.fixture
def asked(site: Site) -> list[str]:
    """The names of the files that the site was asked for."""
    names: list[str] = []

    def answer(request: BaseHTTPRequestHandler) -> None:
        names.append(request.path.lstrip("/"))
        site.serve(request)

    site.answer = answer
    return names


async def test_only_a_shard_that_has_changed_is_fetched(
    index: IndexFromSite, site: Site, asked: list[str], tmp_path: Path
) -> None:
    """One new post is one shard and the index, for the site's traffic as for the kept copy."""
    assert set((await index.current()).posts) == {"a", "b", "c"}
    assert sorted(asked) == ["page-shell.html", "public-index.json", ZERO, ONE]
    kept = {path: path.stat().st_ino for path in (tmp_path / "var" / "public-index").iterdir()}
    asked.clear()
    await index.current()
    assert sorted(asked) == ["page-shell.html", "public-index.json"]
    asked.clear()
    site.files = built(FIRST, {**SECOND, "d": ENTRY})
    assert set((await index.current()).posts) == {"a", "b", "c", "d"}
    assert sorted(asked) == ["page-shell.html", "public-index.json", ONE]
    now = {path: path.stat().st_ino for path in (tmp_path / "var" / "public-index").iterdir()}
    assert (len(now), len(now.items() & kept.items())) == (2, 1)


@broken
async def test_a_broken_shard_elsewhere_keeps_the_last_good_index(
    index: IndexFromSite,
    site: Site,
    asked: list[str],
    tmp_path: Path,
    text: str | None,
    client: httpx2.AsyncClient,
) -> None:
    """Nothing of the new build is taken until its last shard is there, and no other one is fetched twice."""
    good = await index.current()
    later = built({"e": ENTRY}, {"f": ENTRY}, style_hash="sha256-later")
    site.files = {name: data for name, data in later.items() if name != ONE} | ({ONE: text} if text else {})
    asked.clear()
    with capture_logs() as logs:
        assert [await index.current() for _ in range(2)] == [good] * 2
    assert [entry["event"] for entry in logs] == ["site_unreachable"] * 2
    assert (asked.count(ZERO), asked.count(ONE)) == (1, 2)
    site.answer = lambda request: site.send(request, 503, {})
    assert await IndexFromSite(site.url, tmp_path / "var", client).current() == good
    site.answer, site.files = None, later
    found = await index.current()
    assert (found.style_hash, set(found.posts)) == ("sha256-later", {"e", "f"})


async def test_the_last_good_shards_survive_a_restart(
    index: IndexFromSite, site: Site, asked: list[str], tmp_path: Path, client: httpx2.AsyncClient
) -> None:
    """A service that starts while the site is away knows what it knew, and asks for no shard again."""
    good = await index.current()
    serving, site.answer = site.answer, lambda request: site.send(request, 503, {})
    again = IndexFromSite(site.url, tmp_path / "var", client)
    assert again.known() == await again.current() == good
    site.answer = serving
    asked.clear()
    site.files = built(FIRST, {"d": ENTRY})
    assert set((await again.current()).posts) == {"a", "b", "d"}
    assert sorted(asked) == ["page-shell.html", "public-index.json", ONE]


async def test_a_kept_shard_that_is_torn_is_mended(
    index: IndexFromSite, site: Site, tmp_path: Path, client: httpx2.AsyncClient
) -> None:
    """A damaged file in var/ makes the copy as none, until the next fetch."""
    good = await index.current()
    for path in (tmp_path / "var" / "public-index").iterdir():
        path.write_bytes(b"\xff\xfe")
    again = IndexFromSite(site.url, tmp_path / "var", client)
    assert again.known() == PublicIndex()
    assert await again.current() == good
    assert IndexFromSite(site.url, tmp_path / "var", client).known() == good


async def test_a_site_that_leaves_version_1_behind_is_followed(
    index: IndexFromSite, site: Site, tmp_path: Path
) -> None:
    """And back: the copy in var/ has the shards of the index that is used, and no others."""
    site.files = {**built(), "public-index.json": index_text()}
    assert (await index.current()).posts == INDEX["posts"]
    site.files = built(FIRST, SECOND)
    assert (await index.current()).posts == {**FIRST, **SECOND}
    assert len(list((tmp_path / "var" / "public-index").iterdir())) == 2
    site.files = {**built(), "public-index.json": index_text()}
    assert (await index.current()).posts == INDEX["posts"]
    assert list((tmp_path / "var" / "public-index").iterdir()) == []


async def test_what_a_site_without_measure_sends_is_not_kept(
    index: IndexFromSite, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shards that never end, or are too many bytes together, are told, and the last good index goes on."""
    good = await index.current()
    over = threading.Event()

    def without_end(request: BaseHTTPRequestHandler) -> None:
        if "posts-" not in request.path:
            site.serve(request)
            return
        request.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
        try:
            while not over.is_set():
                request.wfile.write(b" " * 65536)
        except OSError:
            pass

    site.files, site.answer = built({"e": ENTRY}), without_end
    with capture_logs() as logs:
        assert await index.current() == good
        over.set()
        site.answer = None
        monkeypatch.setattr(index_shards, "LARGEST_TOGETHER", 50)
        assert await index.current() == good
    assert ["bytes" in entry["reason"] for entry in logs] == [True, True]
