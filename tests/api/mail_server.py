"""A real mail server on a port of its own, which answers as a test wants it to."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from leadapi.smtp import sender_to


@dataclass
class Mailbox:
    """What the server received; the answers in `at_…` are given first, one each, then everything is taken."""

    at_sender: list[str] = field(default_factory=list)
    at_recipient: list[str] = field(default_factory=list)
    at_letter: list[str] = field(default_factory=list)
    letters: list[bytes] = field(default_factory=list)
    receivers: list[str] = field(default_factory=list)
    passwords: list[bytes] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    connections: list[asyncio.Transport] = field(default_factory=list)
    hangs_up_after_letter: bool = False

    def let_in(
        self, server: SMTP, session: Any, envelope: Any, mechanism: str, given: LoginPassword
    ) -> AuthResult:
        self.passwords.append(given.password)
        return AuthResult(success=True)

    async def handle_EHLO(self, server: SMTP, session: Any, envelope: Any, name: str, answers: list[str]) -> Any:
        session.host_name = name
        if server.transport not in self.connections:
            self.connections.append(server.transport)
        return answers

    async def handle_MAIL(self, server: SMTP, session: Any, envelope: Any, address: str, options: Any) -> str:
        envelope.mail_from = address
        return self.at_sender.pop(0) if self.at_sender else "250 OK"

    async def handle_RCPT(self, server: SMTP, session: Any, envelope: Any, address: str, options: Any) -> str:
        answer = self.at_recipient.pop(0) if self.at_recipient else "250 OK"
        if answer.startswith("2"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:
        answer = self.at_letter.pop(0) if self.at_letter else "250 OK"
        if answer.startswith("2"):
            self.letters.append(envelope.original_content)
            self.receivers += envelope.rcpt_tos
            self.encrypted.append(server.transport.get_extra_info("sslcontext") is not None)
        if self.hangs_up_after_letter:
            server.transport.abort()
        return answer


class OldSMTP(SMTP):
    """A server that speaks its own country's letters in one byte each, as some still do."""

    async def push(self, status: Any) -> None:
        self._writer.write(str(status).encode("latin-1") + b"\r\n")
        await self._writer.drain()


@asynccontextmanager
async def mail_server(
    mailbox: Mailbox,
    kind: type[SMTP] = SMTP,
    *,
    tls: ssl.SSLContext | None = None,
    at_once: bool = False,
    host: str = "127.0.0.1",
    user: str = "",
) -> AsyncIterator[str]:
    """The address of a server, as MAIL_URL has it.

    With `tls` it offers STARTTLS, or speaks TLS `at_once`; it takes every password and keeps it in the mailbox.
    """
    loop = asyncio.get_running_loop()

    def protocol() -> SMTP:
        start_tls = None if at_once else tls
        return kind(
            mailbox,
            hostname="mail.example.com",
            tls_context=start_tls,
            authenticator=mailbox.let_in,
            auth_require_tls=False,
        )

    server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=tls if at_once else None)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield f"{'smtps' if at_once else 'smtp'}://{user}{host}:{port}"


async def carry(address: str, letter: EmailMessage) -> None:
    """Take one letter there, and leave."""
    async with sender_to(address) as send:
        await send(letter)
