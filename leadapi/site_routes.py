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

from fastapi import APIRouter
from sqlalchemy import text
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.staticfiles import NotModifiedResponse, StaticFiles
from starlette.types import Scope

from leadapi import rate_limits
from leadapi.request_scope import NowDep, StoreDep

FINGERPRINTED = re.compile(r"\.[0-9a-f]{8,}\.\w+$")
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
}

router = APIRouter(include_in_schema=False)


@router.api_route("/healthz", methods=["GET", "HEAD"])
async def alive() -> PlainTextResponse:
    """The process answers."""
    return PlainTextResponse("ok\n", headers={"Cache-Control": "no-store"})


@router.api_route("/readyz", methods=["GET", "HEAD"])
async def ready(store: StoreDep, now: NowDep) -> JSONResponse:
    """The database can be read and written: a small write is made. 503 where it cannot."""
    await store.write(rate_limits.forget_old, now)
    await store.read(lambda connection, _: connection.execute(text("SELECT 1")).scalar_one(), None)
    return JSONResponse({"status": "ready"}, headers={"Cache-Control": "no-store"})


class SiteFiles(StaticFiles):
    """The site's folder, with index.html for folders and 404.html for what is not there."""

    def __init__(self, site_dir: Path) -> None:
        super().__init__(directory=site_dir, html=True, check_dir=False)
        self._packed: OrderedDict[tuple[str, int, int], bytes] = OrderedDict()

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file, 304, a redirect to the folder, or the site's own 404 page."""
        try:
            return await super().get_response(path, scope)
        except HTTPException as error:
            if error.status_code == 405:
                raise HTTPException(405, headers={"Allow": "GET, HEAD"}) from error
            raise
        except (ValueError, UnicodeError):  # NUL and the like cannot be in a file's name
            raise HTTPException(404) from None

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        """One file; packed where that helps and the client can unpack."""
        name, asked = os.fspath(full_path), Headers(scope=scope)
        kept = FINGERPRINTED.search(name)
        headers = {"Cache-Control": "public, max-age=31536000, immutable" if kept else "no-cache"}
        response: Response = FileResponse(name, status_code, headers, _type(name), stat_result=stat_result)
        kind = response.headers["content-type"]
        if kind.startswith(PACKED_TYPES):
            response.headers["Vary"] = "Accept-Encoding"
            if "gzip" in asked.get("accept-encoding", "") and "range" not in asked:
                response = self._pack(name, stat_result, scope["method"] == "HEAD", status_code, response.headers)
        if status_code == 200 and self.is_not_modified(response.headers, asked):
            return NotModifiedResponse(response.headers)
        return response

    def _pack(
        self, name: str, stat: os.stat_result, head: bool, status: int, headers: Mapping[str, str]
    ) -> Response:
        key = (name, stat.st_mtime_ns, stat.st_size)
        packed = self._packed.get(key)
        if packed is None:
            packed = self._packed[key] = gzip.compress(Path(name).read_bytes(), 9, mtime=0)
            while len(self._packed) > KEPT_FILES:
                self._packed.popitem(last=False)
        taken = {k: v for k, v in headers.items() if k not in ("content-length", "etag", "accept-ranges")}
        taken |= {"Content-Encoding": "gzip", "ETag": headers["etag"].removesuffix('"') + '-gz"'}
        taken["Content-Length"] = str(len(packed))
        return Response(b"" if head else packed, status, taken)


def _type(name: str) -> str | None:
    return next((kind for ending, kind in TYPES.items() if name.endswith(ending)), None)
