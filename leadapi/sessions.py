"""Who sits at the owner's desk: a mailed link opens a session, signing out ends it.

There is no password that could be guessed or reused: whoever can read the owner's mail is the owner. A session is
a row, so that it ends for good when it is ended; the table holds a hash of the cookie's value, so that nobody who
reads a backup can sit down with it.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, delete, insert, select

from leadapi import letters, outbox, rate_limits
from leadapi.tables import new_id, sessions
from leadapi.typed_text import address_key

LETTERS = rate_limits.Limit(
    "sign-in-letters", 10, timedelta(hours=1), "Past ten letters in an hour comes one every ten minutes."
)
"""Anybody may ask for the owner's link, from any number of networks."""

PAST_SECONDS = 600
"""Past LETTERS one letter goes in so many seconds by the clock, so that nobody can lock the owner out."""

SESSION_AGE = timedelta(days=14)
"""A session ends so long after it began, however often it is used."""


@dataclass(frozen=True, slots=True)
class Request:
    """Somebody who wants to sign in typed `address`; `now` is aware UTC."""

    address: str
    network: str
    owner: str
    sender: letters.Sender
    now: datetime


_BY_ID = select(sessions.c.address).where(
    sessions.c.id == bindparam("session"), sessions.c.expires_at > bindparam("now")
)
_BEGIN = insert(sessions)
_END = delete(sessions).where(sessions.c.id == bindparam("session"))
_FORGET = delete(sessions).where(sessions.c.expires_at <= bindparam("now"))


def ask(connection: Connection, value: Request) -> None:
    """Write the owner the link when the address is theirs; else nothing, and the caller cannot tell which.

    Past LETTERS the letter that went last has to do, whose link works on. Raises TooOften when one network asks
    too often.
    """
    rate_limits.take(connection, rate_limits.SIGN_INS_BY_NETWORK, value.network, value.now)
    if address_key(value.address) != address_key(value.owner):
        return
    number = new_id(value.now)
    link = value.sender.link("sign-in", {"address": address_key(value.owner)})
    letter = letters.sign_in(value.sender, value.owner, link, number)
    until = value.now + letters.SIGN_IN_AGE  # a dead link is worse than none: the owner asks again
    payload = letter.payload() | {"until": until.isoformat()}
    if not rate_limits.take_all(connection, LETTERS, {"owner": 1}, value.now)["owner"]:
        number = f"{int(value.now.timestamp()) // PAST_SECONDS}"
    outbox.enqueue(connection, outbox.Row("letter", payload, f"sign-in:{number}", value.now))


def begin(connection: Connection, value: tuple[str, datetime]) -> str:
    """A new session for (address, now); the answer is the cookie's value, which is stored nowhere."""
    address, now = value
    cookie = secrets.token_urlsafe(32)
    row = {"id": _hash(cookie), "address": address, "created_at": now, "expires_at": now + SESSION_AGE}
    connection.execute(_BEGIN, row)
    return cookie


def holder(connection: Connection, value: tuple[str, datetime]) -> str | None:
    """The address (key) whose session (cookie, now) this is; None when it was never begun, ended or is too old."""
    cookie, now = value
    found: str | None = connection.execute(_BY_ID, {"session": _hash(cookie), "now": now}).scalar_one_or_none()
    return found


def end(connection: Connection, cookie: str) -> None:
    """Sign out; again is as good."""
    connection.execute(_END, {"session": _hash(cookie)})


def forget_old(connection: Connection, now: datetime) -> None:
    """Drop the sessions that are too old to be used."""
    connection.execute(_FORGET, {"now": now})


def _hash(cookie: str) -> str:
    return hashlib.sha256(cookie.encode()).hexdigest()
