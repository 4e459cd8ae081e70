"""One request to another system: to an address that was judged, within ten seconds, and little of the answer read.

No redirect is followed: where it leads was judged by nobody, and a receiver that moves is told to the owner. No
proxy of the environment is used either, since it would look the name up by itself. Every request is a new
connection, as one that is kept open belongs to an address and not to the name whose certificate was checked.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import httpx2

from leadapi.clock import now
from leadapi.webhook_targets import Address, Networks, Resolve, checked, look_up

SECONDS = 10.0
"""From the look-up of the name to the last byte that is read."""

CONNECT_SECONDS = 4.0
"""For one address of several."""

MOST_READ = 64 * 1024
LONGEST_WAIT = 24 * 3600
"""Seconds: how long a receiver may ask us to wait (RFC 9110, 10.2.3)."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the first bytes of the body, and how many seconds we are asked to wait."""

    status: int
    body: bytes = b""
    retry_after: int | None = None


Ask = Callable[[Request], Awaitable[Answer]]


def asker(allowed: Networks, tls: ssl.SSLContext | None = None, resolve: Resolve = look_up) -> Ask:
    """The way out. It raises TargetRefused, TimeoutError, or what the network raises."""
    context = tls or ssl.create_default_context()

    async def ask(request: Request) -> Answer:
        try:
            async with asyncio.timeout(SECONDS):
                url = httpx2.URL(request.url)
                port = url.port or (443 if url.scheme == "https" else 80)
                host = url.raw_host.decode()
                found = await checked(host, port, url.scheme, allowed, resolve)
                return await _first_answer(request, url, found, context)
        except (TimeoutError, httpx2.TimeoutException):
            raise TimeoutError(f"There was no whole answer within {SECONDS:.0f} seconds.") from None

    return ask


async def _first_answer(
    request: Request, url: httpx2.URL, found: list[Address], context: ssl.SSLContext
) -> Answer:
    """Of the first address that takes the connection."""
    for number, address in enumerate(found, 1):
        try:
            return await _answer(request, url, address, context)
        except (httpx2.ConnectError, httpx2.ConnectTimeout):
            if number == len(found):
                raise
    raise AssertionError("there is always an address")


async def _answer(request: Request, url: httpx2.URL, address: Address, context: ssl.SSLContext) -> Answer:
    headers = {
        "Host": url.netloc.decode(),
        "User-Agent": "leadapi",
        "Accept-Encoding": "identity",
        **request.headers,
    }
    async with httpx2.AsyncClient(
        verify=context, trust_env=False, timeout=httpx2.Timeout(SECONDS, connect=CONNECT_SECONDS)
    ) as client:
        outgoing = client.build_request(
            request.method,
            url.copy_with(host=str(address)),
            headers=headers,
            content=request.body,
            extensions={"sni_hostname": url.raw_host.decode()},  # whose certificate has to be shown
        )
        response = await client.send(outgoing, stream=True, follow_redirects=False)
        try:
            body = b""
            async for part in response.aiter_raw(chunk_size=8_192):
                body += part
                if len(body) >= MOST_READ:
                    break
            return Answer(response.status_code, body[:MOST_READ], _wait(response.headers.get("Retry-After")))
        finally:
            await response.aclose()


def _wait(text: str | None) -> int | None:
    """Seconds of a Retry-After, in either of its two forms, bounded; None where it says nothing of use."""
    if text is None:
        return None
    try:
        seconds = int(text) if text.isdecimal() else (parsedate_to_datetime(text) - now()).total_seconds()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return min(max(0, int(seconds)), LONGEST_WAIT)
