"""Takes the letters from the outbox to a mail server, or to .eml files where there is none.

A refusal for good of the receiver or the letter itself (RFC 5321, 4.2.1: a 5yz reply) ends the tries. Anything
else is tried again: no connection, a time-out, 4yz, and a server that refuses us (at its door, our sender, our
password), since then every letter is refused, and the owner can mend it. The letter keeps its Message-ID, so that
one that arrives twice can be seen to be one.
"""

import ssl
from collections.abc import Awaitable, Callable, Sequence
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import aiosmtplib

from leadapi.clock import now
from leadapi.errors import RefusedForGood

Send = Callable[[EmailMessage], Awaitable[None]]

POLICY = SMTP.clone(cte_type="7bit")  # any server can carry it, also one without 8BITMIME (RFC 6152)
LONGEST_SENDER_NAME = 60
TIMEOUT_SECONDS = 30.0

ABOUT_US = (530, 534, 535, 538)
"""Replies that ask us to sign in, wherever they come (RFC 4954, 6)."""


def message(payload: dict[str, Any], mail_from: str, sender_name: str) -> EmailMessage:
    """The letter as the outbox stores it (to, subject, text, html, message_id) as a multipart message.

    Raises RefusedForGood where a header would be two (RFC 5322, 2.2).
    """
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
            raise _judged(error, error.recipients) from error
        except aiosmtplib.SMTPDataError as error:
            raise _judged(error, [error]) from error

    return send


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
