"""Has the site built again when what it should show has changed.

The rule compares states instead of counting events: the site on disk says which approved comments it holds
(comments_etag in its public index), the database says which are approved, and while the two differ a build is due.
So a decision is never missed, whether the service was stopped, the build failed, or ten decisions came at once.
In development the saved files under BUILD_WATCH ask for a build too.

A site that this process cannot build (it lies on another machine) is asked for by its build hook, once for each
new state. What a development page needs is in `version` and `last_error`, and `changed` tells of both.
"""

import asyncio
import os
import shlex
import signal
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import httpx2
import structlog
import watchfiles

from leadapi.errors import StoreUnavailable
from leadapi.public_index import Index

POLL_SECONDS = 1.0
BUILD_SECONDS = 600
HOOK_QUIET_SECONDS = 10.0
"""How long the approved comments must stay the same before the build hook is called."""

IGNORED = ("__pycache__", ".new", ".swp", "~", ".DS_Store")

log = structlog.get_logger()


class SiteBuilds:
    """Builds the site, never twice at once. `version` counts good builds, `last_error` says why one failed."""

    def __init__(self, command: str, say: Callable[[str], None] | None = None) -> None:
        self.command = command
        self.version = 0
        self.last_error = ""
        self.changed = asyncio.Condition()
        self._say = say
        self._building = asyncio.Lock()

    async def build(self, why: str) -> bool:
        """Run the command; True when it succeeded. A build that is under way is waited for first."""
        async with self._building:
            self._tell(f"Building the site: {why}.")
            process = await asyncio.create_subprocess_exec(
                *shlex.split(self.command),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for us; what the build started ends with it
            )
            try:
                output, _ = await asyncio.wait_for(process.communicate(), BUILD_SECONDS)
                said = output.decode(errors="replace").strip()
            except TimeoutError:
                said = f"The build took longer than {BUILD_SECONDS} seconds and was stopped."
            finally:
                if process.returncode is None:
                    os.killpg(process.pid, signal.SIGKILL)
                    await process.wait()
            good = process.returncode == 0
            self.last_error = "" if good else said or "The build failed without a word."
            self.version += good
            self._tell("The site is built." if good else f"{self.last_error}\nThe last good site stays up.")
            log.info("site_built" if good else "site_build_failed", why=why)
            async with self.changed:
                self.changed.notify_all()
            return good

    async def keep_up(self, index: Index, approved: Callable[[], Awaitable[str]]) -> None:
        """Build whenever the site's comments are not the approved ones, until cancelled.

        `approved` gives the etag of the approved comments. A state whose build failed is not tried again: the
        next decision or saved file is another one.
        """
        tried = None
        while True:
            try:
                due = await approved()
                baked = (await index.current()).comments_etag
                if due != baked and (due, baked) != tried:
                    tried = due, baked
                    await self.build("approved comments have changed")
            except StoreUnavailable:
                pass
            await asyncio.sleep(POLL_SECONDS)

    async def watch(self, paths: Sequence[Path]) -> None:
        """Build whenever a file under the paths is saved, until cancelled."""
        present = [path for path in paths if path.exists()]
        async for changes in watchfiles.awatch(*present, watch_filter=_wanted, step=20, debounce=200):
            names = sorted({Path(name).name for _, name in changes})
            await self.build(f"{names[0]} was saved" if len(names) == 1 else f"{len(names)} files were saved")

    def _tell(self, sentence: str) -> None:
        if self._say:
            self._say(sentence)


def _wanted(_change: watchfiles.Change, name: str) -> bool:
    return not any(part in name for part in IGNORED)


async def call_hook(
    url: str, approved: Callable[[], Awaitable[str]], index: Index, client: httpx2.AsyncClient
) -> None:
    """POST to the build hook once for each state of the comments that the site lacks, until cancelled."""
    asked, seen = None, None
    while True:
        try:
            due = await approved()
            baked = (await index.current()).comments_etag
            if due != baked and due != asked:
                if due == seen:
                    (await client.post(url)).raise_for_status()
                    asked = due
                seen = due
        except (StoreUnavailable, httpx2.HTTPError) as error:
            log.warning("build_hook_failed", reason=type(error).__name__)
        await asyncio.sleep(HOOK_QUIET_SECONDS)
