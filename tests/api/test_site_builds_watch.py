"""The site is built when somebody has saved a file, and for nothing else."""

from pathlib import Path

import pytest
from build_stages import running, shell, until

from leadapi.site_builds import SiteBuilds

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)]


NOT_MEANT = (
    ".a-post.md.swp",
    ".a-post.md.swx",
    "4913",
    ".#a-post.md",
    "#a-post.md#",
    "a-post.md~",
    "a-post.new",
    "m.cpython-311.pyc",
    "m.cpython-311.pyc.140464012345678",
    "__pycache__/m.cpython-311.pyc.140464012345678",
    ".DS_Store",
)
"""What vim, Emacs, Python, a Mac and our own builds leave beside what somebody saved."""


@pytest.fixture
def anyio_backend() -> str:
    """The service runs on asyncio alone."""
    return "asyncio"


@pytest.mark.usefixtures("database_url")
async def test_a_saved_file_is_built_wherever_the_project_lies(tmp_path: Path) -> None:
    """A folder's own name never hides what is saved in it; what editors and Python leave behind means nothing."""
    content = tmp_path / "blog.new~" / "node_modules" / "content"
    (content / "__pycache__").mkdir(parents=True)
    said: list[str] = []
    builds = SiteBuilds(shell("exit 0"), said.append)
    saves = 0

    def built() -> bool:
        nonlocal saves
        if saves % 100 == 0:  # the watch has no moment that says it has begun
            for name in (*NOT_MEANT, "a-post.md"):
                (content / name).write_text(str(saves))
        saves += 1
        return any("The site was built in " in line for line in said)

    async with running(builds.watch([content, tmp_path / "nowhere"])) as job:
        await until(built, job)
    assert said[0] == "Building the site: a-post.md was saved."


@pytest.mark.usefixtures("database_url")
async def test_a_file_saved_during_a_build_is_built_too(tmp_path: Path) -> None:
    """What the build has not read any more leads to one more build, and then there is quiet."""
    content = tmp_path / "content"
    content.mkdir()
    said: list[str] = []
    during = f"[ -e {tmp_path}/once ] || (touch {tmp_path}/once; echo more >> {content}/a-post.md)"
    builds = SiteBuilds(shell(during), said.append)

    def built_twice() -> bool:
        if not said:
            (content / "a-post.md").write_text("saved")
        return sum("The site was built in " in line for line in said) == 2

    async with running(builds.watch([content])) as job:
        await until(built_twice, job)
    assert said[0] == said[2] == "Building the site: a-post.md was saved."


@pytest.mark.usefixtures("database_url")
async def test_nothing_to_watch_is_told(tmp_path: Path) -> None:
    """Where none of the files is there, that is said, and the service goes on."""
    said: list[str] = []
    await SiteBuilds(shell("exit 0"), said.append).watch([tmp_path / "nowhere"])
    assert len(said) == 1 and "None of the files to watch" in said[0]
