"""What the site says of itself: which posts, whitepapers and pages exist, and the page that ours are dressed in.

The build writes public-index.json and page-shell.html at the site's root. Where this process serves the site, they
are read from its folder; elsewhere they are fetched from the site, and the last good copy is kept in var/, since
the service has to go on while the site is away. This is all that the service knows about the site.
"""

import asyncio
import json
import os
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import structlog

from leadapi.tables import LONGEST_EDITION, LONGEST_SLUG
from leadapi.typed_text import printable

INDEX_FILE, SHELL_FILE = "public-index.json", "page-shell.html"
REFRESH_SECONDS = 60.0
"""How often the site elsewhere is asked what is new."""

UNKNOWN_SLUG_SECONDS = 5.0
"""How soon it is asked again because somebody named a post that we do not know: it may be newer than our copy."""

WAIT_SECONDS, FIRST_WAIT_SECONDS, FETCH_SECONDS = 2.0, 10.0, 30.0
"""How long a request waits for the site, with a copy that is older and with none; when a fetch is given up."""

LARGEST = 32 * 1024 * 1024

_OF_POST = ("title", "url", "language", "comments")
_OF_WHITEPAPER = ("title", "summary", "url", "thanks_url", "language", "edition")
_OF_PAGE = ("title", "url")
_OF_CONSENT = ("language", "text")

FIELDS = ("name", "company", "job_title", "phone", "country")
"""What a whitepaper's form may ask for beside the address."""

USUAL_FIELDS = {"name": "required", "company": "optional"}
"""What is asked for where the index does not say."""

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
    fields: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By whitepaper, what its form asks for beside the address: "required" or "optional" by field."""
    consents: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By version, the language and text of every box that was ever shown; the last of a language is shown now."""
    shell: str | None = None
    """The page that ours are dressed in; None until the site has been seen once."""


def parse(index: str, shell: str) -> PublicIndex:
    """The two files as one value. Raises ValueError when they are not what a build writes.

    A post or whitepaper that the database could not store is left out and logged: the others go on.
    """
    try:
        raw = json.loads(index)
        if raw["version"] != 1:
            raise ValueError(f"{INDEX_FILE} is of version {raw['version']!r}, not 1")
        site = raw["site"]
        if "[[shell:main]]" not in shell:
            raise ValueError(f"{SHELL_FILE} has no place for a page's text")
        style_hash, comments_etag = _text(raw["style_hash"]), raw["comments_etag"]
        if not re.fullmatch(r"[A-Za-z0-9+/=_-]*", style_hash):
            raise ValueError(f"{INDEX_FILE} has a style_hash that no header can carry")
        return PublicIndex(
            site_name=_text(site["name"]),
            site_url=_text(site["url"]),
            language=_text(site["language"]),
            style_hash=style_hash,
            comments_etag=None if comments_etag is None else _text(comments_etag),
            posts=_entries("posts", raw["posts"], _OF_POST),
            whitepapers=_entries("whitepapers", raw["whitepapers"], _OF_WHITEPAPER),
            pages=_entries("pages", raw["pages"], _OF_PAGE),
            fields={slug: _asked(entry.get("fields")) for slug, entry in raw["whitepapers"].items()},
            consents=_entries("consents", raw.get("consents", {}), _OF_CONSENT),
            shell=shell,
        )
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"{INDEX_FILE} is not what a build writes: {error!r}") from error


def _entries(kind: str, raw: Any, names: Sequence[str]) -> dict[str, Mapping[str, str]]:
    entries: dict[str, Mapping[str, str]] = {
        _text(slug): {name: _text(entry[name]) for name in names} for slug, entry in raw.items()
    }
    for slug, entry in list(entries.items()):
        reason = _unstorable("slug", slug, LONGEST_SLUG)
        if reason := reason or _unstorable("edition", entry.get("edition", ""), LONGEST_EDITION):
            log.warning("index_entry_left_out", kind=kind, slug=slug[:80], reason=reason)
            del entries[slug]
    return entries


def _asked(raw: Any) -> dict[str, str]:
    if raw is None:
        return USUAL_FIELDS
    return {name: _text(raw[name]) for name in FIELDS if name in raw}


def _unstorable(what: str, text: str, longest: int) -> str | None:
    """Why the database could not keep the text, or None."""
    if len(text) > longest:
        return f"its {what} has {len(text)} characters; at most {longest} can be stored"
    return f"its {what} holds a sign that cannot be stored" if printable(text) != text else None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    value.encode()  # half a surrogate pair can be written in JSON, and then not be sent to anybody
    return value


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
                texts = [(folder / name).read_text(encoding="utf-8") for name in (INDEX_FILE, SHELL_FILE)]
                self._stamp = stamp  # good or not: the same files are not read and complained of again
                self._index = parse(*texts)
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
    """The index of a site that lies elsewhere; asked for again each minute, the last good copy kept in var/.

    Requests share one fetch. They wait for it a moment, so that they see what is new; a site that is slow or away
    delays nobody for longer, since the copy that is known goes on.
    """

    def __init__(self, site_url: str, var_dir: Path, client: httpx2.AsyncClient) -> None:
        self._site_url = site_url
        self._kept = var_dir / INDEX_FILE, var_dir / SHELL_FILE
        self._client = client
        self._etags: dict[str, str] = {}
        self._bodies: dict[str, str] = {}
        self._asked = float("-inf")
        self._fetching: asyncio.Task[None] | None = None
        self._index: PublicIndex | None = None
        self._written: tuple[str, ...] = ()

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
            texts = tuple(path.read_text(encoding="utf-8") for path in self._kept)
            index = parse(*texts)
        except (OSError, ValueError):
            return PublicIndex()
        self._written = texts
        return index

    async def _fetch(self) -> None:
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                texts = tuple([await self._body(name) for name in (INDEX_FILE, SHELL_FILE)])
            if texts != self._written:
                self._index = parse(*texts)
                for path, text in zip(self._kept, texts, strict=True):
                    _replace(path, text)
                self._written = texts
        except Exception as error:  # whatever the site or the disk has: the index that is known goes on
            log.warning("site_unreachable", site=self._site_url, reason=str(error) or type(error).__name__)
        finally:
            self._fetching = None

    async def _body(self, name: str) -> str:
        headers = {"If-None-Match": self._etags[name]} if name in self._etags else {}
        url = f"{self._site_url}/{name}"
        async with self._client.stream("GET", url, headers=headers, follow_redirects=True) as answer:
            if answer.url.scheme != httpx2.URL(url).scheme == "https":
                raise ValueError(f"{name} is sent on to {answer.url}, which is not https")
            if headers and answer.status_code == httpx2.codes.NOT_MODIFIED:
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
    fresh.write_text(text, encoding="utf-8", newline="")
    fresh.replace(path)


Index = IndexFromFolder | IndexFromSite
