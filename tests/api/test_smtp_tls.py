"""A password never leaves in clear, and no letter waits for a certificate that nobody asked for."""

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiosmtplib
import pytest
import structlog
import trustme
from mail_server import Mailbox, carry, mail_server

from leadapi.smtp import message

pytestmark = pytest.mark.anyio

LETTER = {
    "to": "alice@example.com",
    "subject": "A letter",
    "text": "Hello.\n",
    "html": "<p>Hello.</p>\n",
    "message_id": "<confirmation.1@blog.example.com>",
}
ELSEWHERE = "0.0.0.0"
"""Leads to this machine, as far as the network goes, and is no name of this machine, as far as names go."""

USER = "alice:k7Gw2@"


@pytest.fixture
def anyio_backend() -> str:
    """The service runs on asyncio alone."""
    return "asyncio"


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Who signs the certificates of the tests' servers."""
    return trustme.CA()


@pytest.fixture
def known(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The authority is one that this machine trusts."""
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))


@pytest.fixture
def log() -> Iterator[list[Any]]:
    """What an operator reads."""
    with structlog.testing.capture_logs() as lines:
        yield lines


def certified(authority: trustme.CA, host: str) -> ssl.SSLContext:
    """A server's side of TLS, with a certificate for the host."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(host).configure_cert(context)
    return context


async def send(address: str) -> None:
    await carry(address, message(LETTER, "blog@example.com", "The Blog"))


@pytest.mark.parametrize("at_once", [False, True], ids=["STARTTLS", "TLS at once"])
@pytest.mark.parametrize("user", ["", USER], ids=["alone", "with a password"])
async def test_on_this_machine_any_certificate_will_do(
    mailbox: Mailbox, authority: trustme.CA, at_once: bool, user: str
) -> None:
    """A local server with a certificate of its own making, as packages install it, gets its letters."""
    own = certified(authority, "some.other.name")
    async with mail_server(mailbox, tls=own, at_once=at_once, user=user) as address:
        await send(address)
    assert (len(mailbox.letters), mailbox.encrypted) == (1, [True])
    assert mailbox.passwords == ([b"k7Gw2"] if user else [])


async def test_on_this_machine_a_password_needs_no_tls(mailbox: Mailbox) -> None:
    """Nobody listens between two programs of one machine."""
    async with mail_server(mailbox, user=USER) as address:
        await send(address)
    assert (mailbox.passwords, mailbox.encrypted) == ([b"k7Gw2"], [False])


async def test_elsewhere_no_password_leaves_in_clear(mailbox: Mailbox, log: list[Any]) -> None:
    """Where the server offers no TLS the letter waits, and the log says why in one sentence."""
    async with mail_server(mailbox, host=ELSEWHERE, user=USER) as address:
        with pytest.raises(aiosmtplib.SMTPException):
            await send(address)
    assert (mailbox.letters, mailbox.passwords) == ([], [])
    assert [line["reason"] for line in log] == [
        "The mail server 0.0.0.0 offers no TLS (STARTTLS), so letters wait."
    ]


@pytest.mark.parametrize("at_once", [False, True], ids=["STARTTLS", "TLS at once"])
async def test_elsewhere_a_password_waits_for_a_good_certificate(
    mailbox: Mailbox, authority: trustme.CA, log: list[Any], at_once: bool
) -> None:
    """Whoever cannot show who he is gets neither password nor letter, and the log says what is wrong."""
    async with mail_server(
        mailbox, tls=certified(authority, ELSEWHERE), at_once=at_once, host=ELSEWHERE, user=USER
    ) as address:
        with pytest.raises((aiosmtplib.SMTPException, ssl.SSLError)):
            await send(address)
    assert (mailbox.letters, mailbox.passwords) == ([], [])
    [reason] = [line["reason"] for line in log]
    assert reason.startswith("The mail server 0.0.0.0 has a certificate that is not good (")
    assert reason.endswith("), so letters wait.")


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize("at_once", [False, True], ids=["STARTTLS", "TLS at once"])
async def test_elsewhere_a_good_certificate_gets_the_password(
    mailbox: Mailbox, authority: trustme.CA, log: list[Any], at_once: bool
) -> None:
    """With TLS and a certificate for this very host all is well, and nothing is said."""
    tls = certified(authority, ELSEWHERE)
    async with mail_server(mailbox, tls=tls, at_once=at_once, host=ELSEWHERE, user=USER) as address:
        await send(address)
    assert (len(mailbox.letters), mailbox.passwords, mailbox.encrypted) == (1, [b"k7Gw2"], [True])
    assert log == []


@pytest.mark.usefixtures("known")
async def test_elsewhere_a_certificate_for_another_host_is_not_good(
    mailbox: Mailbox, authority: trustme.CA
) -> None:
    """A trusted certificate of somebody else opens nothing."""
    tls = certified(authority, "mallory.example")
    async with mail_server(mailbox, tls=tls, host=ELSEWHERE, user=USER) as address:
        with pytest.raises((aiosmtplib.SMTPException, ssl.SSLError)):
            await send(address)
    assert mailbox.passwords == []


@pytest.mark.parametrize("encrypted", [True, False])
async def test_a_relay_without_password_gets_what_tls_it_has(
    mailbox: Mailbox, authority: trustme.CA, encrypted: bool
) -> None:
    """Nothing secret is sent to it, so an unknown certificate beats none, and none is no reason to wait."""
    tls = certified(authority, "some.other.name") if encrypted else None
    async with mail_server(mailbox, tls=tls, host=ELSEWHERE) as address:
        await send(address)
    assert (len(mailbox.letters), mailbox.encrypted) == (1, [encrypted])


async def test_tls_that_is_asked_for_is_verified_without_password_too(
    mailbox: Mailbox, authority: trustme.CA
) -> None:
    """smtps:// to another machine means TLS with whom it names."""
    tls = certified(authority, ELSEWHERE)
    async with mail_server(mailbox, tls=tls, at_once=True, host=ELSEWHERE) as address:
        with pytest.raises((aiosmtplib.SMTPException, ssl.SSLError)):
            await send(address)
    assert mailbox.letters == []
