"""Builds that are killed, interrupted, crowded or out of room, while somebody reads the site all the time."""

import os
import random
import resource
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from crawled_site import Editions, crawl, everything, reading

from plugins.incremental import places

Counts = Callable[[int, int], int]


@pytest.fixture
def editions(tmp_path: Path) -> Editions:
    """The site in its first edition."""
    site = Editions(tmp_path / "project", tmp_path / "output")
    site.edit()
    site.build()
    return site


def interrupt(process: subprocess.Popen[str]) -> None:
    """As Ctrl-C does: all processes of the terminal hear of it."""
    os.killpg(process.pid, signal.SIGINT)


def kill(process: subprocess.Popen[str]) -> None:
    """As `kill -9` does: one process, which cannot say good-bye to those that it has started."""
    process.kill()


@pytest.mark.parametrize("end", [kill, interrupt])
def test_a_build_that_is_ended_at_any_moment_leaves_a_whole_site(
    editions: Editions, tmp_path: Path, counts: Counts, end: Callable[[subprocess.Popen[str]], None]
) -> None:
    """Readers see the old site or the new one, and the next build needs no cleaning: it is one from nothing."""
    began = time.monotonic()
    editions.edit()
    editions.build()
    took = time.monotonic() - began
    points = counts(1, 50)
    with reading(editions.output) as reader:
        for point in range(points):
            shown = crawl(editions.output)
            edition = editions.edit()
            process = editions.start(start_new_session=True)
            time.sleep(
                took * (point + random.random()) / points
            )  # a moment of no meaning, in each part of a build
            end(process)
            process.communicate(timeout=60)
            assert crawl(editions.output) in (shown, edition)
        editions.build()
    assert reader.complaints == []
    assert reader.rounds and editions.edition in {*reader.seen, crawl(editions.output)}
    editions.build(tmp_path / "fresh")
    assert everything(editions.output) == everything(tmp_path / "fresh")


@pytest.mark.parametrize("kind", ["a link", "a folder", "a folder that becomes a link"])
def test_a_build_may_be_killed_before_any_of_its_steps(
    editions: Editions, tmp_path: Path, counts: Counts, kind: str
) -> None:
    """While a tree is made like the other, while pages are written, old ones go, and the new ones are shown."""
    if kind != "a link":
        editions.environment["NETLIFY"] = "true"
        editions.edit()
        editions.build()
        assert not editions.output.is_symlink()
    if kind == "a folder that becomes a link":
        del editions.environment["NETLIFY"]
    editions.edit()
    process = editions.start(killed_at=0)
    steps = int(process.communicate(timeout=60)[1].rpartition("steps:")[2])
    points = counts(1, 50)
    with reading(editions.output) as reader:
        for point in range(points):
            shown, edition = crawl(editions.output), editions.edit()
            process = editions.start(killed_at=max(1, steps - round(point * steps / points)))
            process.communicate(timeout=60)
            assert process.returncode in (0, -signal.SIGKILL)
            assert crawl(editions.output) in ((shown, edition) if process.returncode else (edition,))
        editions.build()
    assert reader.complaints == []
    editions.build(tmp_path / "fresh")
    assert everything(editions.output) == everything(tmp_path / "fresh")


def test_a_build_that_runs_out_of_room_leaves_a_whole_site(
    editions: Editions, tmp_path: Path, counts: Counts
) -> None:
    """Where no file may be longer than so many bytes the build fails, the site stays, and the next is whole."""
    largest = (editions.output / "images" / "large.svg").stat().st_size
    failed = 0
    with reading(editions.output) as reader:
        for _ in range(counts(1, 50)):
            shown = crawl(editions.output)
            edition = editions.edit()
            room = random.choice((random.randrange(5_000), random.randrange(largest + 5_000)))
            process = editions.start(
                preexec_fn=lambda room=room: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
            )
            process.communicate(timeout=60)
            failed += process.returncode != 0
            assert crawl(editions.output) == (shown if process.returncode else edition)
        editions.build()
    assert reader.complaints == []
    assert failed and crawl(editions.output) == editions.edition
    editions.build(tmp_path / "fresh")
    assert everything(editions.output) == everything(tmp_path / "fresh")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system in memory with room for two trees and a little."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if os.getuid() or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("Only root may mount a small disk, so none is filled")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_a_disk_that_is_full_costs_nobody_the_site(tmp_path: Path, small_disk: Path, counts: Counts) -> None:
    """With whatever room is left the site is the old one or the new; with enough of it the next build is whole."""
    editions = Editions(tmp_path / "project", small_disk / "output")
    for _ in range(2):  # then one tree has to catch up with the other
        editions.edit()
        editions.build()
    ballast, failed = small_disk / "ballast", 0
    with reading(editions.output) as reader:
        for point in range(counts(1, 50)):
            shown, edition = crawl(editions.output), editions.edit()
            free = os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize
            room = random.randrange(200_000 if point % 2 else 20_000)
            ballast.write_bytes(bytes(max(0, free - room)))
            process = editions.start()
            process.communicate(timeout=60)
            failed += process.returncode != 0
            assert crawl(editions.output) == (shown if process.returncode else edition)
            ballast.unlink()
        editions.build()
    assert reader.complaints == [] and failed
    editions.build(tmp_path / "fresh")
    assert everything(editions.output) == everything(tmp_path / "fresh")


def test_a_second_build_waits_and_says_so(editions: Editions) -> None:
    """It begins when the first has ended, and both end well."""
    edition = editions.edit()
    with places.alone(places.place_of(str(editions.output), Path()), lambda: None):
        second = editions.start()
        assert second.stderr
        line = second.stderr.readline()
        assert "Another build of" in line and "output" in line
        assert second.poll() is None and crawl(editions.output) == edition - 1
    assert second.wait(timeout=60) == 0
    second.communicate()
    assert crawl(editions.output) == edition


def test_two_builds_at_once_both_end_well(editions: Editions, tmp_path: Path) -> None:
    """Whichever is first, the site is whole all the time."""
    editions.edit()
    with reading(editions.output) as reader:
        builds = [editions.start(), editions.start()]
        assert [build.communicate(timeout=120)[0] and build.returncode for build in builds] == [0, 0]
    assert reader.complaints == []
    editions.build(tmp_path / "fresh")
    assert everything(editions.output) == everything(tmp_path / "fresh")
