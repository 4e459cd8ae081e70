"""Takes the letters from the outbox to a mail server, or to .eml files where there is none.

A refusal for good (RFC 5321, 4.2.1: a 5yz reply) ends the tries; anything else (no connection, a time-out, 4yz)
is tried again. The letter keeps its Message-ID, so that one that arrives twice can be seen to be one.
"""

import ssl
from collections.abc import Awaitable, Callable
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import aiosmtplib

from leadapi.clock import now
from leadapi.errors import RefusedForGood

Send = Callable[[EmailMessage], Awaitable[None]]

TIMEOUT_SECONDS = 30.0


def message(payload: dict[str, Any], mail_from: str, sender_name: str) -> EmailMessage:
    """The letter as the outbox stores it (to, subject, text, html, message_id) as a multipart message."""
    letter = EmailMessage(policy=SMTP)
    letter["From"] = formataddr((sender_name, mail_from))
    letter["To"] = payload["to"]
    letter["Subject"] = payload["subject"]
    letter["Date"] = format_datetime(now())
    letter["Message-ID"] = payload["message_id"]
    letter["Auto-Submitted"] = "auto-generated"  # RFC 3834: no vacation answers, please
    letter.set_content(payload["text"])
    letter.add_alternative(payload["html"], subtype="html")
    return letter


def sender_to(mail_url: str) -> Send:
    """How letters leave: smtp:// (STARTTLS where the server has it), smtps:// (TLS at once) or file:///folder."""
    address = urlsplit(mail_url)
    if address.scheme == "file":
        return _to_files(Path(unquote(address.path)))
    tls = address.scheme == "smtps"
    context = ssl.create_default_context()

    async def send(letter: EmailMessage) -> None:
        try:
            await aiosmtplib.send(
                letter,
                hostname=address.hostname,
                port=address.port or (465 if tls else 587),
                username=unquote(address.username) if address.username else None,
                password=unquote(address.password) if address.password else None,
                use_tls=tls,
                tls_context=context,
                timeout=TIMEOUT_SECONDS,
            )
        except aiosmtplib.SMTPRecipientsRefused as error:
            if all(refusal.code >= 500 for refusal in error.recipients):
                raise RefusedForGood(_told(error)) from error
            raise
        except aiosmtplib.SMTPResponseException as error:
            if error.code >= 500 and not isinstance(error, aiosmtplib.SMTPAuthenticationError):
                raise RefusedForGood(_told(error)) from error
            raise

    return send


def _told(error: aiosmtplib.SMTPException) -> str:
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        return "; ".join(f"{refusal.code} {refusal.message}" for refusal in error.recipients)
    return str(error)


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
