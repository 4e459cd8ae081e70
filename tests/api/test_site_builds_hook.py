"""A site that is built elsewhere is asked for once for each state of its comments."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import httpx2
import pytest
from build_stages import NONE, Blog, running, until
from served import Served
from structlog.testing import capture_logs

from leadapi import site_builds
from leadapi.site_builds import call_hook
from leadapi.store import Store

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)]


@pytest.fixture
def anyio_backend() -> str:
    """The service runs on asyncio alone."""
    return "asyncio"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site_builds, "POLL_SECONDS", 0.005)
    monkeypatch.setattr(site_builds, "HOOK_QUIET_SECONDS", 0.005)


@pytest.fixture
def blog(tmp_path: Path, store: Store) -> Blog:
    return Blog(tmp_path, store)


class Hook(Served):
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

        super().__init__(Handler, port)
        self.url = f"{self.origin}/hook/k7Gw2?branch=main"


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
    return lambda: call_hook(hook.url, blog.approved, NONE, blog.index, client)


async def publish(blog: Blog) -> None:
    """The site elsewhere is built with all that is approved."""
    await blog.approved()
    await blog.builds.build("the hook was called")
    assert blog.shows_all()


async def test_the_hook_is_called_once_for_each_state(
    blog: Blog, hook: Hook, calling: Callable[[], Coroutine[Any, Any, None]]
) -> None:
    """One empty POST after an approval, none while the site has all, and one more after the next approval."""
    async with running(calling()) as job:
        await blog.looked_often(job)  # at a site that was published before anything was approved
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
        async with running(
            call_hook(f"http://127.0.0.1:{port}/hook", blog.approved, NONE, blog.index, client)
        ) as job:
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

    async with running(call_hook(hook.url, approved, NONE, blog.index, client)) as job:
        await until(lambda: hook.requests, job)
        await blog.looked_often(job)
    assert (decided, len(hook.requests)) == (5, 1)
