"""What comes back: reports of letters that were not delivered, or not wanted, and what is done about each.

Two kinds of report are understood: delivery status notifications (RFC 3464, and RFC 6533 for addresses beyond
ASCII) and complaints in the Abuse Reporting Format (RFC 5965). A failure for good of the address (5.x.x) counts as
bounced; a delay (4.x.x) changes nothing, nor does a refusal by policy (5.7.x), which is about us. All else in a
mailbox is passed over and told of.

Anybody can write such a report to our mailbox, so it counts for an address only with the Message-ID of a letter to
it, which we sealed (address_hashes.letter_seal) and its receiver alone has seen.

Whatever a mail holds, it breaks nothing: what cannot be read is a mail that was not understood. A report counts
from its own date, so that reading a mailbox again changes nothing.
"""

import hmac
import quopri
import re
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import Message
from email.parser import HeaderParser
from email.utils import getaddresses, parsedate_to_datetime
from hashlib import sha256
from typing import Literal

from sqlalchemy import Connection

from leadapi import suppressions
from leadapi.address_hashes import address_hash, letter_seal
from leadapi.typed_text import address_key

Reason = Literal["bounced", "complained"]

LARGEST = 1024 * 1024
"""Bytes of one mail that are looked at; reports begin with what counts."""

COMPLAINTS = ("abuse", "fraud", "opt-out", "opt-out-list")
"""Feedback types that say the receiver wants no such mail; others are about spoofing, or take a complaint back."""

MOST_LETTERS = 8
"""Message-IDs of one report that are looked at; there is one."""

_UNFIT = r"\s<>\x00-\x1f\x7f\ud800-\udfff"
_ADDRESS = re.compile(rf"[^{_UNFIT}]{{1,254}}@[^{_UNFIT}@]{{1,253}}")
_MESSAGE_ID = re.compile(r"<([a-z_]+\.[\w.-]{1,100})\.([0-9a-f]{20})@")
_XTEXT = re.compile(r"\+([0-9A-F]{2})")


@dataclass(frozen=True, slots=True)
class Report:
    """One address that is to be written to no more, why, and since when."""

    address: str
    reason: Reason
    at: datetime


@dataclass(frozen=True, slots=True)
class Noting:
    """Reports to be put on the suppression list."""

    reports: Sequence[Report]
    hash_key: str
    now: datetime


def note(connection: Connection, value: Noting) -> int:
    """Put the addresses on the list; answers for how many that was news."""
    newest: dict[tuple[str, Reason], datetime] = {}
    for report in value.reports:
        key = address_hash(report.address, value.hash_key), report.reason
        newest[key] = max(newest.get(key, report.at), report.at)
    return sum(
        suppressions.suppress(connection, (hashed, reason, min(at, value.now)))
        for (hashed, reason), at in sorted(newest.items())
    )


def reports(raw: bytes, now: datetime, key: str) -> list[Report] | None:
    """What a mail reports; None where it is no report. `key` is address_hashes'.

    Nothing where it reports only what may still mend, or of no letter of ours.
    """
    try:
        return _reports(message_from_bytes(raw[:LARGEST]), now, key)
    except Exception:  # whatever a stranger's mail holds
        return None


def _reports(mail: Message, now: datetime, key: str) -> list[Report] | None:
    told, returned = list[tuple[str, list[Message]]](), list[Message]()
    for part in mail.walk():
        kind = part.get_content_type()
        if kind in ("message/delivery-status", "message/global-delivery-status", "message/feedback-report"):
            told.append((kind, list(_groups(part))))
        elif kind in ("message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers"):
            returned.append(_headers(part))
    if not told:
        return None
    at = _date(mail, now)
    sealed = _sealed([*returned, *(group for _, groups in told for group in groups)])
    receivers = {address_key(address): address for headers in returned for address in _receivers(headers)}
    found: dict[tuple[str, Reason], Report] = {}
    for kind, groups in told:
        reason: Reason = "complained" if kind == "message/feedback-report" else "bounced"
        named = _complainers(groups) if reason == "complained" else _bounced(groups)
        if named is None:
            continue
        if len(receivers) == 1:  # to whom we wrote, wherever it was forwarded to
            named += receivers.values()
        for address in named:
            if not any(letter_seal(name, address, key) == seal for name, seal in sealed):
                continue
            found[address_key(address), reason] = Report(address, reason, at)
    return list(found.values())


def _bounced(groups: Sequence[Message]) -> list[str] | None:
    """The receivers that failed for good; None where there are none."""
    named = []
    for group in groups:
        status = re.match(r"5\.(\d{1,3})\.\d{1,3}\b", _field(group, "Status"))
        if _field(group, "Action").lower().startswith("failed") and status and status[1] != "7":
            named += _addresses(group, "Original-Recipient") or _addresses(group, "Final-Recipient")
    return named or None


def _complainers(groups: Sequence[Message]) -> list[str] | None:
    """The receivers that are named, perhaps none, since some hide them; None where it is no complaint."""
    kinds = [_field(group, "Feedback-Type").lower() for group in groups]
    if not any(kind in COMPLAINTS for kind in kinds):
        return None
    return [address for group in groups for address in _addresses(group, "Original-Rcpt-To")]


def _groups(part: Message) -> Iterator[Message]:
    """The groups of fields of a report, which blank lines set apart (RFC 3464, 2.1)."""
    body = part.as_bytes().replace(b"\r\n", b"\n").partition(b"\n\n")[2]
    encoding = _field(part, "Content-Transfer-Encoding").lower()
    if encoding == "base64":
        body = b64decode(body)
    elif encoding == "quoted-printable":
        body = quopri.decodestring(body)
    text = body.decode("utf-8", "replace").replace("\r\n", "\n")
    return (HeaderParser().parsestr(group.lstrip("\n")) for group in re.split(r"\n[ \t]*(?:\n|$)", text) if group)


def _headers(part: Message) -> Message:
    """The headers of the mail that came back."""
    content = part.get_payload()
    if isinstance(content, list):
        return next((inner for inner in content if isinstance(inner, Message)), Message())
    decoded = part.get_payload(decode=True)
    return HeaderParser().parsestr(decoded.decode("utf-8", "replace") if isinstance(decoded, bytes) else "")


def _receivers(headers: Message) -> list[str]:
    """To whom the mail went."""
    return [address for _, address in getaddresses([_field(headers, "To")]) if is_address(address)]


def _sealed(headers: Sequence[Message]) -> list[tuple[str, str]]:
    """The letters that are named as ours: name and seal of each, as they stand in its Message-ID."""
    named = [_field(one, name) for one in headers for name in ("Message-ID", "X-Original-Message-ID")]
    return [(found[1], found[2]) for one in named if (found := _MESSAGE_ID.match(one))][:MOST_LETTERS]


def secret(key: str) -> str:
    """What a mail service signs with (Standard Webhooks): made of a key of ours, and none of ours itself."""
    return "whsec_" + b64encode(hmac.new(key.encode(), b"leadapi.bounces", sha256).digest()).decode()


def _addresses(group: Message, name: str) -> list[str]:
    """The addresses of a field such as `rfc822; alice@example.com`; of xtext (RFC 3461, 4) both readings."""
    found = []
    for value in map(str, group.get_all(name, ())):
        kind, semicolon, rest = value.partition(";")
        address = (rest if semicolon and kind.strip().lower() in ("rfc822", "utf-8") else value).strip(" \t\r\n<>")
        for spelling in (address, _XTEXT.sub(lambda sign: chr(int(sign[1], 16)), address)):
            if is_address(spelling) and spelling not in found:
                found.append(spelling)
    return found


def is_address(text: str) -> bool:
    """Whether it may be one; the list of addresses not to be written to takes any."""
    return bool(_ADDRESS.fullmatch(text))


def _field(message: Message, name: str) -> str:
    return " ".join(str(message.get(name, "")).split())


def _date(mail: Message, now: datetime) -> datetime:
    """When it was written; now, where it does not say so or claims to come from the future."""
    try:
        written = parsedate_to_datetime(_field(mail, "Date"))
    except (ValueError, TypeError, IndexError, OverflowError):
        return now
    return min(now, written if written.tzinfo else written.replace(tzinfo=UTC))
