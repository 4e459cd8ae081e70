"""Runs one program and measures what it and all its children took: wall time, CPU time, memory.

CPU time comes from the system's own account (wait4), so it costs nothing. Looking at memory does: reading
smaps_rollup walks through every page of a process, 40 ms for 1.5 GB, and holds the process up meanwhile. So a look
is taken every 50 ms, or later where looking takes long: at most a twentieth of the time goes into it. PSS counts a
page that several processes share once. A peak between two looks is not lost where one process made it: the system
keeps the highest resident size of each (that of this process too, at the other's start, so this one stays small).
"""

import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

EVERY_SECONDS, LOOKING_SHARE = 0.05, 20


class Failed(Exception):
    """The program did not end well; its text says what it printed last."""


@dataclass(frozen=True)
class Taken:
    """What one run took."""

    wall_seconds: float
    cpu_seconds: float
    peak_memory_mb: float


def family(process: int) -> Iterator[int]:
    """Yield a process and all that descend from it, as far as they live."""
    yield process
    try:
        children = [path.read_text() for path in Path("/proc", str(process), "task").glob("*/children")]
    except OSError:
        return
    for child in " ".join(children).split():
        yield from family(int(child))


def memory_mb(process: int) -> float:
    """Return the memory of a process and its descendants, shared pages counted once."""
    kilobytes = 0
    for member in family(process):
        try:
            rollup = Path("/proc", str(member), "smaps_rollup").read_text()
        except OSError:
            continue  # it has ended meanwhile
        kilobytes += sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
    return kilobytes / 1024


def watch(process: int, ended: Event, seen: list[float]) -> None:
    """Look at the memory again and again until the program has ended."""
    pause = EVERY_SECONDS
    while not ended.wait(pause):
        start = time.perf_counter()
        seen.append(memory_mb(process))
        pause = max(EVERY_SECONDS, LOOKING_SHARE * (time.perf_counter() - start))


def run(command: Sequence[str | Path], folder: Path, environment: Mapping[str, str], log: Path) -> Taken:
    """Run a program to its end in a folder; raise Failed where it says that something went wrong."""
    os.sync()  # what earlier runs wrote is not to be written out in the middle of this one
    ended, seen = Event(), [0.0]
    with log.open("wb") as output:
        start = time.perf_counter()
        program = subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=output)
        watcher = Thread(target=watch, args=(program.pid, ended, seen), daemon=True)
        watcher.start()
        try:
            _, status, usage = os.wait4(program.pid, 0)
            wall = time.perf_counter() - start
            program.returncode = os.waitstatus_to_exitcode(status)
        finally:
            if program.returncode is None:  # whoever waits was interrupted
                program.kill()
            ended.set()
            watcher.join()
    if program.returncode:
        raise Failed(f"{' '.join(map(str, command))}\n{log.read_text(errors='replace')[-3000:]}")
    return Taken(wall, usage.ru_utime + usage.ru_stime, max(*seen, usage.ru_maxrss / 1024))
