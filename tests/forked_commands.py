"""The service's commands, each in a process of its own that is forked from one which has read all packages.

Hundreds of commands run in the tests, and each would read for a second what the one before has read as well.
What such a process finds is what a new one finds: its folder, environment, arguments, output, signals and exit.
"""

import atexit
import functools
import importlib
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, NoReturn

from project_copy import ROOT, clean_environment

PACKAGES = (
    "leadapi.__main__",
    "leadapi.serving",
    "alembic.command",
    "alembic.config",
    "anyio._backends._asyncio",
    "httpcore2",
    "jinja2.ext",
    "psycopg",
    "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.dialects.sqlite",
    "truststore",
    "uvicorn.lifespan.on",
    "uvicorn.loops.uvloop",
    "uvicorn.protocols.websockets.auto",
)
"""What the commands read, and what is read beside it only when it is needed first."""


class Forked:
    """A command that runs, with what the tests use of `subprocess.Popen`.

    Its output is read when it has ended; with a `log` it goes there, and Ctrl-C reaches it as a group of its own.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        folder: Path,
        environment: Mapping[str, str],
        log: IO[Any] | None = None,
    ) -> None:
        self.returncode: int | None = None
        self.stdout = log or tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - communicate closes
        self.stderr = log or tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115
        asked = {
            "arguments": arguments,
            "folder": str(folder),
            "environment": environment,
            "leads_group": log is not None,
        }
        self.pid: int = _ask(asked, self.stdout.fileno(), self.stderr.fileno())

    def poll(self) -> int | None:
        """The exit code, negative for a signal, once it has ended."""
        if self.returncode is None:
            self.returncode = _ask({"pid": self.pid})
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, as soon as there is one."""
        deadline = time.monotonic() + (timeout or float("inf"))
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("leadapi", timeout or 0)
            time.sleep(0.005)
        return code

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """What it said, as soon as it has ended."""
        self.wait(timeout)
        said = []
        for file in (self.stdout, self.stderr):
            with file:
                file.seek(0)
                said.append(file.read())
        return said[0], said[1]

    def send_signal(self, number: int) -> None:
        """Nobody else gets it: the number of a process is not given again before `poll` has told its end."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def _ask(asked: Mapping[str, Any], *files: int) -> Any:
    door = _door()
    socket.send_fds(door, [json.dumps(asked).encode() + b"\n"], files)
    return _received(door)[0]


@functools.cache
def _door() -> socket.socket:
    """The way to the process that forks; it ends, with all that it has started, when this side is closed."""
    ours, its = socket.socketpair()
    with its:
        process = subprocess.Popen(
            [sys.executable, __file__, str(its.fileno())],
            env=clean_environment(PYTHONPATH=str(ROOT), PYTHONUNBUFFERED="1"),
            stdin=subprocess.DEVNULL,
            pass_fds=[its.fileno()],
            start_new_session=True,  # Ctrl-C in a terminal is for the tests, which end what they have started
        )

    def leave() -> None:
        ours.close()
        process.wait()

    atexit.register(leave)
    return ours


def _received(door: socket.socket) -> tuple[Any, list[int]]:
    """A line of JSON and the files with it; None where the other side is gone."""
    line, files = b"", list[int]()
    while not line.endswith(b"\n"):
        part, more, *_ = socket.recv_fds(door, 65536, 2)
        if not part:
            return None, []
        line += part
        files += more
    return json.loads(line), files


def _fork_when_asked(door: socket.socket) -> list[str] | None:
    """The arguments, in each new process; None where nobody will ask any more."""
    running = set[int]()
    while True:
        asked, files = _received(door)
        if asked is None:
            for pid in running:
                os.kill(pid, signal.SIGKILL)
            return None
        if "pid" in asked:
            ended, status = os.waitpid(asked["pid"], os.WNOHANG)
            running.discard(ended)
            answer = os.waitstatus_to_exitcode(status) if ended else None
        elif pid := os.fork():
            running.add(pid)
            answer = pid
        else:
            door.close()
            return _become(asked, files)
        for file in files:
            os.close(file)
        door.sendall(json.dumps(answer).encode() + b"\n")


def _become(asked: Mapping[str, Any], files: list[int]) -> list[str]:
    """Take over folder, environment and output."""
    for number, file in enumerate(files, start=1):
        os.dup2(file, number)
        os.close(file)
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    if asked["leads_group"]:
        os.setsid()
    return asked["arguments"]


def _run(arguments: list[str]) -> NoReturn:
    """`python -m leadapi` with these arguments. Whatever is no ordinary end is left to Python itself."""
    del sys.modules["leadapi.__main__"]
    sys.path[0] = str(Path.cwd())
    sys.argv = ["leadapi", *arguments]
    code: str | int | None = None
    try:
        runpy.run_module("leadapi", run_name="__main__", alter_sys=True)
    except SystemExit as leaving:
        code = leaving.code
    if isinstance(code, str):
        print(code, file=sys.stderr)
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    os._exit(
        code if isinstance(code, int) else int(code is not None)
    )  # to take all modules apart takes half a second


if __name__ == "__main__":
    for name in PACKAGES:
        importlib.import_module(name)
    arguments = _fork_when_asked(socket.socket(fileno=int(sys.argv[1])))
    if arguments is not None:
        _run(arguments)
