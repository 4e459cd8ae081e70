"""Serves the built site where this process is the blog's only server, and says whether the service is well.

The folder may be a link that a build turns to another tree; it is resolved at each request, so that one page comes
from one tree. Texts are packed once, at gzip's best, and kept while their file is the same.
"""

import gzip
import os
import re
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from urllib.parse import quote

from fastapi import APIRouter, Request
from sqlalchemy import text
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.staticfiles import NotModifiedResponse, StaticFiles
from starlette.types import Receive, Scope, Send

from leadapi import byte_ranges, rate_limits
from leadapi.request_scope import NowDep, StoreDep, wants_json

FINGERPRINTED = re.compile(r"\.(?=\d*[a-f])[0-9a-f]{8,}\.\w+$")  # digits alone may be a date
PACKED_TYPES = (
    "text/",
    "application/json",
    "application/feed+json",
    "application/xml",
    "application/atom+xml",
    "application/rss+xml",
    "application/javascript",
    "image/svg+xml",
)
KEPT_FILES = 512
TYPES = {
    ".atom": "application/atom+xml",
    ".rss": "application/rss+xml",
    "feed.json": "application/feed+json",
    # What Python knows only where the system has a list of its own.
    ".avif": "image/avif",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
    ".webmanifest": "application/manifest+json",
}

router = APIRouter(include_in_schema=False)


@router.api_route("/healthz", methods=["GET", "HEAD"])
async def alive() -> PlainTextResponse:
    """The process answers."""
    return PlainTextResponse("ok\n", headers={"Cache-Control": "no-store"})


@router.api_route("/readyz", methods=["GET", "HEAD"])
async def ready(store: StoreDep, now: NowDep) -> JSONResponse:
    """The database can be read and written: a row is written. 503 where it cannot."""
    await store.write(rate_limits.probe, now)
    await store.read(lambda connection, _: connection.execute(text("SELECT 1")).scalar_one(), None)
    return JSONResponse({"status": "ready"}, headers={"Cache-Control": "no-store"})


class ToTheSite:
    """Leads to the blog whoever follows its links from our own pages, where these stand at an address of ours."""

    def __init__(self, site_url: str) -> None:
        self.site_url = site_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A redirect to the same path of the site; our own rooms lead nowhere else."""
        path = scope["path"]
        if scope["method"] not in ("GET", "HEAD") or path.startswith(("/api/", "/admin/")):
            raise HTTPException(404)
        await RedirectResponse(f"{self.site_url}{quote(path)}", 302)(scope, receive, send)


class SiteFiles(StaticFiles):
    """The site's folder, with index.html for folders and 404.html for what is not there."""

    def __init__(self, site_dir: Path) -> None:
        super().__init__(directory=site_dir, html=True, check_dir=False)
        self._site_dir = site_dir
        self._packed: OrderedDict[tuple[str, int, int], bytes] = OrderedDict()

    async def check_config(self) -> None:
        """A site that was not built yet is no fault: nothing is there."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file, 304, a redirect to the folder, or the site's own 404 page."""
        found = await run_in_threadpool(self._found, path)
        if found and S_ISDIR(found[1].st_mode):
            found = await run_in_threadpool(self._found, f"{path}/index.html")
            if found and not scope["path"].endswith("/") and scope["method"] in ("GET", "HEAD"):
                return RedirectResponse(_as_folder(scope))
        if found and scope["method"] not in ("GET", "HEAD"):
            raise HTTPException(405, headers={"Allow": "GET, HEAD"})
        try:
            if found and S_ISREG(found[1].st_mode):
                return await self._answer(*found, scope, 200)
            missing = await run_in_threadpool(self._found, "404.html")
            if missing and not scope["path"].startswith("/api/") and not wants_json(Request(scope)):
                return await self._answer(*missing, scope, 404)
        except FileNotFoundError:  # a build took it away just now
            pass
        raise HTTPException(404)

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        """A path below the folder, which is resolved once: Starlette does it twice, and a build may be between."""
        site = os.path.realpath(self._site_dir)
        full_path = os.path.realpath(os.path.join(site, path.lstrip("/\\")))  # noqa: PTH118 - it may hold NUL
        if os.path.commonpath([full_path, site]) != site:
            return "", None
        try:
            return full_path, os.stat(full_path)  # noqa: PTH116
        except (FileNotFoundError, NotADirectoryError):
            return "", None

    def _found(self, path: str) -> tuple[str, os.stat_result] | None:
        """The file or folder inside the site, as it is now; None for whatever cannot be one."""
        try:
            full_path, stat = self.lookup_path(path)
        except (OSError, ValueError):  # too long, a circle of links, not ours to read; NUL and the like
            return None
        return (full_path, stat) if stat else None

    async def _answer(self, name: str, stat: os.stat_result, scope: Scope, status: int) -> Response:
        """One file; packed where that helps and the client can unpack."""
        asked, kept = Headers(scope=scope), status == 200 and FINGERPRINTED.search(name)
        headers = {"Cache-Control": "public, max-age=31536000, immutable" if kept else "no-cache"}
        response: Response = _OpenedFile(name, status, headers, _type(name), stat_result=stat)
        if response.headers["content-type"].startswith(PACKED_TYPES):
            response.headers["Vary"] = "Accept-Encoding"
            if _can_unpack(asked.get("accept-encoding", "")) and "range" not in asked:
                packed = await run_in_threadpool(self._pack, name, stat)
                response = _with_body(packed, status, response.headers, scope["method"] == "HEAD")
        if status == 200 and self.is_not_modified(response.headers, asked):
            return NotModifiedResponse(response.headers)
        if status == 200:
            byte_ranges.keep_good(scope, response.headers)
        return response

    def _pack(self, name: str, stat: os.stat_result) -> bytes:
        key = (name, stat.st_mtime_ns, stat.st_size)
        packed = self._packed.get(key)
        if packed is None:
            packed = self._packed[key] = gzip.compress(Path(name).read_bytes(), 9, mtime=0)
            while len(self._packed) > KEPT_FILES:
                self._packed.popitem(last=False)
        return packed


class _OpenedFile(FileResponse):
    """A file that is opened before it is said how long it is: a build may exchange it at any moment."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with one file from its first header to its last byte. Raises HTTPException where it is gone."""
        try:
            opened = await run_in_threadpool(os.open, self.path, os.O_RDONLY)
        except OSError:
            raise HTTPException(404) from None
        try:
            self.stat_result = os.fstat(opened)
            for name in ("content-length", "last-modified", "etag"):
                del self.headers[name]
            self.set_stat_headers(self.stat_result)
            self.path = f"/dev/fd/{opened}"
            await super().__call__(scope, receive, send)
        finally:
            os.close(opened)


def _with_body(packed: bytes, status: int, headers: Mapping[str, str], head: bool) -> Response:
    taken = {k: v for k, v in headers.items() if k not in ("content-length", "etag", "accept-ranges")}
    taken |= {"Content-Encoding": "gzip", "ETag": headers["etag"].removesuffix('"') + '-gz"'}
    taken["Content-Length"] = str(len(packed))
    return Response(b"" if head else packed, status, taken)


def _can_unpack(accepted: str) -> bool:
    """Whether gzip is named, and not with a weight of nothing (RFC 9110, 12.5.3)."""
    for part in accepted.lower().split(","):
        coding, _, weight = part.partition(";")
        if coding.strip() == "gzip":
            return not re.fullmatch(r"\s*q\s*=\s*0(\.0*)?\s*", weight)
    return False


def _as_folder(scope: Scope) -> str:
    """The address with a slash at its end, without a host: ours may have another name outside.

    One slash at its beginning, since two would name a host.
    """
    query = scope["query_string"].decode("latin-1")
    return "/" + quote(scope["path"].strip("/")) + "/" + (f"?{query}" if query else "")


def _type(name: str) -> str | None:
    return next((kind for ending, kind in TYPES.items() if name.endswith(ending)), None)
