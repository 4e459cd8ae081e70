"""From a row of the outbox to a letter in somebody's mailbox, or in a file."""

import asyncio
from collections.abc import AsyncIterator
from copy import deepcopy
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import aiosmtplib
import pytest
import time_machine
from mail_server import Mailbox, carry, mail_server

from leadapi import smtp
from leadapi.errors import ReceiverRefused, RefusedForGood
from leadapi.smtp import message, sender_to

pytestmark = pytest.mark.anyio

LETTER = {
    "to": "alice@example.com",
    "subject": "Führen & Coachen: “Better” People",
    "text": "Dear Älice,\n.\nFrom here on: https://blog.example.com/api/confirm/" + "x" * 1200 + "\n",
    "html": "<p>Dear Älice</p>\n",
    "message_id": "<confirmation.1@blog.example.com>",
}


@pytest.fixture
def anyio_backend() -> str:
    """The service runs on asyncio alone."""
    return "asyncio"


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
async def mail_url(mailbox: Mailbox) -> AsyncIterator[str]:
    async with mail_server(mailbox) as address:
        yield address


def letter(sender_name: str = "Der Blog: “Führung”, täglich", **changed: str) -> EmailMessage:
    return message(LETTER | changed, "blog@example.com", sender_name)


def read(raw: bytes) -> EmailMessage:
    found = message_from_bytes(raw, policy=policy.default)
    assert isinstance(found, EmailMessage)
    return found


def shown(found: EmailMessage) -> dict[str, Any]:
    """What a mail program shows of a letter."""
    headers = {name: str(found[name]) for name in ("From", "To", "Subject", "Message-ID", "Auto-Submitted")}
    bodies = {kind: found.get_body((kind,)) for kind in ("plain", "html")}
    assert all(bodies.values())
    return headers | {kind: body.get_content().replace("\r\n", "\n") for kind, body in bodies.items() if body}


async def test_a_letter_arrives_as_it_was_written(mailbox: Mailbox, mail_url: str) -> None:
    """Names, subject and text beyond ASCII, long lines and a lonely dot come through a mail server whole."""
    await carry(mail_url, letter())
    (raw,) = mailbox.letters
    assert mailbox.receivers == ["alice@example.com"]
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998  # RFC 5322, 2.1.1
    assert shown(read(raw)) == {
        "From": '"Der Blog: “Führung”, täglich" <blog@example.com>',
        "To": "alice@example.com",
        "Subject": LETTER["subject"],
        "Message-ID": LETTER["message_id"],
        "Auto-Submitted": "auto-generated",
        "plain": LETTER["text"],
        "html": LETTER["html"],
    }


async def test_a_file_holds_the_letter_that_a_server_gets(mailbox: Mailbox, mail_url: str, tmp_path: Path) -> None:
    """smtp:// and file:// give the same letter, and a letter that is sent twice is one file."""
    folder = tmp_path / "the mail"
    for _ in range(2):
        await carry(folder.as_uri(), letter())
    (path,) = folder.iterdir()
    assert path.name == "confirmation.1-blog.example.com.eml"
    await carry(mail_url, letter())
    assert shown(read(path.read_bytes())) == shown(read(mailbox.letters[0]))


@pytest.mark.parametrize("field", ["to", "subject", "message_id"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
async def test_no_line_break_makes_a_header(field: str, line_end: str) -> None:
    """A field with a line break never becomes a second header; such a letter is refused for good."""
    with pytest.raises(RefusedForGood):
        letter(**{field: f"{LETTER[field]}{line_end}Bcc: bob@example.com"})
    with pytest.raises(RefusedForGood):
        letter(**{field: LETTER[field] + line_end})


async def test_a_site_name_with_a_line_break_is_one_line(mailbox: Mailbox, mail_url: str) -> None:
    """The blog's name comes from the site; whatever it holds, it is one header."""
    await carry(mail_url, letter("The\r\nBcc: bob@example.com\n Blog"))
    found = read(mailbox.letters[0])
    assert found["Bcc"] is None
    assert found["From"].addresses[0].display_name == "The Bcc: bob@example.com Blog"


@pytest.mark.parametrize("name", ["Bücher & Co, Ltd", "Blog, Inc. (ü)", 'Say "ä" <b@example.com>', "Ü" * 500, ""])
async def test_a_site_name_is_never_a_second_address(mailbox: Mailbox, mail_url: str, name: str) -> None:
    """Commas, quotes and letters of any alphabet in the blog's name leave one sender, with that name."""
    await carry(mail_url, letter(name))
    (address,) = read(mailbox.letters[0])["From"].addresses
    assert address.addr_spec == "blog@example.com"
    assert name.startswith(address.display_name.replace(" ", "") if len(name) > 60 else address.display_name)


async def test_a_letter_that_comes_too_late_is_not_sent() -> None:
    """After its last moment, if it has one, a letter is refused for good; before, it is sent as any other."""
    at_last = {"until": "2026-03-01T10:00:00+00:00"}
    with time_machine.travel("2026-03-01T09:59:59+00:00", tick=False) as clock:
        assert letter(**at_last)["To"] == LETTER["to"]
        clock.shift(1)
        with pytest.raises(RefusedForGood, match="too late"):
            letter(**at_last)
        assert letter()["To"] == LETTER["to"]


def folders(place: Path) -> list[Path]:
    return [path.parent for path in place.rglob("*.eml")]


async def test_a_message_id_names_a_file_inside_the_folder(tmp_path: Path) -> None:
    """No Message-ID leads out of the folder of letters."""
    await carry((tmp_path / "mail").as_uri(), letter(message_id="<../../out@example.com>"))
    assert folders(tmp_path) == [tmp_path / "mail"]


@pytest.mark.parametrize(
    "answers",
    [{"at_recipient": ["550 No such person"]}, {"at_letter": ["554 Not this text"]}],
    ids=["receiver", "letter"],
)
async def test_a_refused_receiver_or_letter_is_refused_for_good(
    mailbox: Mailbox, mail_url: str, answers: dict[str, list[str]]
) -> None:
    """A 5yz reply to the receiver or the letter itself will be the same next time; its words are kept."""
    vars(mailbox).update(deepcopy(answers))
    with pytest.raises(RefusedForGood, match=r"55[04].*(No such person|Not this text)"):
        await carry(mail_url, letter())
    await carry(mail_url, letter())
    assert len(mailbox.letters) == 1


@pytest.mark.parametrize(
    "answers",
    [
        {"at_sender": ["451 Busy"]},
        {"at_sender": ["550 Who are you"]},
        {"at_sender": ["530 Authentication required"]},
        {"at_recipient": ["450 Mailbox busy"]},
        {"at_recipient": ["530 Authentication required"]},
        {"at_letter": ["452 Disk full"]},
    ],
    ids=lambda answers: " ".join(f"{name}-{given[0][:3]}" for name, given in answers.items()),
)
async def test_what_may_be_mended_is_no_refusal_for_good(
    mailbox: Mailbox, mail_url: str, answers: dict[str, list[str]]
) -> None:
    """4yz replies, and refusals of us instead of the letter, leave the letter to be tried again."""
    vars(mailbox).update(deepcopy(answers))
    with pytest.raises(Exception) as failure:
        await carry(mail_url, letter())
    assert not isinstance(failure.value, RefusedForGood)
    await carry(mail_url, letter())
    assert len(mailbox.letters) == 1


@pytest.mark.parametrize("greeting", [b"", b"554 Not today\r\n", b"421 Busy\r\n", b"What?\r\n"])
async def test_a_server_that_is_closed_is_no_refusal_for_good(greeting: bytes) -> None:
    """A server that hangs up or sends us away at the door says nothing of the letter."""

    async def send_away(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        writer.close()

    server = await asyncio.start_server(send_away, "127.0.0.1", 0)
    address = f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        with pytest.raises(aiosmtplib.SMTPException):
            await carry(address, letter())
    with pytest.raises(ConnectionError):  # now nobody listens
        await carry(address, letter())


async def hang_up(mailbox: Mailbox) -> None:
    """The server ends every connection, as it does when it is started anew."""
    for connection in mailbox.connections:
        connection.close()
    await asyncio.sleep(0)


async def test_one_connection_carries_one_letter_after_the_other(mailbox: Mailbox, mail_url: str) -> None:
    """A kept connection spares greeting, TLS and password; letters at the same time have one each."""
    async with sender_to(mail_url) as send:
        for _ in range(3):
            await send(letter())
        assert (len(mailbox.letters), len(mailbox.connections)) == (3, 1)
        await asyncio.gather(send(letter()), send(letter()))
        assert (len(mailbox.letters), len(mailbox.connections)) == (5, 2)


async def test_a_kept_connection_that_the_server_ended_is_no_failure(mailbox: Mailbox, mail_url: str) -> None:
    """The letter goes over a new connection, in the same try."""
    async with sender_to(mail_url) as send:
        await send(letter())
        await hang_up(mailbox)
        await send(letter())
    assert (len(mailbox.letters), len(mailbox.connections)) == (2, 2)


async def test_a_connection_is_given_back_when_nothing_is_sent(
    mailbox: Mailbox, mail_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a few seconds without a letter we take leave of the server."""
    monkeypatch.setattr(smtp, "KEEP_SECONDS", 0.05)
    async with sender_to(mail_url) as send:
        await send(letter())
        async with asyncio.timeout(10):
            while len(mailbox.connections) < 2:
                await asyncio.sleep(0.1)
                await send(letter())


async def test_a_connection_dropped_after_the_letter_leaves_it_to_be_tried_again(
    mailbox: Mailbox, mail_url: str
) -> None:
    """Whether the server took it is not known, so it is sent once more, as the same letter."""
    async with sender_to(mail_url) as send:
        mailbox.hangs_up_after_letter = True
        with pytest.raises(aiosmtplib.SMTPServerDisconnected):
            await send(letter())
        mailbox.hangs_up_after_letter = False
        await send(letter())
    assert [read(raw)["Message-ID"] for raw in mailbox.letters] == [LETTER["message_id"]] * 2


@pytest.mark.parametrize(
    ("answers", "marked"),
    [
        ({"at_recipient": ["550 No such person"]}, True),
        ({"at_recipient": ["550 5.1.1 No such person"]}, True),
        ({"at_recipient": ["552 5.2.2 Mailbox full"]}, True),
        ({"at_recipient": ["554 5.7.1 Your network is on a list"]}, False),
        ({"at_letter": ["554 Not this text"]}, False),
        ({"at_letter": ["550 5.1.1 No such person"]}, True),
    ],
)
async def test_only_a_refusal_of_the_receiver_marks_the_address(
    mailbox: Mailbox, mail_url: str, answers: dict[str, list[str]], marked: bool
) -> None:
    """What a server has against our text or our network says nothing about the address."""
    vars(mailbox).update(deepcopy(answers))
    with pytest.raises(RefusedForGood) as failure:
        await carry(mail_url, letter())
    assert isinstance(failure.value, ReceiverRefused) == marked


async def test_a_letter_that_nobody_asked_for_can_be_left_with_one_click(mailbox: Mailbox, mail_url: str) -> None:
    """RFC 8058: both headers arrive as they were written, however long the link is; other letters have none."""
    link = "https://blog.example.com/api/unsubscribe/" + "aZ09_-." * 60
    await carry(mail_url, letter(unsubscribe=link))
    await carry(mail_url, letter())
    first, second = map(read, mailbox.letters)
    assert f"\r\nList-Unsubscribe: <{link}>\r\n".encode() in mailbox.letters[0]
    assert b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in mailbox.letters[0]
    assert first["List-Unsubscribe"] == f"<{link}>"
    assert shown(first) == shown(second)
    assert second["List-Unsubscribe"] is None


@pytest.mark.parametrize(
    "link", ["", "javascript:x", "https://x/\r\nBcc: bob@example.com", "https://x/>, <b", "a" * 999]
)
async def test_what_is_no_link_makes_no_header(link: str) -> None:
    """Such a letter is refused for good."""
    with pytest.raises(RefusedForGood):
        letter(unsubscribe=link)
