"""The command line as an operator meets it: real processes, one sentence for each mistake, and an exit code."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest
from doors import INDEX, PDF, SHELL
from examples import ALICE, record
from project_copy import ROOT, clean_environment
from sqlalchemy import text

from leadapi import migrations
from leadapi.store import Store, open_store

KEYS = {
    "LEADAPI_SECRET_KEYS": "vJ8sW0pZq3tYb6nXe1rKd5mHc9gUa2fL",
    "LEADAPI_HASH_KEY": "h4RkT7yQw2NcZx9VbLs6Jd1PfGm3Ae8U",
}
COMMAND = [sys.executable, "-m", "leadapi"]
SERVE = ("serve", "--port", "0")
PATIENCE = 20.0

Found = TypeVar("Found")


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

    def start(self, *arguments: str, only: dict[str, str] | None = None, **changed: str) -> subprocess.Popen[str]:
        """Start a command with the good settings, or with `only` these; `changed` on top, without their prefix."""
        given = self.good if only is None else only
        given = given | {f"LEADAPI_{name}": value for name, value in changed.items()}
        environment = clean_environment(PYTHONPATH=str(ROOT), PYTHONUNBUFFERED="1", **given)
        return subprocess.Popen(
            [*COMMAND, *arguments],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def run(self, *arguments: str, only: dict[str, str] | None = None, **changed: str) -> "Ended":
        """Run a command to its end."""
        return Ended(self.start(*arguments, only=only, **changed))


class Ended:
    """What a command said, and how it ended; a traceback is never an answer."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
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

    def __init__(self, place: Place, port: int, process: subprocess.Popen[str]) -> None:
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
def serving(place: Place, **changed: str) -> Iterator[Service]:
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


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A place with SQLite, without a database yet."""
    return Place(tmp_path, f"sqlite:///{tmp_path}/db.sqlite3")


@pytest.fixture
def ready(place: Place) -> Place:
    """A place with SQLite, with all tables."""
    with_tables(place.good["LEADAPI_DATABASE_URL"])
    return place


def with_tables(url: str) -> None:
    store = open_store(url)
    migrations.upgrade(store.engine)
    store.close()


@contextmanager
def opened(place: Place) -> Iterator[Store]:
    store = open_store(place.good["LEADAPI_DATABASE_URL"])
    yield store
    store.close()


def test_a_weak_start_is_refused_with_every_reason(ready: Place) -> None:
    """Each weak secret and each missing thing keeps `serve` from starting, is named, and no secret is printed."""
    weak = [
        {"SECRET_KEYS": ("", "is not set")},
        {"SECRET_KEYS": ("k7Gw2" * 10, "repeats")},
        {"HASH_KEY": ("change-me-change-me-k7Gw2-please-now", "can be guessed")},
        {"SECRET_KEYS": ("k7Gw2", "is shorter"), "SITE_URL": ("http://blog.example.com", "is not https")},
        {"SITE_DIR": ("nowhere", "no site"), "ENV": ("prod", "'production' or 'development'")},
    ]
    started = [ready.start(*SERVE, **{name: value for name, (value, _) in faults.items()}) for faults in weak]
    for faults, process in zip(weak, started, strict=True):
        ended = Ended(process)
        assert ended.code == 1, faults
        said = [line for line in ended.lines() if line.startswith("LEADAPI_")]
        assert len(said) == len(faults)
        for name, (_, told) in faults.items():
            assert any(line.startswith(f"LEADAPI_{name}: ") and told in line for line in said), said
        assert "was not started" in ended.err
        assert "k7Gw2" not in ended.out + ended.err


def test_a_start_without_a_good_database_is_refused(place: Place) -> None:
    """No database, one without tables, what is none, and a place that takes no file: each is one sentence."""
    folder = place.folder
    open_store(f"sqlite:///{folder}/empty").close()
    (folder / "empty").touch()
    (folder / "text").write_text("This is no database at all.\n" * 1_000)
    (folder / "folder").mkdir()
    wrong = {
        f"sqlite:///{folder}/none": "Run: python -m leadapi migrate",
        f"sqlite:///{folder}/empty": "Run: python -m leadapi migrate",
        f"sqlite:///{folder}/text": "not a database",
        f"sqlite:///{folder}/folder": "unable to open",
        f"sqlite:///{folder}/text/db": "no database",
        "postgresql://alice:k7Gw2@127.0.0.1:1/blog": "refused",
    }
    started = [(told, place.start(*SERVE, DATABASE_URL=url)) for url, told in wrong.items()]
    for told, process in started:
        ended = Ended(process)
        assert ended.code == 1, told
        [line] = [line for line in ended.lines() if line.startswith("LEADAPI_DATABASE_URL: ")]
        assert told in line
        assert "k7Gw2" not in line
    assert not (folder / "none").exists()


def test_a_database_of_a_newer_version_is_left_alone(ready: Place) -> None:
    """Tables that this program does not know are neither used nor changed."""
    with opened(ready) as store:
        newer = text("UPDATE alembic_version SET version_num = 'newer'")
        store.write_now(lambda connection, _: connection.execute(newer), None)
    assert ready.run(*SERVE).code == 1
    ended = ready.run("migrate")
    assert ended.code == 1
    assert "newer version" in ended.err


def test_a_trial_may_start_with_warnings(ready: Place) -> None:
    """A loopback address without TLS and letters in files are told and do not keep the service from starting."""
    with serving(ready, SITE_URL="http://127.0.0.1:8000") as service:
        ended = service.stop()
    assert ended.code == 0
    warnings = [line.split(": ")[1] for line in ended.lines() if line.startswith("Warning")]
    assert warnings == ["LEADAPI_SITE_URL", "LEADAPI_MAIL_URL"]


def test_the_doctor_says_everything_at_once(place: Place) -> None:
    """What cannot be read, what is missing, what is weak, and the database: all in one go, exit code 1."""
    wrong = {
        "ENV": "prod",
        "SECRET_KEYS": "short",
        "HASH_KEY": "",
        "SITE_URL": "",
        "SITE_DIR": "no",
        "MAIL_FROM": "x",
    }
    ended = place.run("doctor", **wrong)
    assert ended.code == 1
    told = [line.split(": ")[:2] for line in ended.out.splitlines()]
    assert sorted(told) == [
        *(
            ["Error", f"LEADAPI_{name}"]
            for name in ("DATABASE_URL", "ENV", "HASH_KEY", "MAIL_FROM", "SECRET_KEYS")
        ),
        *(["Error", f"LEADAPI_{name}"] for name in ("SITE_DIR", "SITE_URL")),
        ["Warning", "LEADAPI_MAIL_URL"],
    ]
    assert not (place.folder / "db.sqlite3").exists()


def test_the_doctor_is_content_with_warnings(ready: Place) -> None:
    """What does not keep the service from starting does not fail the command."""
    ended = ready.run("doctor")
    assert ended.code == 0
    assert [line.split(":")[0] for line in ended.lines()] == [
        "Warning",
        "Nothing keeps the service from starting.",
    ]


def test_commands_that_sign_nothing_need_no_secret(tmp_path: Path, database_url: str) -> None:
    """With a database alone `migrate` makes the tables, also twice at once, and they can be exported from."""
    place = Place(tmp_path, database_url)
    only = {"LEADAPI_DATABASE_URL": database_url}
    for process in [place.start("migrate", only=only) for _ in range(2)]:
        ended = Ended(process)
        assert (ended.code, ended.lines()) == (0, ["The database is up to date."])
    export = place.run("export-leads", only=only)
    assert (export.code, export.lines()) == (0, [])
    assert ["DATABASE_URL" in line for line in place.run("doctor", only=only).lines()].count(True) == 0


def test_the_export_holds_every_lead_beside_a_running_service(tmp_path: Path, database_url: str) -> None:
    """What the service has answered for is in the export: a line of JSON for each lead, those of robots too."""
    place = Place(tmp_path, database_url)
    with_tables(database_url)
    alice = {"email": "alice@example.com", "name": "Alice\u2028Führer", "submission_id": "one"}
    robot = {"email": "robot@example.com", "name": "Robot", "website": "http://x.example"}
    with serving(place) as service:
        for fields in (alice, alice | {"post": "a-post", "submission_id": "two"}, robot):
            assert b" 202 " in ask(service.port, press(fields)).partition(b"\r\n")[0]
        export = place.run(
            "export-leads", only={"LEADAPI_DATABASE_URL": database_url, "PYTHONIOENCODING": "ascii"}
        )
        service.stop()
    assert (export.code, export.err) == (0, "")
    leads = {lead["email"]: lead for lead in map(json.loads, export.out.splitlines())}
    assert set(leads) == {"alice@example.com", "robot@example.com"}
    assert leads["alice@example.com"]["name"] == alice["name"]
    assert leads["alice@example.com"]["status"] == "pending"
    assert leads["alice@example.com"]["submission_ids"] == ["one", "two"]
    assert [leads[email]["held"] for email in sorted(leads)] == [False, True]


@pytest.mark.parametrize("count", [1, 1_000], ids=["less than a pipe holds", "more"])
def test_the_export_may_be_cut_short(ready: Place, count: int) -> None:
    """A reader who leaves is no error, whether it was long or short; a full disk is, in one sentence."""
    with opened(ready) as store:
        record(store, *[replace(ALICE, address=f"alice{n}@example.com", network=f"{n}") for n in range(count)])
    environment = clean_environment(PYTHONPATH=str(ROOT), **ready.good)
    reader, writer = os.pipe()
    os.close(reader)
    gone = subprocess.Popen(
        [*COMMAND, "export-leads"], stdout=writer, stderr=subprocess.PIPE, env=environment, text=True
    )
    os.close(writer)
    with Path("/dev/full").open("w") as full:
        stuck = subprocess.Popen(
            [*COMMAND, "export-leads"], stdout=full, stderr=subprocess.PIPE, env=environment, text=True
        )
    shell = [f"{sys.executable} -m leadapi export-leads | head -n 1"]
    head = subprocess.run(shell, shell=True, env=environment, capture_output=True, text=True, check=True)
    assert (gone.communicate()[1], gone.returncode) == ("", 0)
    assert (stuck.communicate()[1], stuck.returncode) == (
        "The leads cannot be printed: No space left on device.\n",
        1,
    )
    assert (json.loads(head.stdout)["status"], head.stderr) == ("pending", "")


def test_an_export_without_a_database_makes_none(place: Place) -> None:
    """Where there is nothing to read, that is said; no empty database appears."""
    for url, told in (
        (place.good["LEADAPI_DATABASE_URL"], "there is no database"),
        ("postgresql://alice:k7Gw2@127.0.0.1:1/blog", "refused"),
        ("mysql://alice:k7Gw2@127.0.0.1:1/blog", "must begin with"),
    ):
        ended = place.run("export-leads", only={"LEADAPI_DATABASE_URL": url})
        assert (ended.code, ended.out, len(ended.lines())) == (1, "", 1)
        assert told in ended.err and "k7Gw2" not in ended.err
    assert not (place.folder / "db.sqlite3").exists()


def test_a_place_to_listen_that_cannot_be_had_is_one_sentence(place: Place) -> None:
    """A taken port, what is no port, and a host that is not ours."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        wrong = {
            ("--port", port): f"127.0.0.1:{port}: Address already in use",
            ("--port", "http"): "'http'",
            ("--port", "70000"): "'70000'",
            ("--host", "no-such-host.invalid"): "no-such-host.invalid:8000",
            ("--host", "ä" * 70): "no such host",
        }
        for told, process in [(told, place.start("serve", *arguments)) for arguments, told in wrong.items()]:
            ended = Ended(process)
            assert (ended.code, ended.out, len(ended.lines())) == (1, "", 1), ended.lines()
            assert ended.err.startswith("Cannot listen on ") and told in ended.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_service_when_requests_are_finished(ready: Place, number: int) -> None:
    """What is under way is stored and answered, nobody new is let in, and the exit code says that all is well."""
    fields = {"email": "alice@example.com", "name": "Alice"}
    with serving(ready) as service:
        request = press(fields)
        with socket.create_connection(("127.0.0.1", service.port), timeout=PATIENCE) as client:
            client.sendall(request[:-10])
            ask(service.port, b"GET /healthz HTTP/1.1\r\nHost: blog\r\nConnection: close\r\n\r\n")
            service.process.send_signal(number)
            wait_until(lambda: not answers(service.port), "the door is closed")
            client.sendall(request[-10:])
            answer = b"".join(iter(lambda: client.recv(65536), b""))
        ended = Ended(service.process)
    assert b" 202 " in answer.partition(b"\r\n")[0]
    assert ended.code == 0
    assert "alice@example.com" in ready.run("export-leads").out


BUILD = """import os, pathlib, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
pathlib.Path(sys.argv[1] + ".new").write_text(f"{os.getpid()} {child.pid}")
pathlib.Path(sys.argv[1] + ".new").rename(sys.argv[1])
while not pathlib.Path(sys.argv[1] + ".go").exists():
    time.sleep(0.01)
"""


def developing(place: Place, name: str) -> dict[str, Any]:
    """The settings of somebody's own machine, whose first build makes the file `name` and waits for `name`.go."""
    (place.folder / "build.py").write_text(BUILD)
    return {"ENV": "development", "SITE_URL": "", "BUILD_COMMAND": f"{sys.executable} build.py {name}"}


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that ended and that nobody asks about does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_during_the_first_build_ends_the_build_too(ready: Place, number: int, code: int) -> None:
    """Whoever stops the start before it serves is left with no process, and told so by the exit code."""
    process = ready.start(*SERVE, **developing(ready, "build"))
    started = ready.folder / "build"
    try:
        wait_until(started.exists, "the build has started")
        pids = [int(pid) for pid in started.read_text().split()]
        assert len(pids) == 2 and all(map(is_alive, pids))
    finally:
        process.send_signal(number)
        ended = Ended(process)
    assert ended.code == code
    wait_until(lambda: not any(map(is_alive, pids)), "the build is gone")


def test_of_two_that_build_for_the_same_port_one_serves(ready: Place) -> None:
    """The later one says in one sentence that the port was taken while it built its site."""
    port, folder = free_port(), ready.folder
    one, two = (ready.start("serve", "--port", str(port), **developing(ready, name)) for name in ("one", "two"))
    try:
        wait_until(lambda: (folder / "one").exists() and (folder / "two").exists(), "both build")
        (folder / "one.go").touch()
        wait_until(lambda: answers(port), "the first one serves")
        (folder / "two.go").touch()
        second = Ended(two)
    finally:
        one.send_signal(signal.SIGINT)
        first = Ended(one)
    assert (first.code, second.code) == (0, 1)
    assert second.err == (
        f"Cannot listen on 127.0.0.1:{port}: Address already in use. "
        "Choose another port or host, e.g. make serve PORT=8080.\n"
    )
