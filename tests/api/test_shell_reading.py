"""Shells in other languages are read with the index; one that is missing or broken takes nothing else away."""

from collections.abc import AsyncIterator, Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import httpx2
import pytest
from doors import SHELL
from site_elsewhere import NAMES, Site, index_text
from structlog.testing import capture_logs

from leadapi import index_reading
from leadapi.index_reading import IndexFromFolder, IndexFromSite
from leadapi.public_index import parse

pytestmark = pytest.mark.anyio

GERMAN = "page-shell.de.html"
GERMAN_SHELL = SHELL.replace('lang="en"', 'lang="de"')
NEW_SHELL = GERMAN_SHELL.replace("The Blog", "Neu")
RESTYLED = index_text("Restyled", shells=["de"], style_hash="sha256-new")
BROKEN = {
    "missing": None,
    "empty": "",
    "another page": "<!doctype html><title>Not found</title>",
    "without a title": "<main>[[shell:main]]</main>",
    "huge": SHELL + " " * 2_000_000,
}
broken = pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN.keys())


@pytest.fixture
def anyio_backend() -> str:
    """The service runs on asyncio alone."""
    return "asyncio"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A minute is over at once, and a megabyte is much."""
    monkeypatch.setattr(index_reading, "REFRESH_SECONDS", 0.0)
    monkeypatch.setattr(index_reading, "LARGEST", 1024 * 1024)


def files() -> dict[str, str]:
    """What a site holds that speaks German too."""
    return {**dict(zip(NAMES, (index_text(shells=["de"]), SHELL), strict=True)), GERMAN: GERMAN_SHELL}


@pytest.mark.parametrize("listed", [["fr", "../de", "", "de-AT", "DE"], []])
def test_only_shells_of_languages_that_we_speak_are_read(listed: list[str]) -> None:
    """Whatever else the index names, it leads to no file of that name."""
    assert parse(index_text(shells=[*listed, "de", "de"]), SHELL).shell_languages == ("de",)


def test_an_index_that_names_no_shells_has_none() -> None:
    """The index of a site that was built before there were such shells is read as ever."""
    index = parse(index_text(), SHELL)
    assert (index.shell_languages, index.shell_in("de")) == ((), SHELL)


# A folder beside the service.


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in files().items():
        (tmp_path / name).write_text(text)
    return tmp_path


def break_german(folder: Path, text: str | None) -> None:
    """Leave this of the German shell."""
    (folder / GERMAN).unlink()
    if text is not None:
        (folder / GERMAN).write_text(text)


def test_a_folders_german_shell_is_seen_at_once(folder: Path) -> None:
    """Also where it alone has been written again; other languages have the site's own."""
    index = IndexFromFolder(folder)
    assert (index.read().shell_in("de"), index.read().shell_in("en")) == (GERMAN_SHELL, SHELL)
    (folder / GERMAN).write_text(NEW_SHELL)
    assert index.read().shell_in("de") == NEW_SHELL


@broken
def test_a_folders_broken_german_shell_takes_nothing_else_away(folder: Path, text: str | None) -> None:
    """What is new on the site is seen, the breach is complained of once, and a mended shell is seen at once."""
    break_german(folder, text)
    index = IndexFromFolder(folder)
    with capture_logs() as logs:
        for _ in range(5):
            assert (index.read().site_name, index.read().shell_in("de")) == ("The Blog", SHELL)
    assert [(entry["event"], entry["file"]) for entry in logs] == [("shell_left_out", GERMAN)]
    (folder / GERMAN).write_text(GERMAN_SHELL)
    assert index.read().shell_in("de") == GERMAN_SHELL


@broken
def test_a_folders_last_good_german_shell_stays_while_the_style_does(folder: Path, text: str | None) -> None:
    """The security policy names one style: in a shell with an older one a page would have none."""
    index = IndexFromFolder(folder)
    index.read()
    break_german(folder, text)
    (folder / "public-index.json").write_text(index_text("Newer", shells=["de"]))
    assert (index.read().site_name, index.read().shell_in("de")) == ("Newer", GERMAN_SHELL)
    (folder / "public-index.json").write_text(RESTYLED)
    assert (index.read().site_name, index.read().shell_in("de")) == ("Restyled", SHELL)


def test_a_folders_shell_that_the_index_no_longer_names_is_not_worn(folder: Path) -> None:
    """A file that an earlier build left behind does nothing."""
    index = IndexFromFolder(folder)
    index.read()
    (folder / "public-index.json").write_text(index_text())
    assert index.read().shell_in("de") == SHELL


# A site elsewhere.


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as site:
        site.files = files()
        yield site


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(timeout=5) as client:
        yield client


@pytest.fixture
def index(site: Site, tmp_path: Path, client: httpx2.AsyncClient) -> IndexFromSite:
    return IndexFromSite(site.url, tmp_path / "var", client)


async def test_a_german_shell_is_fetched_and_not_sent_again(
    index: IndexFromSite, site: Site, tmp_path: Path
) -> None:
    """It is asked for by its ETag as the other files are, kept beside them, and seen when it is new."""
    assert (await index.current()).shell_in("de") == GERMAN_SHELL
    kept = tmp_path / "var" / GERMAN
    written = kept.stat()
    assert (await index.current()).shell_in("de") == GERMAN_SHELL
    assert (site.asked(), kept.stat()) == ([200] * 3 + [304] * 3, written)
    site.files[GERMAN] = NEW_SHELL
    assert (await index.current()).shell_in("de") == NEW_SHELL
    assert (site.asked(), kept.read_text()) == ([304, 304, 200], NEW_SHELL)


async def test_the_last_good_german_shell_survives_a_restart(
    index: IndexFromSite, site: Site, tmp_path: Path, client: httpx2.AsyncClient
) -> None:
    """A service that starts while the site is away dresses German pages as before; a torn copy is as none."""
    good = await index.current()
    site.answer = lambda request: site.send(request, 503, {})
    assert await IndexFromSite(site.url, tmp_path / "var", client).current() == good
    (tmp_path / "var" / GERMAN).write_bytes(b"\xff\xfe")
    torn = IndexFromSite(site.url, tmp_path / "var", client)
    assert ((await torn.current()).site_name, torn.known().shell_in("de")) == ("The Blog", SHELL)
    site.answer = None
    assert await torn.current() == good
    assert (tmp_path / "var" / GERMAN).read_text() == GERMAN_SHELL


@broken
async def test_a_broken_german_shell_takes_nothing_else_away(
    index: IndexFromSite, site: Site, tmp_path: Path, client: httpx2.AsyncClient, text: str | None
) -> None:
    """What is new is seen, the last good shell stays while the style does, and a mended one is seen."""
    await index.current()
    del site.files[GERMAN]
    site.files |= {} if text is None else {GERMAN: text}
    site.files["public-index.json"] = index_text("Newer", shells=["de"])
    with capture_logs() as logs:
        newer = await index.current()
        fresh = await IndexFromSite(site.url, tmp_path / "fresh", client).current()
    assert (newer.site_name, newer.shell_in("de")) == ("Newer", GERMAN_SHELL)
    assert (fresh.site_name, fresh.shell_in("de")) == ("Newer", SHELL)
    assert [(entry["event"], entry["file"]) for entry in logs] == [("shell_left_out", GERMAN)] * 2
    site.files["public-index.json"] = RESTYLED
    restyled = await index.current()
    assert (restyled.site_name, restyled.shell_in("de")) == ("Restyled", SHELL)
    assert not (tmp_path / "var" / GERMAN).exists()
    site.files[GERMAN] = NEW_SHELL
    assert (await index.current()).shell_in("de") == NEW_SHELL
    assert (tmp_path / "var" / GERMAN).read_text() == NEW_SHELL


def answers_otherwise(site: Site, request: BaseHTTPRequestHandler, otherwise: Callable[[], None]) -> None:
    """The German shell alone is answered otherwise."""
    if request.path.endswith(GERMAN):
        otherwise()
    else:
        site.serve(request)


async def test_a_german_shell_that_drips_is_given_up(
    index: IndexFromSite, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long the site goes on sending it, the other files are known soon."""
    monkeypatch.setattr(index_reading, "SHELL_SECONDS", 0.05)

    def drip(request: BaseHTTPRequestHandler) -> None:
        def slowly() -> None:
            request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n<!doctype html>")
            request.wfile.flush()
            request.rfile.read(1)  # until the other side hangs up

        answers_otherwise(site, request, slowly)

    site.answer = drip
    found = await index.current()
    assert (found.site_name, found.shell_in("de")) == ("The Blog", SHELL)


async def test_a_german_shell_that_cannot_be_understood_is_done_without(index: IndexFromSite, site: Site) -> None:
    """No HTTP, or bytes that are no text."""
    for raw in (b"no HTTP at all\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n\xff\xfe"):
        site.answer = lambda request, raw=raw: answers_otherwise(site, request, lambda: request.wfile.write(raw))  # type: ignore[misc]
        found = await index.current()
        assert (found.site_name, found.shell_in("de")) == ("The Blog", SHELL)


async def test_a_shell_that_the_index_no_longer_names_is_forgotten(
    index: IndexFromSite, site: Site, tmp_path: Path
) -> None:
    """It is neither worn, asked for, nor kept."""
    await index.current()
    site.asked()
    site.files["public-index.json"] = index_text()
    assert (await index.current()).shell_in("de") == SHELL
    assert (site.asked(), (tmp_path / "var" / GERMAN).exists()) == ([200, 304], False)


async def test_a_site_that_goes_back_to_an_earlier_build_is_seen(
    index: IndexFromSite, site: Site, tmp_path: Path
) -> None:
    """Also where a full disk kept the later one from being written down."""
    await index.current()
    before = dict(site.files)
    (tmp_path / "var" / "public-index.new").mkdir()
    site.files["public-index.json"] = index_text("Later", shells=["de"])
    assert (await index.current()).site_name == "Later"
    site.files = before
    assert (await index.current()).site_name == "The Blog"
