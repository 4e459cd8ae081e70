"""A builder that stays is asked over pipes, and is ended with all that it started as soon as it fails."""

import asyncio
import os
from pathlib import Path

import pytest
from build_stages import is_alive, pids, running, shell, until

from leadapi.resident_builder import ResidentBuilder
from leadapi.site_builds import SiteBuilds

pytestmark = pytest.mark.anyio

ANSWERS = """while read -r question; do
  case "$question" in
    *show*) echo '{"shown": "a/index.html"}' ;;
    *) echo '{"built": true, "said": "a note"}' ;;
  esac
done"""


@pytest.fixture
def anyio_backend() -> str:
    """The service runs on asyncio alone."""
    return "asyncio"


def script(folder: Path, text: str) -> str:
    """A command that stays, or builds once without the word: then it notes that it was run."""
    program = folder / "builder.sh"
    program.write_text(f'#!/bin/sh\n[ "$1" = --resident ] || {{ echo once >> {folder}/runs; exit 0; }}\n{text}\n')
    program.chmod(0o755)
    return f"{program} --resident"


async def test_it_answers_each_question(tmp_path: Path) -> None:
    """One process answers one question after the other."""
    builder = ResidentBuilder(script(tmp_path, ANSWERS), os.environ)
    assert await builder.ask({"build": ""}, 5) is None  # not started
    await builder.start()
    for _ in range(2):
        assert await builder.ask({"build": ""}, 5) == {"built": True, "said": "a note"}
    assert (await builder.ask({"show": "a.md"}, 5) or {})["shown"] == "a/index.html"
    await builder.stop()
    assert not builder.is_there


@pytest.mark.parametrize(
    "does", ["exit 1", "read -r q; echo nonsense; wait", "read -r q; echo 3; wait", "read -r q; wait"]
)
async def test_one_that_fails_is_ended_with_its_children(tmp_path: Path, does: str) -> None:
    """It dies, talks nonsense or says nothing: there is no answer, and nothing that runs."""
    marks = tmp_path / "pids"
    builder = ResidentBuilder(script(tmp_path, f"sleep 600 & echo $$ $! > {marks}\n{does}"), os.environ)
    await builder.start()
    await until(lambda: marks.exists() and len(pids(marks)) == 2)
    assert await builder.ask({"build": ""}, 0.3) is None
    assert not builder.is_there
    await until(lambda: not any(map(is_alive, pids(marks))))


async def test_a_program_that_is_not_there_is_no_builder() -> None:
    """What cannot be started gives no answer."""
    builder = ResidentBuilder("no-such-program --resident", os.environ)
    await builder.start()
    assert await builder.ask({"build": ""}, 5) is None


async def test_a_saved_post_is_shown_and_then_built(tmp_path: Path) -> None:
    """Open pages are told of the own page, and again of the build; the command itself is never run."""
    content = tmp_path / "content"
    content.mkdir()
    said: list[str] = []
    builds = SiteBuilds(script(tmp_path, ANSWERS), said.append)
    first = builds.news

    def built() -> bool:
        if not said:
            (content / "a-post.md").write_text("saved")
        return any("The site was built in " in line for line in said)

    async with running(builds.watch([content])) as job:
        await until(built, job)
    assert said[:2] == ["Building the site: a-post.md was saved.", "a note"]
    assert first.is_set() and builds.shown_at is not None
    assert not (tmp_path / "runs").exists()


async def test_when_it_fails_the_command_builds(tmp_path: Path) -> None:
    """A save is never lost with the builder: the same command without the word builds the site."""
    content = tmp_path / "content"
    content.mkdir()
    said: list[str] = []
    builds = SiteBuilds(script(tmp_path, "exit 1"), said.append)

    def built() -> bool:
        if not said:
            (content / "a-post.md").write_text("saved")
        return any("The site was built in " in line for line in said)

    async with running(builds.watch([content])) as job:
        await until(built, job)
    assert (tmp_path / "runs").read_text() == "once\n" and builds.shown_at is None


async def test_it_ends_with_the_watch(tmp_path: Path) -> None:
    """Whoever stops the service leaves no builder behind, even one that is just asked."""
    marks = tmp_path / "pids"
    builds = SiteBuilds(script(tmp_path, f"sleep 600 & echo $$ $! > {marks}; wait"))
    job = asyncio.create_task(builds.watch([tmp_path]))
    await until(lambda: marks.exists() and len(pids(marks)) == 2, job)
    job.cancel()
    await asyncio.gather(job, return_exceptions=True)
    await until(lambda: not any(map(is_alive, pids(marks))))


def test_the_word_is_no_part_of_the_ordinary_command() -> None:
    """Without a watch, the site is built by a command that ends."""
    assert SiteBuilds(f"{shell('exit 0')} --resident").command == shell("exit 0")
