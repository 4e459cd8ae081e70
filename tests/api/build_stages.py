"""Small builds, a small blog that has one, and jobs that run while a test looks on."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from doors import INDEX, SHELL
from examples import BOB, NOW, reply, rows

from leadapi import comment_list, comments, tables
from leadapi.index_reading import IndexFromFolder
from leadapi.site_builds import SiteBuilds
from leadapi.store import Store

PATIENCE = 15
NONE = comment_list.NONE_APPROVED


async def until(done: Callable[[], Any], *jobs: "asyncio.Task[Any]") -> None:
    """Wait until the condition holds; a job that ends by itself is a failure."""
    async with asyncio.timeout(PATIENCE):
        while not done():
            for job in jobs:
                assert not job.done(), job.exception()
            await asyncio.sleep(0.005)


@asynccontextmanager
async def running(work: Coroutine[Any, Any, Any]) -> AsyncIterator["asyncio.Task[Any]"]:
    """A job, while the block runs."""
    job = asyncio.create_task(work)
    try:
        yield job
    finally:
        job.cancel()
        await asyncio.gather(job, return_exceptions=True)


def shell(script: str) -> str:
    """A build command."""
    return f"sh -c '{script}'"


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that ended and that nobody asks about does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def pids(path: Path) -> list[int]:
    return [int(pid) for pid in path.read_text().split()]


BUILD = """import json, pathlib, sys, time
home = pathlib.Path(sys.argv[1])
served = (home / "served").read_text()
with (home / "log").open("a") as log:
    log.write(served + "\\n")
while (home / "wait").exists():
    time.sleep(0.005)
if (home / "mistake").exists():
    sys.exit((home / "mistake").read_text())
if not (home / "leave out").exists():
    index = json.loads((home / "site" / "public-index.json").read_text())
    (home / "site" / "new").write_text(json.dumps(index | {"comments_etag": served}))
    (home / "site" / "new").rename(home / "site" / "public-index.json")
"""


class Blog:
    """A small site with a build of its own, and the comments that were decided about."""

    def __init__(self, folder: Path, store: Store) -> None:
        self.folder, self.store, self.looks = folder, store, 0
        (folder / "site").mkdir()
        (folder / "site" / "public-index.json").write_text(json.dumps(INDEX))
        (folder / "site" / "page-shell.html").write_text(SHELL)
        (folder / "build.py").write_text(BUILD)
        self.index = IndexFromFolder(folder / "site")
        self.builds = SiteBuilds(f"{sys.executable} -I -S {folder}/build.py {folder}")

    async def approved(self) -> str:
        """As the service asks, and tells the build when it fetches the comments."""
        etag = await self.store.read(comment_list.version, None)
        fresh = self.folder / f"served-{self.looks}"
        fresh.write_text(etag)
        fresh.replace(self.folder / "served")  # a build may read it just now
        self.looks += 1
        return etag

    def approve(self, number: int) -> None:
        """A new comment is sent and approved."""
        sent = NOW + timedelta(minutes=number)
        reply(self.store, replace(BOB, body=f"Comment {number}.", now=sent, network=str(number)))
        row = next(row for row in rows(self.store, tables.comments) if row.status == "pending")
        self.store.write_now(comments.decide, (row.id, "approve", sent + timedelta(seconds=1)))

    def shows_all(self) -> bool:
        """Whether the site has what is approved."""
        return self.index.read().comments_etag == self.store.read_now(comment_list.version, None)

    def built(self) -> list[str]:
        """What each build was served."""
        log = self.folder / "log"
        return log.read_text().split() if log.exists() else []

    async def looked_often(self, *jobs: "asyncio.Task[Any]") -> None:
        """Wait until it was looked twenty times more whether anything is due."""
        enough = self.looks + 20
        await until(lambda: self.looks >= enough, *jobs)
