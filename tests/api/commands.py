"""An operator's place: commands run there as real processes, with a small site and an environment."""

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from doors import INDEX, PDF, SHELL
from forked_commands import Forked
from project_copy import ROOT, clean_environment

from leadapi import migrations
from leadapi.store import Store, open_store

KEYS = {
    "LEADAPI_SECRET_KEYS": "vJ8sW0pZq3tYb6nXe1rKd5mHc9gUa2fL",
    "LEADAPI_HASH_KEY": "h4RkT7yQw2NcZx9VbLs6Jd1PfGm3Ae8U",
}
COMMAND = [sys.executable, "-m", "leadapi"]
SERVE = ("serve", "--port", "0")
PATIENCE = 60.0

Found = TypeVar("Found")
Process = subprocess.Popen[str] | Forked


def wait_until(look: Callable[[], Found], what: str) -> Found:
    """What `look` finds, as soon as it finds something."""
    deadline = time.monotonic() + PATIENCE
    while not (found := look()):
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(0.01)
    return found


class Place:
    """A folder of an operator, with a small site, and the environment in which commands run there."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self.folder = folder
        (folder / "site").mkdir()
        (folder / "site" / "index.html").write_text("<h1>The Blog</h1>")
        (folder / "site" / "public-index.json").write_text(json.dumps(INDEX))
        (folder / "site" / "page-shell.html").write_text(SHELL)
        (folder / "papers" / "a-paper").mkdir(parents=True)
        (folder / "papers" / "a-paper" / "1.pdf").write_bytes(PDF)
        self.good = {
            "LEADAPI_DATABASE_URL": database_url,
            "LEADAPI_SITE_URL": "https://blog.example.com",
            "LEADAPI_SITE_DIR": "site",
            "LEADAPI_WHITEPAPER_DIR": "papers",
            "LEADAPI_MAIL_URL": f"file://{folder}/mail",
            "LEADAPI_MAIL_FROM": "blog@example.com",
            "LEADAPI_OWNER_EMAIL": "owner@example.com",
            **KEYS,
        }

    def start(
        self, *arguments: str, only: dict[str, str] | None = None, afresh: bool = False, **changed: str
    ) -> Process:
        """Start a command with the good settings, or with `only` these; `changed` on top, without their prefix.

        It is forked, or where that is told or matters for Python itself, `python -m leadapi` to the letter.
        """
        given = self.good if only is None else only
        given = given | {f"LEADAPI_{name}": value for name, value in changed.items()}
        environment = clean_environment(PYTHONPATH=str(ROOT), PYTHONUNBUFFERED="1", **given)
        if not afresh and not any(name.startswith("PYTHON") for name in given):
            return Forked(arguments, self.folder, environment)
        return subprocess.Popen(
            [*COMMAND, *arguments],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def run(self, *arguments: str, only: dict[str, str] | None = None, **changed: Any) -> "Ended":
        """Run a command to its end."""
        return Ended(self.start(*arguments, only=only, **changed))


class Ended:
    """What a command said, and how it ended; a traceback is never an answer."""

    def __init__(self, process: Process) -> None:
        try:
            self.out, self.err = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
        self.code = process.returncode
        assert "Traceback" not in self.err, self.err

    def lines(self) -> list[str]:
        return (self.out + self.err).splitlines()


class Service:
    """A running service."""

    def __init__(self, place: Place, port: int, process: Process) -> None:
        self.place, self.port, self.process = place, port, process

    def stop(self, number: int = signal.SIGINT) -> Ended:
        self.process.send_signal(number)
        return Ended(self.process)


def press(fields: dict[str, str]) -> bytes:
    """A press of the button as a script sends it: all bytes of the request."""
    body = json.dumps(fields | {"whitepaper": "a-paper"}).encode()
    head = "POST /api/leads HTTP/1.1\r\nHost: blog\r\nConnection: close\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def answers(port: int) -> bool:
    """Whether somebody listens there."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE).close()
    except ConnectionRefusedError:
        return False
    return True


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def ask(port: int, request: bytes) -> bytes:
    """Send a request and read until the server hangs up."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as client:
        client.sendall(request)
        return b"".join(iter(lambda: client.recv(65536), b""))


@contextmanager
def serving(place: Place, **changed: Any) -> Iterator[Service]:
    """The service at a free port, while the block runs."""
    port = free_port()
    process = place.start("serve", "--port", str(port), **changed)
    try:
        wait_until(lambda: answers(port) or process.poll() is not None, "the service answers")
        assert process.poll() is None, process.communicate()
        yield Service(place, port, process)
    finally:
        process.kill()
        if process.stdout and not process.stdout.closed:
            process.communicate()


def with_tables(url: str) -> None:
    store = open_store(url)
    migrations.upgrade(store.engine)
    store.close()


@contextmanager
def opened(place: Place) -> Iterator[Store]:
    store = open_store(place.good["LEADAPI_DATABASE_URL"])
    yield store
    store.close()
