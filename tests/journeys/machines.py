"""Real servers for the journeys: `make serve` on one machine; a static site, its proxy and leadapi on two."""

import email
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from email import policy
from email.message import EmailMessage
from pathlib import Path
from typing import IO, Any, TypeVar

from forked_commands import Forked
from project_copy import clean_environment

POST = "why-sales-management-does-not-work"
WHITEPAPER = "coaching-and-motivating-employees-to-perform-better"
PATIENCE = 40.0  # seconds that a condition may take on a busy machine

Found = TypeVar("Found")


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(look: Callable[[], Found | None], what: str) -> Found:
    """What `look` finds, as soon as it finds something."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.05)
    raise AssertionError(f"Waited {PATIENCE:.0f} s in vain: {what}")


def fetch(url: str, form: bytes | None = None) -> tuple[int, bytes]:
    """Status and body, of a form that is sent where there is one; status 0 where nobody answers."""
    try:
        with urllib.request.urlopen(url, form, timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as answer:
        with answer:
            return answer.code, answer.read()
    except OSError:
        return 0, b""


def fetch_json(url: str) -> Any:
    """The JSON behind the address."""
    status, body = fetch(url)
    assert status == 200, (status, body)
    return json.loads(body)


def keys() -> dict[str, str]:
    """Secrets for a service in production."""
    return {f"LEADAPI_{name}": secrets.token_urlsafe(48) for name in ("SECRET_KEYS", "HASH_KEY")}


def letters(folder: Path, to: str) -> list[EmailMessage]:
    """The letters to an address that lie in the folder, oldest first."""
    found = []
    for path in sorted(folder.glob("*.eml"), key=lambda path: path.stat().st_mtime_ns):
        letter = email.message_from_bytes(path.read_bytes(), policy=policy.default)
        if to in str(letter["To"]):
            found.append(letter)
    return found


def link_in(letter: EmailMessage, room: str) -> str:
    """The address in the letter's text that leads into a room of the service."""
    part = letter.get_body(("plain",))
    assert part is not None
    [link] = {word for word in part.get_content().split() if f"/api/{room}/" in word}
    return str(link)


class Server:
    """A server process that a test starts, stops and starts again at the same address."""

    def __init__(self, command: list[str], folder: Path, url: str, **environment: str) -> None:
        self.command, self.folder, self.url = command, folder, url
        self.environment = clean_environment(**environment)
        self.log = folder / f"server-{url.rpartition(':')[2]}.log"
        self.process: subprocess.Popen[bytes] | Forked | None = None

    def start(self) -> "Server":
        """Start, and wait until it answers."""
        with self.log.open("ab") as log:
            self.process = self.begun(log)

        def answers() -> bool:
            assert self.process is not None
            assert self.process.poll() is None, f"The server has ended:\n{self.log.read_text()}"
            return fetch(f"{self.url}/healthz")[0] == 200

        try:
            wait_until(answers, f"{self.url} answers")
        except AssertionError as error:
            self.stop()
            raise AssertionError(f"{error}\n{self.log.read_text()}") from None
        return self

    def begun(self, log: IO[bytes]) -> subprocess.Popen[bytes] | Forked:
        """The process; Ctrl-C in a terminal reaches a whole group, and so does ours."""
        return subprocess.Popen(
            self.command, cwd=self.folder, env=self.environment, stdout=log, stderr=log, start_new_session=True
        )

    def stop(self) -> int:
        """Press Ctrl-C; the exit code. Whatever is left of the group after the patience is killed."""
        if self.process is None:
            return 0
        process, self.process = self.process, None
        try:
            os.killpg(process.pid, signal.SIGINT)
            return process.wait(PATIENCE)
        except ProcessLookupError:
            return process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise


class ForkedService(Server):
    """`python -m leadapi` with the command's words, forked from a process that has read its packages."""

    def begun(self, log: IO[bytes]) -> Forked:
        return Forked(self.command, self.folder, self.environment, log)


def make_serve(project: Path) -> Server:
    """`make serve` in the project, at a free port."""
    port = free_port()
    command = ["make", "--no-print-directory", "serve", f"PORT={port}", f"PY={sys.executable}"]
    return Server(command, project, f"http://127.0.0.1:{port}")


def service_elsewhere(project: Path, site_url: str, hook_url: str) -> Server:
    """leadapi in production on a machine of its own, without the site."""
    port = free_port()
    home = project / "elsewhere"
    environment = {
        "LEADAPI_SITE_URL": site_url,
        "LEADAPI_VAR_DIR": str(home),
        "LEADAPI_DATABASE_URL": f"sqlite:///{home}/leadapi.sqlite3",
        "LEADAPI_WHITEPAPER_DIR": str(home / "whitepapers"),
        "LEADAPI_MAIL_URL": f"file://{home}/mail",
        "LEADAPI_MAIL_FROM": "blog@example.com",
        "LEADAPI_OWNER_EMAIL": "owner@example.com",
        "LEADAPI_TRUSTED_PROXIES": "127.0.0.1",
        "LEADAPI_BUILD_HOOK_URL": hook_url,
        **keys(),
    }
    home.mkdir()
    migrated = Forked(["migrate"], project, clean_environment(**environment))
    said = migrated.communicate(PATIENCE)
    assert migrated.returncode == 0, said
    command = ["serve", "--host", "127.0.0.1", "--port", str(port)]
    return ForkedService(command, project, f"http://127.0.0.1:{port}", **environment)
