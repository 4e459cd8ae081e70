"""What stands between a client's bytes and the application: how long we wait, and how much we take.

uvicorn bounds neither how slowly a client sends and reads nor how much of a request is not its body.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from leadapi.guards import PLAIN_HEADERS, content_security_policy

HEADER_SECONDS = 30.0
LARGEST_HEADERS = 64 * 1024

READER_SECONDS = 60.0
"""How long a client may take to read what a buffer of ours holds."""

REST_SECONDS, LARGEST_REST = 5.0, 8 * 1024 * 1024
"""How long, and how much, a client may go on sending after an answer that ends the connection."""


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol, with an end to waiting for a client, and a bound on all that is not a body.

    Its own keep-alive time-out starts only after an answer and ends with the next byte; a client that opens a
    connection and sends a byte now and then, or reads none, would stay for ever. Sizes of headers, of trailers and
    of what stands between the chunks of a body (RFC 9112, 7.1) are bounded nowhere else.
    """

    _headers_due: asyncio.TimerHandle | None = None
    _reader_due: asyncio.TimerHandle | None = None
    _beside_body = 0
    _whole = True  # no request has begun that has not ended
    _in_body = False  # the newest request's headers are here, its last byte is not
    _deaf = False  # nothing that comes now is read

    def connection_made(self, transport: Any) -> None:
        """A new connection: its first headers are awaited."""
        super().connection_made(_PatientTransport(transport, self))  # type: ignore[arg-type] # what is used of one
        self._await_headers()

    def data_received(self, data: bytes) -> None:
        """Bytes from the wire; those beside the body are counted."""
        if self._deaf:
            self.transport.discarded(len(data))  # type: ignore[attr-defined]
            return
        if self._headers_due is None and not self._answering():
            self._await_headers()  # bytes between two requests count as waiting too
        self._beside_body += len(data)
        super().data_received(data)
        if self._beside_body > LARGEST_HEADERS:
            self._refuse_newest("431 Request Header Fields Too Large", "The headers of the request are too large.")

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        super().on_message_begin()
        self._whole, self._in_body = False, False
        if self._headers_due is None:
            self._await_headers()

    def on_headers_complete(self) -> None:
        """The headers are here."""
        self._stop_waiting()
        super().on_headers_complete()
        self._in_body = True

    def on_body(self, body: bytes) -> None:
        """A part of the body; BodyLimits counts it."""
        self._beside_body -= len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is here to its last byte."""
        self._whole, self._in_body, self._beside_body = True, False, 0
        super().on_message_complete()

    def pause_writing(self) -> None:
        """The client reads more slowly than we write."""
        super().pause_writing()
        self._reader_due = self.loop.call_later(READER_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """The client has read what waited."""
        super().resume_writing()
        self._stop_waiting_for_reader()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._stop_waiting()
        self._stop_waiting_for_reader()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """What came is not HTTP."""
        self._refuse_newest("400 Bad Request", "This request cannot be read: it is not HTTP/1.1.")

    def _answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _await_headers(self) -> None:
        self._beside_body = 0
        self._headers_due = self.loop.call_later(HEADER_SECONDS, self._headers_are_late)

    def _stop_waiting(self) -> None:
        if self._headers_due is not None:
            self._headers_due.cancel()
            self._headers_due = None

    def _stop_waiting_for_reader(self) -> None:
        if self._reader_due is not None:
            self._reader_due.cancel()
            self._reader_due = None

    def _headers_are_late(self) -> None:
        if self._answering():  # an answer to an earlier request is not cut short
            self._headers_due = self.loop.call_later(HEADER_SECONDS, self._headers_are_late)
        else:
            self._refuse("408 Request Timeout", "The request took too long to arrive.")

    def _refuse_newest(self, status: str, sentence: str) -> None:
        """Refuse what is arriving; requests that came before it are answered, then the connection ends."""
        its_own = self._in_body and not self.cycle.response_started and not self.pipeline
        if self._answering() and not its_own:
            self._deaf, self.cycle.keep_alive = True, False
        else:
            self._refuse(status, sentence)

    def _refuse(self, status: str, sentence: str) -> None:
        """Answer below the application, where there is no request that it could be asked about."""
        self._stop_waiting()
        self._deaf = True
        if self.transport.is_closing():
            return
        if self._answering():
            silent = bool(self.pipeline) or self.cycle.response_started
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            if silent:
                self.transport.abort()
                return
        headers = PLAIN_HEADERS | {
            "Content-Security-Policy": content_security_policy(""),
            "Content-Type": "text/plain; charset=utf-8",
            "Content-Length": str(len(sentence) + 1),
            "Cache-Control": "no-store",
            "Connection": "close",
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self.transport.write(f"HTTP/1.1 {status}\r\n{head}\r\n{sentence}\n".encode())
        self.transport.close()


class _PatientTransport:
    """A transport that does not hang up on a client who is still sending (RFC 9112, 9.6).

    Closing with unread bytes resets the connection, and the client may lose the answer that says why. So our half
    is closed first, and what still comes is thrown away, for a bounded time and size.
    """

    def __init__(self, transport: asyncio.Transport, protocol: BoundedProtocol) -> None:
        self._transport = transport
        self._protocol = protocol
        self._left = LARGEST_REST
        self._end: asyncio.TimerHandle | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send, unless the client is gone: of requests sent in a row uvicorn tells only the last that it is."""
        if not self._transport.is_closing():
            self._transport.write(data)

    def is_closing(self) -> bool:
        """Whether nothing more can be written."""
        return self._end is not None or self._transport.is_closing()

    def close(self) -> None:
        """Close our half, and all of it once the client has nothing more to send. A second time: at once."""
        sending = not self._protocol._whole or self._protocol._deaf
        if self._end is None and sending and not self._transport.is_closing() and self._transport.can_write_eof():
            self._protocol._deaf = True
            self._transport.write_eof()
            self._transport.resume_reading()
            self._end = self._protocol.loop.call_later(REST_SECONDS, self._transport.abort)
        else:
            self._transport.close()

    def discarded(self, size: int) -> None:
        """So many bytes came after the answer."""
        self._left -= size
        if self._left < 0:
            self._transport.abort()
