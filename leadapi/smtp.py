"""Takes the letters from the outbox to a mail server, or to .eml files where there is none.

A refusal for good of the receiver or the letter itself (RFC 5321, 4.2.1: a 5yz reply) ends the tries. Anything
else is tried again: no connection, a time-out, 4yz, and a server that refuses us (at its door, our sender, our
password), since then every letter is refused, and the owner can mend it. The letter keeps its Message-ID, so that
one that arrives twice can be seen to be one.

A password leaves only for this machine, or over TLS whose certificate is good (RFC 8314, 3); until the server has
it, letters wait. Without a password TLS is used where the server has it, whatever its certificate: against whoever
only listens it beats clear text, and mail between servers knows no better (RFC 7435, RFC 3207, 4.1).
"""

import ssl
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import aiosmtplib
import structlog

from leadapi.clock import now
from leadapi.errors import RefusedForGood
from leadapi.settings import is_loopback

Send = Callable[[EmailMessage], Awaitable[None]]

POLICY = SMTP.clone(cte_type="7bit")  # any server can carry it, also one without 8BITMIME (RFC 6152)
LONGEST_SENDER_NAME = 60
TIMEOUT_SECONDS = 30.0

ABOUT_US = (530, 534, 535, 538)
"""Replies that ask us to sign in, wherever they come (RFC 4954, 6)."""

log = structlog.get_logger()


def message(payload: dict[str, Any], mail_from: str, sender_name: str) -> EmailMessage:
    """The letter as the outbox stores it (to, subject, text, html, message_id) as a multipart message.

    It may hold `until`, the moment (ISO 8601) from which on it is of no use. Raises RefusedForGood then, and where
    a header would be two (RFC 5322, 2.2).
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
    letter["Date"] = format_datetime(now())
    letter["Auto-Submitted"] = "auto-generated"  # RFC 3834: no vacation answers, please
    letter.set_content(payload["text"])
    letter.add_alternative(payload["html"], subtype="html")
    return letter


def sender_to(mail_url: str) -> Send:
    """How letters leave: smtp:// (STARTTLS), smtps:// (TLS at once) or file:///folder.

    Each try raises RefusedForGood, or what the library raises; the letter then waits.
    """
    address = urlsplit(mail_url)
    if address.scheme == "file":
        return _to_files(Path(unquote(address.path)))
    host, at_once, signs_in = address.hostname or "", address.scheme == "smtps", bool(address.username)
    secured = (at_once or signs_in) and not is_loopback(host)
    context = ssl.create_default_context()
    if not secured:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE

    async def send(letter: EmailMessage) -> None:
        try:
            await aiosmtplib.send(
                letter,
                hostname=host,
                port=address.port or (465 if at_once else 587),
                username=unquote(address.username) if address.username else None,
                password=unquote(address.password) if address.password else None,
                use_tls=at_once,
                start_tls=True if secured and not at_once else None,  # None: where the server has it
                tls_context=context,
                timeout=TIMEOUT_SECONDS,
            )
        except aiosmtplib.SMTPRecipientsRefused as error:
            raise _judged(error, error.recipients) from error
        except aiosmtplib.SMTPDataError as error:
            raise _judged(error, [error]) from error
        except (aiosmtplib.SMTPException, ssl.SSLError) as error:
            if secured and (why := _why_insecure(error)):
                log.warning("letters_wait", reason=f"The mail server {host} {why}, so letters wait.")
            raise

    return send


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
        return RefusedForGood("; ".join(f"{reply.code} {reply.message}" for reply in replies))
    return error


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
