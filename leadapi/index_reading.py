"""Reads what the site says of itself as it changes, never worse than the last good copy.

Where this process serves the site, the files are read from its folder; elsewhere they are fetched from the site,
and the last good copy is kept in var/, since the service has to go on while the site is away.

Index, its shards with posts (index_shards) and own shell are taken together or not at all; much text is parsed
beside the event loop. A shell in another language that is missing or broken is
complained of and done without: its pages wear the last good one as long as the style is the same, whose hash the
security policy names, and else the site's own.
"""

import asyncio
import os
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import httpx2
import structlog

from leadapi.index_shards import PostShards, read_shard
from leadapi.languages import CATALOGUES, SOURCE
from leadapi.public_index import INDEX_FILE, SHELL_FILE, PublicIndex, is_shell, parse, shard_file, shell_file
from leadapi.site_fetching import FetchedFiles

SHELL_FILES = {language: shell_file(language) for language in (SOURCE, *CATALOGUES)}
"""The shell in each language that we speak; the site's own is another file."""

FILES = (INDEX_FILE, SHELL_FILE, *SHELL_FILES.values())

REFRESH_SECONDS = 60.0
"""How often the site elsewhere is asked what is new."""

UNKNOWN_SLUG_SECONDS = 5.0
"""How soon it is asked again because somebody named a post that we do not know: it may be newer than our copy."""

WAIT_SECONDS, FIRST_WAIT_SECONDS = 2.0, 10.0
"""How long a request waits for the site, with a copy that is older and with none."""

FETCH_SECONDS, SHELL_SECONDS = 30.0, 5.0
"""When a fetch of index and own shell is given up, and one of a shell in another language."""

LARGEST = 32 * 1024 * 1024
AT_ONCE = 8
"""How many shards are fetched at the same time."""

SHARDS_KEPT = "public-index"
"""The folder of the copy's shards, in var/."""

log = structlog.get_logger()


def _read(path: Path, most: int) -> bytes:
    if path.stat().st_size > most:
        raise ValueError(f"{path.name} is larger than {most} bytes")
    return path.read_bytes()


def _read_both(folder: Path) -> list[str]:
    return [_read(folder / name, LARGEST).decode() for name in (INDEX_FILE, SHELL_FILE)]


def _read_shells(folder: Path, languages: Iterable[str]) -> dict[str, str]:
    """The shells in these languages that are there and whole."""
    found = {}
    for language in languages:
        try:
            found[language] = _whole(_read(folder / SHELL_FILES[language], LARGEST).decode())
        except (OSError, ValueError) as error:
            _done_without(language, error)
    return found


def _whole(shell: str) -> str:
    if not is_shell(shell):
        raise ValueError("it has no place for a page's title or text")
    return shell


def _done_without(language: str, error: Exception) -> None:
    log.warning("shell_left_out", file=SHELL_FILES[language], reason=str(error) or type(error).__name__)


def _dressed(index: PublicIndex, found: Mapping[str, str], before: PublicIndex) -> PublicIndex:
    """The index with the shells that were found; for the others those of before, where the style is the same."""
    kept = before.shells if before.style_hash == index.style_hash else {}
    worn = {**kept, **found}
    return replace(
        index, shells={language: worn[language] for language in index.shell_languages if language in worn}
    )


class IndexFromFolder:
    """The index of the site that this process serves; read again when a build has replaced it."""

    def __init__(self, site_dir: Path) -> None:
        self._site_dir = site_dir
        self._stamp: tuple[tuple[int, ...], ...] = ()
        self._index = PublicIndex()
        self._shards = PostShards()
        self._awaited: tuple[str, ...] = ()
        self._reading = threading.Lock()

    async def current(self) -> PublicIndex:
        """The index of the site as it is now; the last good one while a build is under way."""
        if not self._reading.locked() and self._is_read(self._look()[1]):
            return self._index
        return await asyncio.to_thread(self.read)

    def read(self) -> PublicIndex:
        """As current; a stat call for each file when nothing is new."""
        with self._reading:
            folder, stamp = self._look()
            try:
                if not self._is_read(stamp):
                    self._take(Path(folder), stamp[: len(FILES)])
            except (OSError, ValueError) as error:
                log.warning("site_unreadable", reason=str(error))
            return self._index

    def _look(self) -> tuple[str, tuple[tuple[int, ...], ...]]:
        folder = os.path.realpath(self._site_dir)  # builds flip a link: all files from the same tree
        return folder, tuple(_stamp_of(f"{folder}/{name}") for name in (*FILES, *self._awaited))

    def _is_read(self, stamp: tuple[tuple[int, ...], ...]) -> bool:
        return stamp == self._stamp and () not in stamp[:2]

    def _take(self, folder: Path, stamp: tuple[tuple[int, ...], ...]) -> None:
        texts = _read_both(folder)
        self._stamp, self._awaited = stamp, ()  # good or not: the same files are not read and complained of again
        index = parse(*texts)
        for key, digest in self._shards.missing(index).items():
            name = shard_file(key)  # one that is not there or not whole is awaited: the index may be good then
            self._stamp, self._awaited = (*stamp, _stamp_of(f"{folder}/{name}")), (name,)
            data = _read(folder / name, self._shards.most(index))
            self._shards.add(digest, read_shard(name, data, digest))
        self._stamp, self._awaited = stamp, ()
        shells = _read_shells(folder, index.shell_languages)
        self._index = _dressed(self._shards.complete(index), shells, self._index)

    def known(self) -> PublicIndex:
        """As current, for callers that cannot wait."""
        return self.read()

    async def knowing(self, kind: str, slug: str) -> PublicIndex:
        """As current: a folder is never behind."""
        return await self.current()


def _stamp_of(path: str) -> tuple[int, ...]:
    """What changes when the file does; nothing where there is none."""
    try:
        stat = os.stat(path)  # noqa: PTH116 - asked with every answer, and a Path takes as long as the question
    except OSError:
        return ()
    return stat.st_mtime_ns, stat.st_ino, stat.st_size


class IndexFromSite:
    """The index of a site that lies elsewhere; asked for again each minute, the last good copy kept in var/.

    Requests share one fetch. They wait for it a moment, so that they see what is new; a site that is slow or away
    delays nobody for longer, since the copy that is known goes on.
    """

    def __init__(self, site_url: str, var_dir: Path, client: httpx2.AsyncClient) -> None:
        self._site_url = site_url
        self._var_dir = var_dir
        self._site = FetchedFiles(site_url, client)
        self._shards = PostShards()
        self._kept: set[str] = set()
        self._asked = float("-inf")
        self._fetching: asyncio.Task[None] | None = None
        self._index: PublicIndex | None = None
        self._texts: list[str] = []
        self._written: tuple[list[str], Mapping[str, str]] = [], {}

    async def current(self) -> PublicIndex:
        """The index, at most a minute old where the site answers."""
        return await self._not_older_than(REFRESH_SECONDS)

    def known(self) -> PublicIndex:
        """The index as it was last seen."""
        if self._index is None:
            self._index = self._last_good()
        return self._index

    async def knowing(self, kind: str, slug: str) -> PublicIndex:
        """The index; asked for anew when it does not know the slug (`kind` is posts or whitepapers)."""
        index = await self.current()
        return index if slug in getattr(index, kind) else await self._not_older_than(UNKNOWN_SLUG_SECONDS)

    async def _not_older_than(self, seconds: float) -> PublicIndex:
        if self._fetching is None and time.monotonic() - self._asked >= seconds:
            self._asked = time.monotonic()
            self._fetching = asyncio.create_task(self._fetch())
        if self._fetching is not None:
            patience = WAIT_SECONDS if self.known().shell else FIRST_WAIT_SECONDS
            await asyncio.wait({self._fetching}, timeout=max(0.0, self._asked + patience - time.monotonic()))
        return self.known()

    def _last_good(self) -> PublicIndex:
        try:
            texts = _read_both(self._var_dir)
            index = parse(*texts)
            for digest in self._shards.missing(index).values():
                name = _kept_shard(digest)
                data = _read(self._var_dir / name, self._shards.most(index))
                self._shards.add(digest, read_shard(name, data, digest))
        except (OSError, ValueError):
            return PublicIndex()
        index = _dressed(
            self._shards.complete(index), _read_shells(self._var_dir, index.shell_languages), PublicIndex()
        )
        self._texts, self._written = texts, (texts, index.shells)
        self._kept = set(index.post_shards.values())
        return index

    async def _fetch(self) -> None:
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                texts = [await self._site.text(name, LARGEST) for name in (INDEX_FILE, SHELL_FILE)]
                known = self.known()
                index = known if texts == self._texts else await self._parsed(*texts)
            index = _dressed(index, await self._shells(index.shell_languages), known)
            self._index, self._texts = index, texts
            if (texts, index.shells) != self._written:
                await asyncio.to_thread(self._keep, texts, index)
                self._written = texts, index.shells
        except Exception as error:  # whatever the site or the disk has: the index that is known goes on
            log.warning("site_unreachable", site=self._site_url, reason=str(error) or type(error).__name__)
        finally:
            self._fetching = None

    async def _parsed(self, *texts: str) -> PublicIndex:
        """The index with the posts of all its shards, of which those are fetched that are new."""
        index = await asyncio.to_thread(parse, *texts)
        missing = list(self._shards.missing(index).items())
        for start in range(0, len(missing), AT_ONCE):
            fetches = [self._shard(index, *named) for named in missing[start : start + AT_ONCE]]
            for failed in await asyncio.gather(*fetches, return_exceptions=True):
                if failed:
                    raise failed
        return self._shards.complete(index)

    async def _shard(self, index: PublicIndex, key: str, digest: str) -> None:
        name = shard_file(key)
        data = await self._site.data(name, self._shards.most(index))
        self._shards.add(digest, await asyncio.to_thread(read_shard, name, data, digest))

    async def _shells(self, languages: Iterable[str]) -> dict[str, str]:
        found = {}
        for language in languages:
            try:
                async with asyncio.timeout(SHELL_SECONDS):
                    found[language] = _whole(await self._site.text(SHELL_FILES[language], LARGEST))
            except Exception as error:  # whatever it is, the other files are good
                _done_without(language, error)
        return found

    def _keep(self, texts: list[str], index: PublicIndex) -> None:
        """Write the copy down: shards first, which no other index names, so that a whole one lies there always."""
        shards = self._shards.of(index)
        for digest in shards.keys() - self._kept:
            _replace(self._var_dir / _kept_shard(digest), shards[digest].data)
        for name, text in zip((INDEX_FILE, SHELL_FILE), texts, strict=True):
            _replace(self._var_dir / name, text.encode())
        for language, name in SHELL_FILES.items():
            if language in index.shells:
                _replace(self._var_dir / name, index.shells[language].encode())
            else:
                (self._var_dir / name).unlink(missing_ok=True)
        self._kept = set(shards)
        for path in self._var_dir.glob(_kept_shard("*")):
            if path.stem not in self._kept:
                path.unlink(missing_ok=True)


def _kept_shard(digest: str) -> str:
    return f"{SHARDS_KEPT}/{digest}.json"


def _replace(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_bytes(data)
    fresh.replace(path)


Index = IndexFromFolder | IndexFromSite
