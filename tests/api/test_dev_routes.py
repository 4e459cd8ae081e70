"""The mailbox and the live reload of a developer's machine."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace

import httpx2
import pytest
from fastapi import FastAPI
from mail_server import carry

from leadapi import dev_routes, error_responses
from leadapi.dev_routes import linked
from leadapi.index_reading import IndexFromFolder
from leadapi.settings import Settings
from leadapi.site_builds import SiteBuilds
from leadapi.smtp import message

pytestmark = pytest.mark.anyio

MENDED = "event: mended\ndata: \n\n"


@pytest.fixture
def anyio_backend() -> str:
    """The service runs on asyncio alone."""
    return "asyncio"


@pytest.fixture
def app(tmp_path: Path) -> FastAPI:
    """An app with the development routes alone, its letters in tmp_path/mail and its site at tmp_path/site."""
    app = FastAPI()
    app.include_router(dev_routes.router)
    error_responses.install(app)
    (tmp_path / "site-a").mkdir()
    (tmp_path / "site").symlink_to("site-a")
    app.state.settings = Settings(
        env="development", mail_url=(tmp_path / "mail").as_uri(), site_dir=tmp_path / "site", var_dir=tmp_path
    )
    app.state.index = IndexFromFolder(tmp_path / "never-built")
    app.state.builds = SiteBuilds("true")
    app.state.stopping = lambda: False
    return app


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    """Asks the app without a wire."""
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://blog.example.com") as client:
        yield client


async def send(folder: Path, number: int, **fields: str) -> str:
    """Send a letter to a file, a minute after the one before; its name in the mailbox."""
    payload = {"to": "alice@example.com", "subject": f"Letter {number}", "text": "Hello", "html": "<p>Hello</p>"}
    payload |= {"message_id": f"<{number}@example.com>"} | fields
    await carry(folder.as_uri(), message(payload, "blog@example.com", "The Blog"))
    os.utime(folder / f"{number}-example.com.eml", (60 * number, 60 * number))
    return f"{number}-example.com"


async def test_letters_are_listed_newest_first(client: httpx2.AsyncClient, tmp_path: Path) -> None:
    """The mailbox names receiver and subject, the last letter on top, and leads to each."""
    for number in (1, 3, 2):
        await send(tmp_path / "mail", number)
    page = (await client.get("/dev/mail/")).text
    places = [page.index(f'href="/dev/mail/{number}-example.com/">Letter {number}<') for number in (3, 2, 1)]
    assert places == sorted(places)
    assert page.count("alice@example.com") == 3


async def test_an_empty_mailbox_says_so(client: httpx2.AsyncClient) -> None:
    """Nothing was sent yet: the page says what to do."""
    assert "No letter has been sent yet" in (await client.get("/dev/mail/")).text


async def test_without_files_there_is_no_mailbox(client: httpx2.AsyncClient, app: FastAPI) -> None:
    """Where letters leave by a mail server the page says that none is kept."""
    app.state.settings = app.state.settings.model_copy(update={"mail_url": "smtp://localhost"})
    assert "none is kept" in (await client.get("/dev/mail/")).text


async def test_links_in_a_letter_can_be_followed(client: httpx2.AsyncClient, tmp_path: Path) -> None:
    """The text is shown as it was sent, escaped, with its addresses as links."""
    text = "Dear <Alice>,\nopen http://blog.example.com/api/confirm/a-b_c.d, please.\n"
    name = await send(tmp_path / "mail", 1, text=text)
    page = (await client.get(f"/dev/mail/{name}/")).text
    address = "http://blog.example.com/api/confirm/a-b_c.d"
    assert f'Dear &lt;Alice&gt;,\nopen <a href="{address}">{address}</a>, please.' in page


async def test_the_look_of_a_letter_can_do_nothing(client: httpx2.AsyncClient, tmp_path: Path) -> None:
    """The HTML part is shown in a sandbox: styles, but no script, no form, nothing from elsewhere."""
    name = await send(tmp_path / "mail", 1, html="<script>alert(1)</script>")
    answer = await client.get(f"/dev/mail/{name}/look")
    policy = answer.headers["content-security-policy"]
    assert answer.text.strip() == "<script>alert(1)</script>"
    assert "default-src 'none'" in policy and "sandbox" in policy and "allow-scripts" not in policy


@pytest.mark.parametrize("name", ["nobody", "..%2f..%2fsecret-key", "%00", "*", "a" * 300])
async def test_only_letters_can_be_read(client: httpx2.AsyncClient, tmp_path: Path, name: str) -> None:
    """Whatever name is asked for, nothing but the letters in the folder is shown."""
    await send(tmp_path / "mail", 1)
    assert (await client.get(f"/dev/mail/{name}/")).status_code == 404


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a & b", "a &amp; b"),
        ("(http://a.example/x).", '(<a href="http://a.example/x">http://a.example/x</a>).'),
        (
            'http://a.example/?a=1&b="2"',
            '<a href="http://a.example/?a=1&amp;b=">http://a.example/?a=1&amp;b=</a>&#34;2&#34;',
        ),
        ("javascript:alert(1)", "javascript:alert(1)"),
    ],
)
def test_only_web_addresses_become_links(text: str, wanted: str) -> None:
    """Everything else in a letter is text."""
    assert linked(text) == wanted


async def lines(app: FastAPI, age: float, page: str = "") -> AsyncIterator[str]:
    """The events on the open line of a page that was loaded `age` milliseconds ago."""
    request = SimpleNamespace(app=app)
    async for event in dev_routes._events(request, page, time.time() - age / 1000):  # type: ignore[arg-type] # all it asks
        yield event


async def test_a_page_older_than_the_site_is_told_at_once(app: FastAPI) -> None:
    """A build that ended before the line was opened is not missed."""
    events = [event async for event in lines(app, 60_000)]
    assert events[-1] == "event: built\ndata: \n\n"


async def test_an_open_page_is_told_of_the_next_build(app: FastAPI, tmp_path: Path) -> None:
    """The line stays open until the link to the site is turned, however long ago the new link was made."""
    fresh, site = tmp_path / "site.new", tmp_path / "site"
    fresh.symlink_to("site-a")
    open_line = lines(app, 0)
    assert [await anext(open_line), await anext(open_line)] == [": listening\n\n", MENDED]
    began = time.time()
    waiting = asyncio.ensure_future(anext(open_line))
    await asyncio.sleep(0)
    assert not waiting.done()
    fresh.replace(site)
    while site.lstat().st_ctime <= began:  # the file system's clock ticks every few milliseconds
        site.rename(fresh)
        fresh.rename(site)
    async with asyncio.timeout(5):
        assert (await waiting).startswith("event: built")


async def test_a_page_is_told_of_its_own_file(app: FastAPI, tmp_path: Path) -> None:
    """A saved post's page is loaded as soon as it is shown; it is told of the build after it only where that has
    written it again, and of any build after something else was saved."""
    own, builds = tmp_path / "site-a" / "a-post" / "index.html", app.state.builds
    own.parent.mkdir()
    own.write_text("saved")
    now = time.time()
    os.utime(own, (now - 30, now - 30))

    async def told(age: float) -> str:
        open_line = lines(app, age, "/a-post/")
        await anext(open_line), await anext(open_line)
        try:
            return await asyncio.wait_for(anext(open_line), 0.05)
        except TimeoutError:
            return ""

    builds.shown_at = now - 20
    assert (await told(40_000)).startswith("event: built")  # loaded before it was written
    assert await told(10_000) == ""  # the link was turned since, for others
    os.utime(own, (now - 15, now - 15))
    assert (await told(10_000)).startswith("event: built")  # by the build, which ended later
    builds.shown_at = None
    assert (await told(10_000)).startswith("event: built")


async def test_a_mistake_is_told_and_taken_back(app: FastAPI) -> None:
    """A failed build sends the author's message, each of its lines; the next good one says that it is gone.

    Also to a page that is newer than the site: the site is turned a moment before its build has ended.
    """
    app.state.builds.last_error = "post.md:3: no title\n1 mistake"
    open_line = lines(app, 0)
    await anext(open_line)
    async with asyncio.timeout(5):
        assert await anext(open_line) == "event: failed\ndata: post.md:3: no title\ndata: 1 mistake\n\n"
        app.state.builds.last_error = ""
        assert await anext(open_line) == MENDED


async def test_open_lines_end_when_the_server_stops(app: FastAPI) -> None:
    """Ctrl-C is not kept waiting by a page that listens."""
    app.state.stopping = lambda: True
    async with asyncio.timeout(5):
        assert [event async for event in lines(app, 0)] == [": listening\n\n"]
