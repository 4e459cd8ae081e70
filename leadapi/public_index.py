"""What the site says of itself: which posts, whitepapers and pages exist, and the page that ours are dressed in.

The build writes public-index.json and page-shell.html at the site's root. Where this process serves the site, they
are read from its folder; elsewhere they are fetched from the site, and the last good copy is kept in var/, since
the service has to go on while the site is away. This is all that the service knows about the site.
"""

import asyncio
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import structlog

INDEX_FILE, SHELL_FILE = "public-index.json", "page-shell.html"
REFRESH_SECONDS = 60.0
"""How often the site elsewhere is asked what is new."""

UNKNOWN_SLUG_SECONDS = 5.0
"""How soon it is asked again because somebody named a post that we do not know: it may be newer than our copy."""

LARGEST = 32 * 1024 * 1024

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class PublicIndex:
    """One reading of the two files; slugs map to what the build wrote of them."""

    site_name: str = ""
    site_url: str = ""
    language: str = "en"
    style_hash: str = ""
    comments_etag: str | None = None
    posts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    whitepapers: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    pages: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    shell: str | None = None
    """The page that ours are dressed in; None until the site has been seen once."""


def parse(index: str, shell: str) -> PublicIndex:
    """The two files as one value. Raises ValueError when they are not what a build writes."""
    try:
        raw = json.loads(index)
        if raw["version"] != 1:
            raise ValueError(f"{INDEX_FILE} is of version {raw['version']!r}, not 1")
        site = raw["site"]
        if "[[shell:main]]" not in shell:
            raise ValueError(f"{SHELL_FILE} has no place for a page's text")
        return PublicIndex(
            site_name=site["name"],
            site_url=site["url"],
            language=site["language"],
            style_hash=raw["style_hash"],
            comments_etag=raw["comments_etag"],
            posts=_entries(raw["posts"]),
            whitepapers=_entries(raw["whitepapers"]),
            pages=_entries(raw["pages"]),
            shell=shell,
        )
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"{INDEX_FILE} is not what a build writes: {error!r}") from error


def _entries(raw: Any) -> dict[str, Mapping[str, str]]:
    return {str(slug): {name: str(value) for name, value in entry.items()} for slug, entry in raw.items()}


class IndexFromFolder:
    """The index of the site that this process serves; read again when a build has replaced it."""

    def __init__(self, site_dir: Path) -> None:
        self._site_dir = site_dir
        self._stamp: tuple[int, ...] = ()
        self._index = PublicIndex()

    async def current(self) -> PublicIndex:
        """The index of the site as it is now; the last good one while a build is under way."""
        return self.read()

    def read(self) -> PublicIndex:
        """As current; two stat calls when nothing is new."""
        folder = Path(os.path.realpath(self._site_dir))  # builds flip a link: both files from the same tree
        try:
            stamps = [(folder / name).stat() for name in (INDEX_FILE, SHELL_FILE)]
            stamp = tuple(number for stat in stamps for number in (stat.st_mtime_ns, stat.st_ino, stat.st_size))
            if stamp != self._stamp:
                self._index = parse((folder / INDEX_FILE).read_text(), (folder / SHELL_FILE).read_text())
                self._stamp = stamp
        except (OSError, ValueError) as error:
            log.warning("site_unreadable", reason=str(error))
        return self._index

    def known(self) -> PublicIndex:
        """As current, for callers that cannot wait."""
        return self.read()

    async def knowing(self, kind: str, slug: str) -> PublicIndex:
        """As current: a folder is never behind."""
        return self.read()


class IndexFromSite:
    """The index of a site that lies elsewhere; fetched again each minute, the last good copy kept in var/."""

    def __init__(self, site_url: str, var_dir: Path, client: httpx2.AsyncClient) -> None:
        self._site_url = site_url
        self._kept = var_dir / INDEX_FILE, var_dir / SHELL_FILE
        self._client = client
        self._etags: dict[str, str] = {}
        self._bodies: dict[str, str] = {}
        self._asked = float("-inf")
        self._lock = asyncio.Lock()
        self._index: PublicIndex | None = None

    async def current(self) -> PublicIndex:
        """The index, at most a minute old where the site answers."""
        return await self._not_older_than(REFRESH_SECONDS)

    def known(self) -> PublicIndex:
        """The index as it was last seen."""
        return self._index or PublicIndex()

    async def knowing(self, kind: str, slug: str) -> PublicIndex:
        """The index; asked for anew when it does not know the slug (`kind` is posts or whitepapers)."""
        index = await self.current()
        return index if slug in getattr(index, kind) else await self._not_older_than(UNKNOWN_SLUG_SECONDS)

    async def _not_older_than(self, seconds: float) -> PublicIndex:
        async with self._lock:
            if self._index is None:
                self._index = self._last_good()
            if time.monotonic() - self._asked >= seconds:
                self._asked = time.monotonic()
                await self._fetch()
            return self._index

    def _last_good(self) -> PublicIndex:
        try:
            return parse(*(path.read_text() for path in self._kept))
        except (OSError, ValueError):
            return PublicIndex()

    async def _fetch(self) -> None:
        try:
            index, shell = [await self._body(name) for name in (INDEX_FILE, SHELL_FILE)]
            self._index = parse(index, shell)
            for path, text in zip(self._kept, (index, shell), strict=True):
                _replace(path, text)
        except (httpx2.HTTPError, OSError, ValueError) as error:
            log.warning("site_unreachable", site=self._site_url, reason=str(error) or type(error).__name__)

    async def _body(self, name: str) -> str:
        headers = {"If-None-Match": self._etags[name]} if name in self._etags else {}
        async with self._client.stream("GET", f"{self._site_url}/{name}", headers=headers) as answer:
            if answer.status_code == httpx2.codes.NOT_MODIFIED:
                return self._bodies[name]
            answer.raise_for_status()
            received = bytearray()
            async for part in answer.aiter_bytes():
                received += part
                if len(received) > LARGEST:
                    raise ValueError(f"{name} is larger than {LARGEST} bytes")
            self._bodies[name] = received.decode()
            self._etags.pop(name, None)
            if etag := answer.headers.get("etag"):
                self._etags[name] = etag
            return self._bodies[name]


def _replace(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_text(text)
    fresh.replace(path)


Index = IndexFromFolder | IndexFromSite
