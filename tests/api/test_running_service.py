"""The service as a process: where it listens, and how it ends."""

import json
import re
import signal
import socket
import sys
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from commands import PATIENCE, SERVE, Ended, Place, answers, ask, free_port, opened, press, serving, wait_until
from examples import rows

from leadapi import tables


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
    with serving(ready, afresh=True) as service:
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
    process = ready.start(*SERVE, afresh=True, **developing(ready, "build"))
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


TELL = """import json, os, re
with open(f"/proc/{os.getppid()}/status") as file:
    status = dict(line.split(":", 1) for line in file)
told = {name: status[name].split() for name in ("SigBlk", "SigIgn", "SigCgt", "Threads", "Umask")}
told["folder"] = os.readlink(f"/proc/{os.getppid()}/cwd")
files = f"/proc/{os.getppid()}/fd"
names = [os.readlink(f"{files}/{number}") for number in os.listdir(files) if int(number) > 2]
told["files"] = sorted(re.sub(r"\\[.*|#.*", "", name) for name in names)  # a number is never the same
told["environment"] = dict(os.environ)
with open("told.new", "w") as file:
    json.dump(told, file)
os.rename("told.new", "told")
"""


def test_a_service_that_the_tests_fork_finds_what_a_fresh_one_finds(ready: Place) -> None:
    """Its folder, environment, signals, threads and open files: nothing of the tests is handed on to it."""
    (ready.folder / "tell.py").write_text(TELL)
    port, found = free_port(), list[dict[str, Any]]()
    settings = {"ENV": "development", "SITE_URL": "", "BUILD_COMMAND": f"{sys.executable} tell.py"}
    for afresh in (True, False):
        process = ready.start("serve", "--port", str(port), afresh=afresh, **settings)
        try:
            wait_until(lambda: answers(port), "the service has built and answers")
        finally:
            process.send_signal(signal.SIGINT)
            assert Ended(process).code == 0
        found.append(json.loads((ready.folder / "told").read_text()))
    assert found[0] == found[1]


def test_of_two_that_build_for_the_same_port_one_serves(ready: Place) -> None:
    """The later one says in one sentence that the port was taken while it built its site."""
    port, folder = free_port(), ready.folder
    one, two = (
        ready.start(
            "serve", "--port", str(port), DATABASE_URL=f"sqlite:///{folder}/{name}.db", **developing(ready, name)
        )
        for name in ("one", "two")
    )
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


def test_a_transfer_that_is_cut_off_is_one_download_and_the_link_stays_good(ready: Place) -> None:
    """A reader whose line breaks asks again with the same link, as often as it takes; it is counted once."""
    paper = bytes(range(256)) * 20_000
    (ready.folder / "papers" / "a-paper" / "1.pdf").write_bytes(paper)
    with serving(ready) as service:
        ask(service.port, press({"email": "alice@example.com", "name": "Alice"}))
        link = wait_until(lambda: links_in(ready.folder / "mail", "confirm"), "the letter")[0]
        head = f"{link} HTTP/1.1\r\nHost: blog\r\nConnection: close\r\n"
        body = ask(service.port, f"POST {head}Accept: application/json\r\nContent-Length: 0\r\n\r\n".encode())
        path = json.loads(body.partition(b"\r\n\r\n")[2])["download"]
        request = f"GET {path} HTTP/1.1\r\nHost: blog\r\nConnection: close\r\n\r\n".encode()
        for _ in range(3):
            with socket.create_connection(("127.0.0.1", service.port), timeout=PATIENCE) as client:
                client.sendall(request)
                assert client.recv(1000).startswith(b"HTTP/1.1 200 ")
        assert ask(service.port, request).endswith(paper)
        service.stop()
    with opened(ready) as store:
        assert len(rows(store, tables.downloads)) == 1


def links_in(folder: Path, room: str) -> list[str]:
    """The paths into a room of the service, in all letters that have left."""
    texts = [
        part.get_content()
        for path in folder.glob("*.eml")
        if (part := message_from_bytes(path.read_bytes(), policy=policy.default).get_body(("plain",)))
    ]
    return [found for text in texts for found in re.findall(rf"/api/{room}/\S+", text)]
