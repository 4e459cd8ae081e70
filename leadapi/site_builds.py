"""Has the site built again when what it should show has changed.

The rule compares states instead of counting events: the site on disk says which approved comments it holds
(comments_etag in its public index), the database says which are approved, and while the two differ a build is due.
So a decision is never missed, whether the service was stopped, the build failed, or ten decisions came at once.
In development the saved files under BUILD_WATCH ask for a build too, of a builder that stays where there is one
(a command with --resident), which shows a saved post's own page first.

A site that this process cannot build (it lies on another machine) is asked for by its build hook, once for each
new state.
"""

import asyncio
import os
import shlex
import signal
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import httpx2
import structlog
import watchfiles

from leadapi.errors import StoreUnavailable
from leadapi.index_reading import Index
from leadapi.resident_builder import ResidentBuilder

POLL_SECONDS = 1.0
STAYS = " --resident"
BUILD_SECONDS = 600
TOOK_TOO_LONG = "The build took longer than {} seconds and was stopped."
SHOW_SECONDS = 5
LOOK_AGAIN_MS = 3_000
QUIET_MS, LONGEST_QUIET_MS = 5, 100
"""For how long nothing more must be saved, and how long that is waited for."""

HOOK_QUIET_SECONDS = 5.0
"""How long the approved comments must stay the same before the build hook is called, and a failed call waits."""

LONGEST_MESSAGE = 16 * 1024
"""Bytes of a failed build's output that are told: the last ones, where the mistake stands."""

RETRY_SECONDS = (60.0, 120.0, 300.0, 600.0)
"""How long after a build that did not bring the approved comments the next one begins; the last one goes on."""

log = structlog.get_logger()


class SiteBuilds:
    """Builds the site, never twice at once; `last_error` says why the last build failed, if it did."""

    def __init__(
        self, command: str, say: Callable[[str], None] | None = None, told: Mapping[str, str] | None = None
    ) -> None:
        """`told` is what the build finds in its environment where that says nothing. A command that ends with
        --resident stays while files are watched; without that word it builds once."""
        self.command = command.removesuffix(STAYS)
        self.last_error = ""
        self.shown_at: float | None = None
        """When the last saved post's own page was shown, where nothing else has been saved since."""
        self.news = asyncio.Event()
        """Is set, and another takes its place, when there is something new to see."""
        missing = {name: value for name, value in (told or {}).items() if not os.environ.get(name)}
        self._environment = {**os.environ, **missing}
        self._say = say
        self._resident = ResidentBuilder(command, self._environment) if command.endswith(STAYS) else None
        self._building = asyncio.Lock()

    async def build(self, why: str) -> bool:
        """Run the command; True when it succeeded. A build that is under way is waited for first."""
        async with self._building:
            self._tell(f"Building the site: {why}.")
            began = time.monotonic()
            good, said = await self._run()
            took = time.monotonic() - began
            self.last_error = "" if good else said or "The build failed without a word."
            if said and good:
                self._tell(said)  # notes to the author
            done = f"The site was built in {took:.1f} s."
            self._tell(done if good else f"{self.last_error}\nThe last good site stays up.")
            if good:
                log.info("site_built", why=why)
            else:
                log.warning("site_build_failed", why=why, said=self.last_error)
            self._tell_pages()
            return good

    async def show(self, path: str) -> None:
        """Let a saved post's own page be seen before anything is built, where that can be."""
        async with self._building:
            self.shown_at = None
            if self._resident and path.endswith(".md"):
                answer = await self._resident.ask({"show": path}, SHOW_SECONDS)
                if answer and answer.get("shown"):
                    self.shown_at = time.time()
                    self._tell_pages()

    def _tell_pages(self) -> None:
        """Wake the lines of open pages."""
        self.news.set()
        self.news = asyncio.Event()

    async def _make_ready(self) -> None:
        """Start the builder that stays; its first build finds what the site is, and has nothing to do."""
        if self._resident and not self._resident.is_there:
            async with self._building:
                await self._resident.start()
                await self._resident.ask({"build": "to know the site"}, BUILD_SECONDS)

    async def _run(self) -> tuple[bool, str]:
        """Whether the site was built, and what was said."""
        began = time.monotonic()
        answer = await self._resident.ask({"build": ""}, BUILD_SECONDS) if self._resident else None
        if answer is None:
            late = time.monotonic() - began >= BUILD_SECONDS
            return (False, TOOK_TOO_LONG.format(BUILD_SECONDS)) if late else await self._run_command()
        return answer.get("built") is True, str(answer.get("said", ""))

    async def _run_command(self) -> tuple[bool, str]:
        """Whether the command succeeded, and what it said; it has ended then, and all that it started."""
        try:
            with tempfile.TemporaryFile() as output:  # a pipe would end only when the last child lets go of it
                starting = asyncio.create_task(
                    asyncio.create_subprocess_exec(
                        *shlex.split(self.command),
                        env=self._environment,
                        stdin=asyncio.subprocess.DEVNULL,
                        stdout=output,
                        stderr=output,
                        start_new_session=True,  # Ctrl-C is for us; what the build started ends with it
                    )
                )
                good = await _ended_well(starting)
                size = output.seek(0, os.SEEK_END)
                output.seek(max(0, size - LONGEST_MESSAGE))
                said = output.read().decode(errors="replace").strip()
        except (OSError, ValueError) as error:  # the program was there when the service started
            return False, f"The build cannot be started: {error}."
        if good is None:
            said += f"\n{TOOK_TOO_LONG.format(BUILD_SECONDS)}"
        return good is True, said.strip()

    async def keep_up(
        self,
        index: Index,
        approved: Callable[[], Awaitable[str]],
        none_approved: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Build whenever the site's comments are not the approved ones, until cancelled.

        `approved` gives the etag of the approved comments, `none_approved` is that of an empty list. A state
        whose build failed is tried again later and later, since what was wrong may pass by itself.
        """
        tried, again, waits = None, clock(), iter(RETRY_SECONDS)
        while True:
            try:
                due = await approved()
                baked = (await index.current()).comments_etag
                if (due, baked) != tried:  # something new, which is tried at once
                    again, waits = clock(), iter(RETRY_SECONDS)
                if _lacks(baked, due, none_approved) and clock() >= again:
                    tried = due, baked
                    await self.build("approved comments have changed")
                    again = clock() + next(waits, RETRY_SECONDS[-1])
            except StoreUnavailable:
                pass
            except Exception as error:  # whatever it is: the next decision has to be built
                log.error("site_not_compared", exc_info=error)
            await asyncio.sleep(POLL_SECONDS)

    async def watch(self, paths: Sequence[Path]) -> None:
        """Build whenever a file under the paths is saved, until cancelled.

        Events only wake us: one can be lost while a build runs. What counts is whether the files are others.
        """
        present = [path for path in paths if path.exists()]
        if not present:
            self._tell("None of the files to watch is there; the site is built again when a comment is approved.")
            return
        meant = _Meant(present)
        seen = await asyncio.to_thread(_files, present, meant)
        try:
            await self._make_ready()
            async for changes in watchfiles.awatch(
                *present,
                watch_filter=meant,
                step=QUIET_MS,
                debounce=LONGEST_QUIET_MS,
                rust_timeout=LOOK_AGAIN_MS,
                yield_on_timeout=True,
            ):
                changed = [*{path for _, path in changes}]
                if len(changed) == 1:
                    await self.show(changed[0])
                found = await asyncio.to_thread(_files, present, meant)
                names = sorted({name for name, _ in seen.items() ^ found.items()})
                if names:
                    seen = found
                    if _absolute(names) != changed:
                        self.shown_at = None  # pages may be others for what else was saved
                    told = (
                        f"{Path(names[0]).name} was saved" if len(names) == 1 else f"{len(names)} files were saved"
                    )
                    await self.build(told)
                    await self._make_ready()
        finally:
            if self._resident:
                await self._resident.stop()

    def _tell(self, sentence: str) -> None:
        if self._say:
            self._say(sentence)


async def _ended_well(starting: asyncio.Task[asyncio.subprocess.Process]) -> bool | None:
    """How the build ended; None when it had to be ended. Cancelled at any moment, it leaves nothing that runs."""
    try:
        async with asyncio.timeout(BUILD_SECONDS):
            return await (await asyncio.shield(starting)).wait() == 0
    except TimeoutError:
        return None
    finally:
        process = await starting
        with suppress(ProcessLookupError):  # its children, and it itself where it still runs
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


class _Meant(watchfiles.DefaultFilter):
    """Lets through what somebody saved, not what editors, Python and programs put beside it.

    Only names below the watched folders count: where the project lies is nobody's mistake.
    """

    ignore_entity_patterns = (
        *watchfiles.DefaultFilter.ignore_entity_patterns,
        r"\.py[cod]\.\d+$",  # Python, before it renames what it has compiled
        r"\.new$",
        r"^4913$",  # vim, to see whether it may write
        r"^#.*#$",  # Emacs, for what is not saved yet
    )

    def __init__(self, watched: Sequence[Path]) -> None:
        super().__init__()
        self._starts = sorted(
            (f"{place}{os.sep}" for path in watched for place in (path, path.absolute())), key=len
        )

    def __call__(self, change: watchfiles.Change, path: str) -> bool:
        """Whether the site should be built for it."""
        start = next((start for start in reversed(self._starts) if path.startswith(start)), None)
        return super().__call__(change, path.removeprefix(start) if start else Path(path).name)


def _files(paths: Sequence[Path], meant: _Meant) -> dict[str, tuple[int, int]]:
    """When each file under the paths was changed last, and its size."""
    found = {}
    for path in paths:
        walk = os.walk(path) if path.is_dir() else [(str(path.parent), [], [path.name])]
        for folder, _, names in walk:
            for name in (f"{folder}{os.sep}{name}" for name in names):
                if meant(watchfiles.Change.modified, name):
                    with suppress(FileNotFoundError):  # gone since the folder was read
                        stat = os.stat(name)  # noqa: PTH116 - thousands of them, and no Path is needed
                        found[name] = stat.st_mtime_ns, stat.st_size
    return found


def _absolute(names: Sequence[str]) -> list[str]:
    return [str(Path(name).absolute()) for name in names]


def _lacks(baked: str | None, due: str, none_approved: str) -> bool:
    """Whether the site has other comments than the approved ones; without any it may know of no state at all."""
    return baked != due and not (baked is None and due == none_approved)


async def call_hook(
    url: str, approved: Callable[[], Awaitable[str]], none_approved: str, index: Index, client: httpx2.AsyncClient
) -> None:
    """POST to the build hook once for each state of the comments that the site lacks, until cancelled."""
    asked, seen, since = None, None, time.monotonic()
    while True:
        try:
            due = await approved()
            if due != seen:
                seen, since = due, time.monotonic()
            baked = (await index.current()).comments_etag
            quiet = time.monotonic() - since >= HOOK_QUIET_SECONDS
            if _lacks(baked, due, none_approved) and due != asked and quiet:
                (await client.post(url)).raise_for_status()
                asked = due
        except Exception as error:  # whatever it is: it is called again; the address itself is a secret
            log.warning("build_hook_failed", reason=type(error).__name__)
            since = time.monotonic()
        await asyncio.sleep(POLL_SECONDS)
