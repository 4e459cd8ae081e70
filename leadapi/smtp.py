"""Takes the letters from the outbox to a mail server, or to .eml files where there is none.

A refusal for good of the receiver or the letter itself (RFC 5321, 4.2.1: a 5yz reply) ends the tries. Anything
else is tried again: no connection, a time-out, 4yz, and a server that refuses us (at its door, our sender, our
password), since then every letter is refused, and the owner can mend it. The letter keeps its Message-ID, so that
one that arrives twice can be seen to be one.

A password leaves only for this machine, or over TLS whose certificate is good (RFC 8314, 3); until the server has
it, letters wait. Without a password TLS is used where the server has it, whatever its certificate: against whoever
only listens it beats clear text, and mail between servers knows no better (RFC 7435, RFC 3207, 4.1).
"""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

import aiosmtplib
import structlog

from leadapi.clock import now
from leadapi.errors import ReceiverRefused, RefusedForGood
from leadapi.settings import is_loopback

Send = Callable[[EmailMessage], Awaitable[None]]


class _Policy(EmailPolicy):
    """Links in headers are not encoded, however long they are: programs read them as they are (RFC 2369, 2)."""

    def fold(self, name: str, value: Any) -> str:
        return f"{name}: {value}{self.linesep}" if name in AS_THEY_ARE else super().fold(name, value)

    def fold_binary(self, name: str, value: Any) -> bytes:
        return self.fold(name, value).encode() if name in AS_THEY_ARE else super().fold_binary(name, value)


AS_THEY_ARE = ("List-Unsubscribe", "List-Unsubscribe-Post")
POLICY = _Policy(linesep="\r\n", cte_type="7bit")  # any server can carry it, also one without 8BITMIME (RFC 6152)
LONGEST_SENDER_NAME = 60
TIMEOUT_SECONDS = 30.0

KEEP_SECONDS = 5.0
"""How long a connection waits for another letter."""

QUIT_SECONDS = 2.0

ABOUT_US = (530, 534, 535, 538)
"""Replies that ask us to sign in, wherever they come (RFC 4954, 6)."""

ENHANCED = re.compile(r"5\.(\d{1,3})\.\d{1,3}\b")
"""Whom a refusal is about: 1 the address, 7 a policy, such as against our network (RFC 3463, 3)."""

log = structlog.get_logger()


def message(payload: dict[str, Any], mail_from: str, sender_name: str) -> EmailMessage:
    """The letter as the outbox stores it (to, subject, text, html, message_id) as a multipart message.

    It may hold `language`, the one that it is in; `until`, the moment (ISO 8601) from which on it is of no use;
    and `unsubscribe`, a link, where nobody asked for it. Raises RefusedForGood when it is too late, and where a
    header would be two (RFC 5322, 2.2).
    """
    if (until := payload.get("until")) and now() >= datetime.fromisoformat(until):
        raise RefusedForGood(f"It is too late for this letter: it was of use until {until}.")
    letter = EmailMessage(policy=POLICY)
    # A parsed name loses its quotes where it is encoded or folded, and a comma in it would begin a second address.
    letter["From"] = Address(" ".join(sender_name.split())[:LONGEST_SENDER_NAME], addr_spec=mail_from)
    for header, field in (("To", "to"), ("Subject", "subject"), ("Message-ID", "message_id")):
        if "\n" in payload[field] or "\r" in payload[field]:
            raise RefusedForGood(f"The field {field} holds a line break.")
        letter[header] = payload[field]
    if "unsubscribe" in payload:
        letter["List-Unsubscribe"] = f"<{_link(payload['unsubscribe'])}>"
        letter["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"  # RFC 8058
    letter["Date"] = format_datetime(now())
    letter["Auto-Submitted"] = "auto-generated"  # RFC 3834: no vacation answers, please
    letter.set_content(payload["text"])
    letter.add_alternative(payload["html"], subtype="html")
    if language := payload.get("language"):  # at the end: the parts take what begins with Content- with them
        letter["Content-Language"] = language  # RFC 3282
    return letter


def _link(text: str) -> str:
    if not re.fullmatch(r"https?://[!-;=?-~]{1,900}", text):
        raise RefusedForGood("The link to unsubscribe is none.")
    return text


@asynccontextmanager
async def sender_to(mail_url: str) -> AsyncIterator[Send]:
    """How letters leave: smtp:// (STARTTLS), smtps:// (TLS at once) or file:///folder.

    Each try raises RefusedForGood, or what the library raises; the letter then waits.
    """
    address = urlsplit(mail_url)
    if address.scheme == "file":
        yield _to_files(Path(unquote(address.path)))
        return
    connections = _Connections(address)
    try:
        yield connections.send
    finally:
        await connections.close()


class _Connections:
    """Connections to the mail server; one that has carried a letter is kept for the next, for a little while."""

    def __init__(self, address: SplitResult) -> None:
        self._address, self._host = address, address.hostname or ""
        self._at_once = address.scheme == "smtps"
        self._secured = (self._at_once or bool(address.username)) and not is_loopback(self._host)
        self._context = ssl.create_default_context()
        if not self._secured:
            self._context.check_hostname = False
            self._context.verify_mode = ssl.CERT_NONE
        self._idle: list[tuple[aiosmtplib.SMTP, asyncio.TimerHandle]] = []
        self._leaving: set[asyncio.Task[None]] = set()

    async def send(self, letter: EmailMessage) -> None:
        try:
            client = await self._kept() or await self._fresh()
            try:
                sender, receivers = (
                    [address.addr_spec for address in letter[header].addresses] for header in ("From", "To")
                )
                await client.sendmail(sender[0], receivers, letter.as_bytes())  # send_message would encode links
            except BaseException:
                client.close()
                raise
        except aiosmtplib.SMTPRecipientsRefused as error:
            raise _judged(error, error.recipients) from error
        except aiosmtplib.SMTPDataError as error:
            raise _judged(error, [error]) from error
        except (aiosmtplib.SMTPException, ssl.SSLError) as error:
            if self._secured and (why := _why_insecure(error)):
                log.warning("letters_wait", reason=f"The mail server {self._host} {why}, so letters wait.")
            raise
        self._keep(client)

    async def close(self) -> None:
        """Take leave of the server."""
        for client, timer in self._idle:
            timer.cancel()
            self._leave(client)
        self._idle.clear()
        await asyncio.gather(*self._leaving)

    async def _fresh(self) -> aiosmtplib.SMTP:
        user, password = self._address.username, self._address.password
        client = aiosmtplib.SMTP(
            hostname=self._host,
            port=self._address.port or (465 if self._at_once else 587),
            username=unquote(user) if user else None,
            password=unquote(password) if password else None,
            use_tls=self._at_once,
            start_tls=True if self._secured and not self._at_once else None,  # None: where the server has it
            tls_context=self._context,
            timeout=TIMEOUT_SECONDS,
        )
        try:
            await client.connect()
        except BaseException:
            client.close()
            raise
        return client

    async def _kept(self) -> aiosmtplib.SMTP | None:
        """A connection that still answers: asked before a letter is trusted to it, since servers hang up."""
        while self._idle:
            client, timer = self._idle.pop()
            timer.cancel()
            try:
                await client.rset()
            except (aiosmtplib.SMTPException, OSError):
                client.close()
            except BaseException:
                client.close()
                raise
            else:
                return client
        return None

    def _keep(self, client: aiosmtplib.SMTP) -> None:
        timer = asyncio.get_running_loop().call_later(KEEP_SECONDS, self._too_old, client)
        self._idle.append((client, timer))

    def _too_old(self, client: aiosmtplib.SMTP) -> None:
        self._idle = [kept for kept in self._idle if kept[0] is not client]
        self._leave(client)

    def _leave(self, client: aiosmtplib.SMTP) -> None:
        task = asyncio.create_task(_quit(client))
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)


async def _quit(client: aiosmtplib.SMTP) -> None:
    try:
        await client.quit(timeout=QUIT_SECONDS)
    except (aiosmtplib.SMTPException, OSError):
        pass
    finally:
        client.close()


def _why_insecure(error: Exception) -> str:
    """What the server lacks, as the end of "the mail server …"; nothing for every other failure."""
    certificate = error.__cause__ if isinstance(error, aiosmtplib.SMTPConnectError) else error
    if isinstance(certificate, ssl.SSLCertVerificationError):
        return f"has a certificate that is not good ({certificate.verify_message.rstrip('.')})"
    return "offers no TLS (STARTTLS)" if type(error) is aiosmtplib.SMTPException else ""


def _judged(
    error: aiosmtplib.SMTPException, replies: Sequence[aiosmtplib.SMTPResponseException]
) -> aiosmtplib.SMTPException | RefusedForGood:
    """The error as it is, or a refusal for good with the server's words."""
    if all(reply.code >= 500 and reply.code not in ABOUT_US for reply in replies):
        words = "; ".join(f"{reply.code} {reply.message}" for reply in replies)
        return ReceiverRefused(words) if all(map(_means_receiver, replies)) else RefusedForGood(words)
    return error


def _means_receiver(reply: aiosmtplib.SMTPResponseException) -> bool:
    """Whether a 5yz reply is about the address: after RCPT unless it is a policy, after DATA if it says so."""
    enhanced = ENHANCED.match(reply.message)
    subject = enhanced[1] if enhanced else ""
    return subject != "7" if isinstance(reply, aiosmtplib.SMTPRecipientRefused) else subject == "1"


def _to_files(folder: Path) -> Send:
    async def send(letter: EmailMessage) -> None:
        _write(folder, letter)

    return send


def _write(folder: Path, letter: EmailMessage) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    name = "".join(sign if sign.isalnum() or sign in "-." else "-" for sign in letter["Message-ID"].strip("<>"))
    fresh = folder / f"{name}.new"
    fresh.write_bytes(letter.as_bytes())
    fresh.replace(folder / f"{name}.eml")
