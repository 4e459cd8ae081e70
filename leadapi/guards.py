"""What stands between the wire and every handler: sizes, times, headers and other sites' forms.

FastAPI bounds neither how large a body is nor how slowly it comes, and it knows nothing of our headers. These are
small ASGI layers, so that what they promise holds for every answer, errors and files included; what lies below
the application is in wire.
"""

import asyncio
from collections.abc import Awaitable, Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from leadapi.errors import AppError, Forbidden, TooLarge, TooSlow
from leadapi.languages import _

LARGEST_BODY = 64 * 1024
BODY_SECONDS = 30.0

PLAIN_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
}
"""On every answer, with the policy below; netlify.toml says the same of what Netlify serves."""


def content_security_policy(style_hash: str) -> str:
    """What a page of ours may load (CSP Level 3): our own files, and the one inline style with this hash."""
    style = f"'self' '{style_hash}'" if style_hash else "'self'"
    return (
        f"default-src 'none'; script-src 'self'; style-src {style}; img-src 'self' data:; font-src 'self'; "
        "connect-src 'self'; form-action 'self'; manifest-src 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


class SecurityHeaders:
    """Puts the headers on every answer; `style_hash` is asked at each one, since a build may change it."""

    def __init__(self, app: ASGIApp, style_hash: Callable[[], str]) -> None:
        self.app = app
        self.style_hash = style_hash

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass through, with headers."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        private = scope["path"].startswith(("/api/", "/admin"))

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in PLAIN_HEADERS.items():
                    headers[name] = value
                headers.setdefault("Content-Security-Policy", content_security_policy(self.style_hash()))
                if private:
                    headers.setdefault("Cache-Control", "private, no-store")
                    headers.setdefault("X-Robots-Tag", "noindex")
            await send(message)

        await self.app(scope, receive, send_with_headers)


class BodyLimits:
    """Refuses a body that is larger than LARGEST_BODY or takes longer than BODY_SECONDS, while it streams in.

    `answer` turns the error into a response: error_responses is the one place that knows how.
    """

    def __init__(self, app: ASGIApp, answer: Callable[[Request, AppError], Awaitable[Response]]) -> None:
        self.app = app
        self.answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass through, counting."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        deadline = asyncio.get_running_loop().time() + BODY_SECONDS
        received, started, whole = 0, False, False

        async def receive_bounded() -> Message:
            nonlocal received, whole
            if whole:
                return await receive()
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError:
                raise TooSlow(
                    _("The request took longer than %(seconds)s seconds to arrive.", seconds=int(BODY_SECONDS))
                ) from None
            if message["type"] == "http.request":
                received += len(message.get("body", b""))
                whole = not message.get("more_body", False)
                if received > LARGEST_BODY:
                    raise _too_large()
            return message

        async def send_noting(message: Message) -> None:
            nonlocal started
            started = True
            if message["type"] == "http.response.start" and not whole:
                # Bytes of an unread body must not be taken for the next request (RFC 9112, 9.3).
                MutableHeaders(scope=message)["Connection"] = "close"
            await send(message)

        try:
            length = Headers(scope=scope).get("content-length", "0")
            if length.isdecimal() and int(length[:20]) > LARGEST_BODY:
                raise _too_large()
            whole = length == "0" and "transfer-encoding" not in Headers(scope=scope)
            await self.app(scope, receive_bounded, send_noting)
        except ClientDisconnect:  # nobody is left to be answered, and no fault of ours
            return
        except AppError as error:
            if started:
                raise
            await (await self.answer(Request(scope), error))(scope, receive, send_noting)


class LastResort:
    """Answers what nobody foresaw: a 500 with one sentence, and the trace in the log instead of on the page."""

    def __init__(self, app: ASGIApp, answer: Callable[[Request, Exception], Awaitable[Response]]) -> None:
        self.app = app
        self.answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass through, and catch."""
        started = False

        async def send_noting(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, send_noting)
        except Exception as error:  # the last place where it can become an answer
            if started or scope["type"] != "http":
                raise
            await (await self.answer(Request(scope), error))(scope, receive, send)


def _too_large() -> TooLarge:
    return TooLarge(
        _("The request is too large: at most %(most)s kB can be sent at once.", most=LARGEST_BODY // 1024)
    )


def refuse_other_sites(request: Request, own_origin: str) -> None:
    """Raise Forbidden for a form that another site sent (a browser says so; other programs send neither header).

    Origin: RFC 6454, 7; Sec-Fetch-Site: W3C Fetch Metadata. Our own are the site's origin and this host's.
    """
    origin, fetch_site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    own = {
        _as_browsers_say(own_origin),
        f"http://{request.headers.get('host')}",
        f"https://{request.headers.get('host')}",
    }
    if (origin is not None and origin not in own) or (origin is None and fetch_site == "cross-site"):
        raise Forbidden(
            _("This form was sent by another site. Please use the form on our own page."), code="other_site"
        )


def _as_browsers_say(origin: str) -> str:
    """In lower case, and without the port that goes without saying (RFC 6454, 6.2)."""
    origin = origin.lower()
    usual = {"http": ":80", "https": ":443"}.get(origin.partition("://")[0])
    return origin.removesuffix(usual) if usual else origin
