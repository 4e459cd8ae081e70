"""One build: what it says is told, it ends with all that it started, and there is never a second one."""

import asyncio
import re
from pathlib import Path

import pytest
from build_stages import PATIENCE, is_alive, pids, running, shell, until
from structlog.testing import capture_logs

from leadapi import site_builds
from leadapi.site_builds import SiteBuilds

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)]


@pytest.fixture
def anyio_backend() -> str:
    """The service runs on asyncio alone."""
    return "asyncio"


@pytest.mark.usefixtures("database_url")
async def test_a_failing_build_tells_its_message_and_a_good_one_its_notes() -> None:
    """What the program printed on either stream is told as it is; a mistake, until the next build succeeds."""
    said: list[str] = []
    builds = SiteBuilds(shell("echo first; echo a-post.md:3: no title >&2; exit 3"), said.append)
    with capture_logs() as logs:
        assert not await builds.build("a-post.md was saved")
    assert builds.last_error == "first\na-post.md:3: no title"
    assert said[0] == "Building the site: a-post.md was saved."
    assert said[1].startswith(builds.last_error) and "last good site" in said[1]
    assert [(entry["event"], entry["said"]) for entry in logs] == [("site_build_failed", builds.last_error)]
    builds.command = shell("echo fine")
    assert await builds.build("a-post.md was saved")
    assert builds.last_error == ""
    assert said[-2] == "fine"
    assert re.fullmatch(r"The site was built in \d+\.\d s\.", said[-1])


@pytest.mark.usefixtures("database_url")
@pytest.mark.parametrize(
    ("command", "told"),
    [
        (shell("exit 1"), "The build failed without a word."),
        ("no-such-program --now", "cannot be started"),
        ("make 'publish", "cannot be started"),
        (shell("kill -9 $$"), "The build failed without a word."),
    ],
)
async def test_a_build_that_says_nothing_is_still_told(command: str, told: str) -> None:
    """A silent end, one by a signal, and a program that is gone are a sentence each."""
    builds = SiteBuilds(command)
    assert not await builds.build("a test")
    assert told in builds.last_error


@pytest.mark.usefixtures("database_url")
async def test_of_a_flood_the_end_is_told() -> None:
    """However much a build prints, its last lines are kept, and no more than a page can show."""
    builds = SiteBuilds(shell("yes flood | head -n 200000; echo the mistake; exit 1"))
    assert not await builds.build("a test")
    assert builds.last_error.endswith("flood\nthe mistake")
    assert len(builds.last_error) <= site_builds.LONGEST_MESSAGE


@pytest.mark.usefixtures("database_url")
async def test_a_build_that_hangs_is_stopped_with_its_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After its time all of it is gone, the message says so, and the next build can begin."""
    monkeypatch.setattr(site_builds, "BUILD_SECONDS", 1)
    builds = SiteBuilds(shell(f"sleep 600 & echo $$ $! > {tmp_path}/pids; echo so far; wait"))
    assert not await builds.build("a test")
    assert len(pids(tmp_path / "pids")) == 2
    await until(lambda: not any(map(is_alive, pids(tmp_path / "pids"))))
    assert builds.last_error == "so far\nThe build took longer than 1 seconds and was stopped."
    builds.command = shell("exit 0")
    assert await builds.build("a test")


@pytest.mark.usefixtures("database_url")
@pytest.mark.parametrize("code", [0, 1])
async def test_what_a_build_leaves_behind_ends_with_it(tmp_path: Path, code: int) -> None:
    """A child that holds the output open is not waited for, and does not go on."""
    builds = SiteBuilds(shell(f"sleep 600 & echo $! > {tmp_path}/pids; exit {code}"))
    async with asyncio.timeout(PATIENCE):
        assert await builds.build("a test") is (code == 0)
    [child] = pids(tmp_path / "pids")
    await until(lambda: not is_alive(child))


@pytest.mark.usefixtures("database_url")
async def test_a_service_that_stops_takes_its_build_along(tmp_path: Path) -> None:
    """No build goes on without the service that began it."""
    builds = SiteBuilds(shell(f"sleep 600 & echo $$ $! > {tmp_path}/new; mv {tmp_path}/new {tmp_path}/pids; wait"))
    async with running(builds.build("a test")) as job:
        await until((tmp_path / "pids").exists, job)
        assert all(map(is_alive, pids(tmp_path / "pids")))
    await until(lambda: not any(map(is_alive, pids(tmp_path / "pids"))))


@pytest.mark.usefixtures("database_url")
async def test_there_is_never_more_than_one_build(tmp_path: Path) -> None:
    """Builds that are asked for at once come one after the other."""
    builds = SiteBuilds(shell(f"mkdir {tmp_path}/alone && sleep 0.02 && rmdir {tmp_path}/alone"))
    assert await asyncio.gather(*(builds.build(str(number)) for number in range(4))) == [True] * 4


@pytest.mark.usefixtures("database_url")
@pytest.mark.parametrize("set_by_operator", ["", "https://www.example.com"])
async def test_a_build_is_told_what_its_environment_does_not_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, set_by_operator: str
) -> None:
    """The service tells what it knows; what the operator has set wins over it, and an empty setting is none."""
    monkeypatch.setenv("SITE_URL", set_by_operator)
    monkeypatch.delenv("COMMENTS_URL", raising=False)
    told = {"SITE_URL": "https://blog.example.com", "COMMENTS_URL": "http://127.0.0.1:8001/api/comments"}
    builds = SiteBuilds(shell(f'echo "$SITE_URL $COMMENTS_URL" > {tmp_path}/told'), None, told)
    assert await builds.build("a test")
    site_url = set_by_operator or told["SITE_URL"]
    assert (tmp_path / "told").read_text() == f"{site_url} {told['COMMENTS_URL']}\n"


@pytest.mark.usefixtures("database_url")
async def test_a_build_that_is_stopped_while_it_starts_leaves_nothing(tmp_path: Path) -> None:
    """At whatever step of its start it is cancelled, no process goes on."""
    marks = tmp_path / "pids"
    for steps in range(40):
        job = asyncio.create_task(SiteBuilds(shell(f"sleep 600 & echo $$ $! >> {marks}; wait")).build("a test"))
        for _ in range(steps):
            await asyncio.sleep(0)
        await asyncio.sleep(steps / 4_000)
        job.cancel()
        await asyncio.gather(job, return_exceptions=True)
    await until(lambda: not (marks.exists() and any(map(is_alive, pids(marks)))))
