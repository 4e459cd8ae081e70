"""What several tests of the service begin with: alice's press of the button, and what is stored afterwards."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Table, select

from leadapi import letters, tables
from leadapi.attribution import Source
from leadapi.comments import Comment, record_comment
from leadapi.store import Store
from leadapi.submission_rows import ConsentText, Submission
from leadapi.submissions import Outcome, record_submission

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
SENDER = letters.Sender("The Blog", "https://blog.example.com", "blog.example.com", ("a key that nobody guesses",))
CONSENT = ConsentText("en-1", "en", "Yes, you may also send me occasional articles and offers by e-mail.")
ALICE = Submission(
    submission_id=None,
    address="Alice@example.com",
    name="Alice <b>",
    company="",
    whitepaper="a-paper",
    edition="1",
    title="A Paper",
    post="a-post",
    cta="end",
    source=Source("/a-post/?utm_source=x", "blog.example.com", (("utm_source", "x"),)),
    marketing_consent=False,
    held_reason=None,
    network="192.0.2.0/24",
    sender=SENDER,
    now=NOW,
    consent=CONSENT,
)


def rows(store: Store, table: Table) -> list[Any]:
    return store.read_now(lambda connection, _: list(connection.execute(select(table)).all()), None)


def by_network(store: Store) -> dict[str, int]:
    """What the limits by network have counted, by network."""
    return {row.subject: row.taken for row in rows(store, tables.rate_limits) if row.name.endswith("-by-network")}


def record(store: Store, *values: Submission) -> list[Outcome]:
    def rule(connection: Connection, batch: Sequence[Submission]) -> list[Outcome]:
        return record_submission(connection, batch)

    return store.write_now(rule, values)


def sent(store: Store) -> list[dict[str, str]]:
    return [row.payload for row in sorted(rows(store, tables.outbox), key=lambda row: row.id)]


BOB = Comment(
    submission_id=None,
    post="a-post",
    post_title="A Post",
    post_url="https://blog.example.com/a-post/",
    parent=None,
    name="Bob <b>",
    email="bob@example.com",
    body="Well said.\n\n*Really* <script>",
    held=False,
    network="192.0.2.0/24",
    owner="owner@example.com",
    sender=SENDER,
    now=NOW,
)


def reply(store: Store, *values: Comment) -> list[str]:
    def rule(connection: Connection, batch: Sequence[Comment]) -> list[str]:
        return list(record_comment(connection, batch))

    return store.write_now(rule, values)


ODDITIES = [
    "\x00",
    "\ud800",
    "\u202e",
    "\U0001f469\u200d\U0001f467",
    "a" * 300,
    "\ufdfa" * 50,
    "<script>alert(1)</script>",
    "' OR 1=1 --",
    "{{7*7}}${7*7}%s%n",
    "\r\nBcc: x@example.com",
    "../../etc/passwd",
    "a-post\x00",
    "alice@example.com\x00",
    "1e999",
]
"""Texts that break programs."""
