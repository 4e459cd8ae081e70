"""One line for each answer, without a word about who asked: method, route, status, milliseconds.

The status is 0 where the client went away before there was one.
The route's template stands in the log and not the address: a mailed link's token in a log would be a key.
"""

import time

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = structlog.get_logger()


class AccessLog:
    """Writes the line when the answer is out."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass through, and note."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = time.perf_counter(), 0

        async def send_noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, send_noting)
        finally:
            took = round((time.perf_counter() - began) * 1000, 1)
            route = getattr(scope.get("route"), "path", None) or "site"
            log.info("answered", method=scope["method"][:10], route=route, status=status, ms=took)
