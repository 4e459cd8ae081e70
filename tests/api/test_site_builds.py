"""The site is built when it lacks what was decided, never without an end, and a build leaves nothing running."""

import asyncio
import json
import socket
import sys
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest
from doors import INDEX, SHELL
from examples import BOB, NOW, reply, rows
from structlog.testing import capture_logs

from leadapi import comments, site_builds, tables
from leadapi.errors import StoreUnavailable
from leadapi.public_index import IndexFromFolder
from leadapi.site_builds import SiteBuilds, call_hook
from leadapi.store import Store

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)]

PATIENCE = 15


@pytest.fixture
def anyio_backend() -> str:
    """The service runs on asyncio alone."""
    return "asyncio"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site_builds, "POLL_SECONDS", 0.005)
    monkeypatch.setattr(site_builds, "HOOK_QUIET_SECONDS", 0.005)


async def until(done: Callable[[], Any], *jobs: "asyncio.Task[Any]") -> None:
    """Wait until the condition holds; a job that ends by itself is a failure."""
    async with asyncio.timeout(PATIENCE):
        while not done():
            for job in jobs:
                assert not job.done(), job.exception()
            await asyncio.sleep(0.005)


@asynccontextmanager
async def running(work: Coroutine[Any, Any, Any]) -> AsyncIterator["asyncio.Task[Any]"]:
    """A job, while the block runs."""
    job = asyncio.create_task(work)
    try:
        yield job
    finally:
        job.cancel()
        await asyncio.gather(job, return_exceptions=True)


def shell(script: str) -> str:
    """A build command."""
    return f"sh -c '{script}'"


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that ended and that nobody asks about does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def pids(path: Path) -> list[int]:
    return [int(pid) for pid in path.read_text().split()]


# One build.


@pytest.mark.usefixtures("database_url")
async def test_a_failing_build_tells_its_message_and_a_good_one_forgets_it() -> None:
    """What the program printed on either stream is told as it is, until the next build succeeds."""
    said: list[str] = []
    builds = SiteBuilds(shell("echo first; echo a-post.md:3: no title >&2; exit 3"), said.append)
    with capture_logs() as logs:
        assert not await builds.build("a-post.md was saved")
    assert builds.last_error == "first\na-post.md:3: no title"
    assert said[0] == "Building the site: a-post.md was saved."
    assert said[1].startswith(builds.last_error) and "last good site" in said[1]
    assert [(entry["event"], entry["said"]) for entry in logs] == [("site_build_failed", builds.last_error)]
    builds.command = shell("echo fine")
    assert await builds.build("a-post.md was saved")
    assert builds.last_error == ""
    assert said[-1] == "The site is built."


@pytest.mark.usefixtures("database_url")
@pytest.mark.parametrize(
    ("command", "told"),
    [
        (shell("exit 1"), "The build failed without a word."),
        ("no-such-program --now", "cannot be started"),
        ("make 'publish", "cannot be started"),
        (shell("kill -9 $$"), "The build failed without a word."),
    ],
)
async def test_a_build_that_says_nothing_is_still_told(command: str, told: str) -> None:
    """A silent end, one by a signal, and a program that is gone are a sentence each."""
    builds = SiteBuilds(command)
    assert not await builds.build("a test")
    assert told in builds.last_error


@pytest.mark.usefixtures("database_url")
async def test_of_a_flood_the_end_is_told() -> None:
    """However much a build prints, its last lines are kept, and no more than a page can show."""
    builds = SiteBuilds(shell("yes flood | head -n 200000; echo the mistake; exit 1"))
    assert not await builds.build("a test")
    assert builds.last_error.endswith("flood\nthe mistake")
    assert len(builds.last_error) <= site_builds.LONGEST_MESSAGE


@pytest.mark.usefixtures("database_url")
async def test_a_build_that_hangs_is_stopped_with_its_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After its time all of it is gone, the message says so, and the next build can begin."""
    monkeypatch.setattr(site_builds, "BUILD_SECONDS", 1)
    builds = SiteBuilds(shell(f"sleep 600 & echo $$ $! > {tmp_path}/pids; echo so far; wait"))
    assert not await builds.build("a test")
    assert len(pids(tmp_path / "pids")) == 2
    assert not any(map(is_alive, pids(tmp_path / "pids")))
    assert builds.last_error == "so far\nThe build took longer than 1 seconds and was stopped."
    builds.command = shell("exit 0")
    assert await builds.build("a test")


@pytest.mark.usefixtures("database_url")
@pytest.mark.parametrize("code", [0, 1])
async def test_what_a_build_leaves_behind_ends_with_it(tmp_path: Path, code: int) -> None:
    """A child that holds the output open is not waited for, and does not go on."""
    builds = SiteBuilds(shell(f"sleep 600 & echo $! > {tmp_path}/pids; exit {code}"))
    async with asyncio.timeout(PATIENCE):
        assert await builds.build("a test") is (code == 0)
    [child] = pids(tmp_path / "pids")
    await until(lambda: not is_alive(child))


@pytest.mark.usefixtures("database_url")
async def test_a_service_that_stops_takes_its_build_along(tmp_path: Path) -> None:
    """No build goes on without the service that began it."""
    builds = SiteBuilds(shell(f"sleep 600 & echo $$ $! > {tmp_path}/new; mv {tmp_path}/new {tmp_path}/pids; wait"))
    async with running(builds.build("a test")) as job:
        await until((tmp_path / "pids").exists, job)
        assert all(map(is_alive, pids(tmp_path / "pids")))
    await until(lambda: not any(map(is_alive, pids(tmp_path / "pids"))))


@pytest.mark.usefixtures("database_url")
async def test_there_is_never_more_than_one_build(tmp_path: Path) -> None:
    """Builds that are asked for at once come one after the other."""
    builds = SiteBuilds(shell(f"mkdir {tmp_path}/alone && sleep 0.02 && rmdir {tmp_path}/alone"))
    assert await asyncio.gather(*(builds.build(str(number)) for number in range(4))) == [True] * 4


# Keeping up with decisions.


BUILD = """import json, pathlib, sys, time
home = pathlib.Path(sys.argv[1])
served = (home / "served").read_text()
with (home / "log").open("a") as log:
    log.write(served + "\\n")
while (home / "wait").exists():
    time.sleep(0.005)
if (home / "mistake").exists():
    sys.exit((home / "mistake").read_text())
if not (home / "leave out").exists():
    index = json.loads((home / "site" / "public-index.json").read_text())
    (home / "site" / "new").write_text(json.dumps(index | {"comments_etag": served}))
    (home / "site" / "new").rename(home / "site" / "public-index.json")
"""


class Blog:
    """A small site with a build of its own, and the comments that were decided about."""

    def __init__(self, folder: Path, store: Store) -> None:
        self.folder, self.store, self.looks = folder, store, 0
        (folder / "site").mkdir()
        (folder / "site" / "public-index.json").write_text(json.dumps(INDEX))
        (folder / "site" / "page-shell.html").write_text(SHELL)
        (folder / "build.py").write_text(BUILD)
        self.index = IndexFromFolder(folder / "site")
        self.builds = SiteBuilds(f"{sys.executable} -I -S {folder}/build.py {folder}")

    async def approved(self) -> str:
        """As the service asks, and tells the build when it fetches the comments."""
        etag = await self.store.read(comments.version, None)
        (self.folder / "served").write_text(etag)
        self.looks += 1
        return etag

    def approve(self, number: int) -> None:
        """A new comment is sent and approved."""
        sent = NOW + timedelta(minutes=number)
        reply(self.store, replace(BOB, body=f"Comment {number}.", now=sent, network=str(number)))
        row = next(row for row in rows(self.store, tables.comments) if row.status == "pending")
        self.store.write_now(comments.decide, (row.id, "approve", sent + timedelta(seconds=1)))

    def shows_all(self) -> bool:
        """Whether the site has what is approved."""
        return self.index.read().comments_etag == self.store.read_now(comments.version, None)

    def built(self) -> list[str]:
        """What each build was served."""
        log = self.folder / "log"
        return log.read_text().split() if log.exists() else []

    async def looked_often(self, *jobs: "asyncio.Task[Any]") -> None:
        """Wait until it was looked twenty times more whether anything is due."""
        enough = self.looks + 20
        await until(lambda: self.looks >= enough, *jobs)


@pytest.fixture
def blog(tmp_path: Path, store: Store) -> Blog:
    return Blog(tmp_path, store)


async def test_an_approval_is_built_and_then_there_is_quiet(blog: Blog) -> None:
    """The site gets the comment with one build, and none follows."""
    async with running(blog.builds.keep_up(blog.index, blog.approved)) as job:
        await until(blog.shows_all, job)
        before = len(blog.built())
        await blog.looked_often(job)
        blog.approve(1)
        await until(blog.shows_all, job)
        await blog.looked_often(job)
    assert (before, len(blog.built())) == (1, 2)


async def test_a_build_that_leaves_comments_out_is_not_begun_again(blog: Blog) -> None:
    """A build that cannot fetch the comments does not run for ever; the next decision tries once more."""
    (blog.folder / "leave out").touch()
    async with running(blog.builds.keep_up(blog.index, blog.approved)) as job:
        await until(blog.built, job)
        await blog.looked_often(job)
        assert len(blog.built()) == 1
        blog.approve(1)
        await until(lambda: len(blog.built()) == 2, job)
        await blog.looked_often(job)
    assert len(blog.built()) == 2


async def test_decisions_during_a_build_make_one_more(blog: Blog) -> None:
    """However many come while the site is built, one build brings them all."""
    (blog.folder / "wait").touch()
    blog.approve(1)
    async with running(blog.builds.keep_up(blog.index, blog.approved)) as job:
        await until(blog.built, job)
        blog.approve(2)
        blog.approve(3)
        (blog.folder / "wait").unlink()
        await until(blog.shows_all, job)
        await blog.looked_often(job)
    assert len(blog.built()) == 2


async def test_a_failed_build_is_tried_again_only_for_something_new(blog: Blog) -> None:
    """The message is told, nothing is tried over and over, and the next decision brings all that is due."""
    (blog.folder / "mistake").write_text("a-post.md:3: no title")
    blog.approve(1)
    async with running(blog.builds.keep_up(blog.index, blog.approved)) as job:
        await until(lambda: blog.builds.last_error, job)
        await blog.looked_often(job)
        assert blog.builds.last_error == "a-post.md:3: no title"
        assert len(blog.built()) == 1
        (blog.folder / "mistake").unlink()
        blog.approve(2)
        await until(blog.shows_all, job)
        await blog.looked_often(job)
    assert blog.builds.last_error == ""
    assert len(blog.built()) == 2


async def test_a_database_that_is_away_for_a_while_loses_no_build(blog: Blog) -> None:
    """Whatever goes wrong while it is looked, it is looked again, and what is not foreseen is logged."""
    errors: list[Exception] = [StoreUnavailable(), StoreUnavailable(), RuntimeError("not foreseen")]

    async def approved() -> str:
        if errors:
            raise errors.pop(0)
        return await blog.approved()

    with capture_logs() as logs:
        async with running(blog.builds.keep_up(blog.index, approved)) as job:
            await until(blog.shows_all, job)
    assert logs[0]["event"] == "site_not_compared"


# Watching an author's files.


@pytest.mark.usefixtures("database_url")
async def test_a_saved_file_is_built_wherever_the_project_lies(tmp_path: Path) -> None:
    """A folder's own name never hides what is saved in it; what editors and Python leave behind means nothing."""
    content = tmp_path / "blog.new~" / "content"
    content.mkdir(parents=True)
    said: list[str] = []
    builds = SiteBuilds(shell("exit 0"), said.append)
    saves = 0

    def built() -> bool:
        nonlocal saves
        if saves % 100 == 0:  # the watch has no moment that says it has begun
            for name in (".a-post.md.swp", "a-post.md~", "a-post.new", "a-post.md"):
                (content / name).write_text(str(saves))
        saves += 1
        return "The site is built." in said

    async with running(builds.watch([content, tmp_path / "nowhere"])) as job:
        await until(built, job)
    assert said[0] == "Building the site: a-post.md was saved."


@pytest.mark.usefixtures("database_url")
async def test_nothing_to_watch_is_told(tmp_path: Path) -> None:
    """Where none of the files is there, that is said, and the service goes on."""
    said: list[str] = []
    await SiteBuilds(shell("exit 0"), said.append).watch([tmp_path / "nowhere"])
    assert len(said) == 1 and "None of the files to watch" in said[0]


# Asking a build server.


class Hook:
    """A build server: notes each request; `statuses` are answered first, then 200."""

    def __init__(self, port: int = 0) -> None:
        self.requests: list[tuple[str, str, bytes]] = []
        self.statuses: list[int] = []
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.send_response(hook.statuses.pop(0) if hook.statuses else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()
                hook.requests.append((self.command, self.path, body))

            do_GET = do_PUT = do_POST

            def log_message(self, format: str, *arguments: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook/k7Gw2?branch=main"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))

    def __enter__(self) -> "Hook":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def hook() -> Iterator[Hook]:
    with Hook() as hook:
        yield hook


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(timeout=5) as client:
        yield client


@pytest.fixture
def calling(blog: Blog, hook: Hook, client: httpx2.AsyncClient) -> Callable[[], Coroutine[Any, Any, None]]:
    """The job that calls the hook."""
    return lambda: call_hook(hook.url, blog.approved, blog.index, client)


async def publish(blog: Blog) -> None:
    """The site elsewhere is built with all that is approved."""
    await blog.approved()
    await blog.builds.build("the hook was called")
    assert blog.shows_all()


async def test_the_hook_is_called_once_for_each_state(
    blog: Blog, hook: Hook, calling: Callable[[], Coroutine[Any, Any, None]]
) -> None:
    """One empty POST after an approval, none while the site has all, and one more after the next approval."""
    await publish(blog)
    async with running(calling()) as job:
        await blog.looked_often(job)
        assert hook.requests == []
        for number in (1, 2):
            blog.approve(number)
            await until(lambda number=number: len(hook.requests) == number, job)
            await blog.looked_often(job)
            assert hook.requests == [("POST", "/hook/k7Gw2?branch=main", b"")] * number
            await publish(blog)
        await blog.looked_often(job)
    assert len(hook.requests) == 2


async def test_the_hook_is_called_again_until_it_answers_well(
    blog: Blog, hook: Hook, calling: Callable[[], Coroutine[Any, Any, None]]
) -> None:
    """A build server that fails is asked later, and its address, which is a secret, stays out of the log."""
    await publish(blog)
    hook.statuses = [503, 404, 302]
    blog.approve(1)
    with capture_logs() as logs:
        async with running(calling()) as job:
            await until(lambda: len(hook.requests) == 4, job)
            await blog.looked_often(job)
    assert len(hook.requests) == 4
    assert [entry["event"] for entry in logs] == ["build_hook_failed"] * 3
    assert "k7Gw2" not in str(logs)


async def test_a_build_server_that_is_away_is_waited_for(blog: Blog, client: httpx2.AsyncClient) -> None:
    """Where nobody listens the call is made again and again, and reaches the server that comes back."""
    await publish(blog)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    blog.approve(1)
    with capture_logs() as logs:
        async with running(call_hook(f"http://127.0.0.1:{port}/hook", blog.approved, blog.index, client)) as job:
            await until(lambda: len(logs) >= 3, job)
            with Hook(port) as back:
                await until(lambda: back.requests, job)
                await blog.looked_often(job)
    assert len(back.requests) == 1


async def test_decisions_in_a_row_make_one_call(blog: Blog, hook: Hook, client: httpx2.AsyncClient) -> None:
    """While the comments still change the hook is not called: one build costs minutes of a build server."""
    await publish(blog)
    decided = 0

    async def approved() -> str:
        nonlocal decided
        if decided < 5:
            decided += 1
            await asyncio.to_thread(blog.approve, decided)
        return await blog.approved()

    async with running(call_hook(hook.url, approved, blog.index, client)) as job:
        await until(lambda: hook.requests, job)
        await blog.looked_often(job)
    assert (decided, len(hook.requests)) == (5, 1)
