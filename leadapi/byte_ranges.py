"""Which parts of a file a request asks for (RFC 9110, 14), with one meaning wherever a file is sent."""

import re
from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import Scope

RANGES = re.compile(r"\s*bytes\s*=((?:\s*(?:\d{1,18}-\d{0,18}|-\d{1,18})\s*(?:,|$))+)", re.IGNORECASE)


def keep_good(scope: Scope, headers: Mapping[str, str]) -> None:
    """Leave in the request only the parts that are there (RFC 9110, 14.2). Raises 416 where none is.

    `headers` are those of the whole file. A Range that cannot be read, that counts in something other than bytes,
    that comes with another method than GET, or that is for another state of the file is passed over: the whole
    file is sent.
    """
    asked = Headers(scope=scope)
    if "range" not in asked:
        return
    size, states = int(headers["content-length"]), (headers["etag"], headers["last-modified"])
    others = [(name, value) for name, value in scope["headers"] if name != b"range"]
    parts = RANGES.fullmatch(asked["range"]) if scope["method"] == "GET" else None
    ranges = [part.strip().partition("-")[::2] for part in parts[1].split(",")] if parts else []
    backward = any(first and last and int(first) > int(last) for first, last in ranges)
    if not parts or backward or asked.get("if-range", headers["etag"]) not in states:
        scope["headers"] = others
        return
    there = [(first, last) for first, last in ranges if (int(first) < size if first else size and int(last))]
    if not there:
        raise HTTPException(416, "This part of the file is not there", {"Content-Range": f"bytes */{size}"})
    kept = ", ".join(f"{first}-{last}" for first, last in there)
    scope["headers"] = [*others, (b"range", f"bytes={kept}".encode())]
