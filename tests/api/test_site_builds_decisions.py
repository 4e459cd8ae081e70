"""The site is built when it lacks what was decided, and never without an end."""

from datetime import timedelta
from pathlib import Path

import pytest
from build_stages import NONE, Blog, running, until
from examples import NOW, rows
from structlog.testing import capture_logs

from leadapi import comments, site_builds, tables
from leadapi.errors import StoreUnavailable
from leadapi.store import Store

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)]


@pytest.fixture
def anyio_backend() -> str:
    """The service runs on asyncio alone."""
    return "asyncio"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site_builds, "POLL_SECONDS", 0.005)
    monkeypatch.setattr(site_builds, "HOOK_QUIET_SECONDS", 0.005)


@pytest.fixture
def blog(tmp_path: Path, store: Store) -> Blog:
    return Blog(tmp_path, store)


class Clock:
    """Minutes that pass when a test says so."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


async def test_an_approval_is_built_and_then_there_is_quiet(blog: Blog) -> None:
    """The site gets the comment with one build, and none follows."""
    async with running(blog.builds.keep_up(blog.index, blog.approved, NONE)) as job:
        for number in (1, 2):
            blog.approve(number)
            await until(blog.shows_all, job)
            await blog.looked_often(job)
            assert len(blog.built()) == number


async def test_a_first_start_builds_once(blog: Blog) -> None:
    """A site that was built before the service could be asked lacks nothing while no comment is approved."""
    async with running(blog.builds.keep_up(blog.index, blog.approved, NONE)) as job:
        await blog.looked_often(job)
    assert blog.built() == []


async def test_the_last_comment_that_is_taken_back_leaves_the_site(blog: Blog) -> None:
    """A site with a comment is built again when none is approved any more."""
    async with running(blog.builds.keep_up(blog.index, blog.approved, NONE)) as job:
        blog.approve(1)
        await until(blog.shows_all, job)
        [row] = rows(blog.store, tables.comments)
        blog.store.write_now(comments.decide, (row.id, "refuse", NOW + timedelta(hours=1)))
        await until(blog.shows_all, job)
        await blog.looked_often(job)
    assert (blog.index.read().comments_etag, len(blog.built())) == (NONE, 2)


@pytest.mark.parametrize("fault", ["mistake", "leave out"])
async def test_a_build_in_vain_is_tried_again_later_and_later(blog: Blog, fault: str) -> None:
    """After 1, 2, 5, 10, 10 minutes: a build that fails, or cannot fetch the comments, keeps none out for good."""
    (blog.folder / fault).write_text("not now")
    blog.approve(1)
    clock = Clock()
    async with running(blog.builds.keep_up(blog.index, blog.approved, NONE, clock)) as job:
        await until(blog.built, job)
        for number, minutes in enumerate((1, 2, 5, 10, 10), start=1):
            await blog.looked_often(job)
            clock.seconds += minutes * 60 - 1
            await blog.looked_often(job)
            assert len(blog.built()) == number
            if number == 5:
                (blog.folder / fault).unlink()
            clock.seconds += 1
            await until(lambda number=number: len(blog.built()) == number + 1, job)
        await until(blog.shows_all, job)
        clock.seconds += 24 * 3600
        await blog.looked_often(job)
    assert len(blog.built()) == 6


async def test_decisions_during_a_build_make_one_more(blog: Blog) -> None:
    """However many come while the site is built, one build brings them all."""
    (blog.folder / "wait").touch()
    blog.approve(1)
    async with running(blog.builds.keep_up(blog.index, blog.approved, NONE)) as job:
        await until(blog.built, job)
        blog.approve(2)
        blog.approve(3)
        (blog.folder / "wait").unlink()
        await until(blog.shows_all, job)
        await blog.looked_often(job)
    assert len(blog.built()) == 2


async def test_a_new_decision_does_not_wait_for_a_failed_build(blog: Blog) -> None:
    """The message is told, nothing is tried over and over, and the next decision brings all at once."""
    (blog.folder / "mistake").write_text("a-post.md:3: no title")
    blog.approve(1)
    async with running(blog.builds.keep_up(blog.index, blog.approved, NONE)) as job:
        await until(lambda: blog.builds.last_error, job)
        await blog.looked_often(job)
        assert blog.builds.last_error == "a-post.md:3: no title"
        assert len(blog.built()) == 1
        (blog.folder / "mistake").unlink()
        blog.approve(2)
        await until(blog.shows_all, job)
        await blog.looked_often(job)
    assert blog.builds.last_error == ""
    assert len(blog.built()) == 2


async def test_a_database_that_is_away_for_a_while_loses_no_build(blog: Blog) -> None:
    """Whatever goes wrong while it is looked, it is looked again, and what is not foreseen is logged."""
    errors: list[Exception] = [StoreUnavailable(), StoreUnavailable(), RuntimeError("not foreseen")]

    async def approved() -> str:
        if errors:
            raise errors.pop(0)
        return await blog.approved()

    blog.approve(1)
    with capture_logs() as logs:
        async with running(blog.builds.keep_up(blog.index, approved, NONE)) as job:
            await until(blog.shows_all, job)
    assert logs[0]["event"] == "site_not_compared"
