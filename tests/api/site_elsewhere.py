"""A site that lies elsewhere, for tests of how the service reads it."""

import json
from collections.abc import Callable
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler
from typing import Any

from doors import INDEX, SHELL
from served import Served

NAMES = ("public-index.json", "page-shell.html")


def index_text(name: str = "The Blog", **changed: Any) -> str:
    """An index as a build writes it, of a blog of this name."""
    return json.dumps(INDEX | {"site": INDEX["site"] | {"name": name}} | changed)  # type: ignore[operator]


class Site(Served):
    """A real web server that holds the site's files and says what it was asked; `answer` may take over."""

    def __init__(self) -> None:
        self.files = dict(zip(NAMES, (index_text(), SHELL), strict=True))
        self.statuses: list[int] = []
        self.with_etags = True
        self.answer: Callable[[BaseHTTPRequestHandler], None] | None = None
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                (site.answer or site.serve)(self)

            def log_message(self, format: str, *arguments: object) -> None:
                """Say nothing."""

        super().__init__(Handler)
        self.url = self.origin

    def serve(self, request: BaseHTTPRequestHandler) -> None:
        text = self.files.get(request.path.lstrip("/"))
        if text is None:
            self.send(request, 404, {})
            return
        body = text.encode()
        etag = f'"{hash(body)}"' if self.with_etags else None
        if etag and request.headers["If-None-Match"] == etag:
            self.send(request, 304, {"ETag": etag})
        else:
            self.send(request, 200, {"ETag": etag} if etag else {}, body)

    def send(
        self, request: BaseHTTPRequestHandler, status: int, headers: dict[str, str], body: bytes = b""
    ) -> None:
        self.statuses.append(status)
        request.send_response(status)
        for name, value in {"Date": formatdate(usegmt=True), **headers}.items():
            request.send_header(name, value)
        if status != 304:
            request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    def asked(self) -> list[int]:
        """The statuses answered since the last look."""
        statuses, self.statuses = self.statuses, []
        return statuses
