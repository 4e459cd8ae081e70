"""The service behind a real socket, and clients that speak bytes."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn
from fastapi import FastAPI

from leadapi.wire import BoundedProtocol

PATIENCE = 10.0


@dataclass(frozen=True)
class Answer:
    """One answer as it came over the wire."""

    status: int
    headers: dict[str, str]
    body: bytes


def wait_until(done: Callable[[], object]) -> None:
    """Look again until the condition holds."""
    deadline = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@contextmanager
def served(app: FastAPI) -> Iterator[int]:
    """The port on which the app is served, as the command line serves it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(
            app,
            http=BoundedProtocol,
            lifespan="on",
            access_log=False,
            log_config=None,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=1,
        )
        server = uvicorn.Server(config)

        def run() -> None:
            with asyncio.Runner(
                loop_factory=config.get_loop_factory()
            ) as runner:  # uvloop, as the command line does
                runner.run(server.serve(sockets=[listener]))

        thread = threading.Thread(target=run)
        thread.start()
        try:
            wait_until(lambda: server.started or not thread.is_alive())
            assert server.started
            app.state.server = server
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(PATIENCE)
            assert not thread.is_alive()


@contextmanager
def connection(port: int) -> Iterator[socket.socket]:
    """A client's socket."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as client:
        yield client


def to_the_end(client: socket.socket) -> bytes:
    """All that comes until the server hangs up in good order."""
    return b"".join(iter(lambda: client.recv(65536), b""))


def answers(raw: bytes) -> list[Answer]:
    """The answers in what came; each has a Content-Length."""
    found = []
    while raw:
        head, _, raw = raw.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        size = int(headers["content-length"])
        found.append(Answer(int(first.split()[1]), headers, raw[:size]))
        raw = raw[size:]
    return found


def ask(port: int, request: bytes) -> list[Answer]:
    """Send bytes, and read until the server hangs up."""
    with connection(port) as client:
        client.sendall(request)
        return answers(to_the_end(client))
