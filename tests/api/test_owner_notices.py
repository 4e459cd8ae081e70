"""The owner hears of each lead and each comment once, in ten letters an hour at most."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from examples import ALICE, BOB, NOW, ODDITIES, SENDER, record, reply, rows
from sqlalchemy import Connection, delete

from leadapi import outbox, owner_notices, smtp, tables
from leadapi.attribution import Source
from leadapi.letters import Letter
from leadapi.outbox import Claim
from leadapi.owner_notices import Digest, Owner
from leadapi.store import Store
from leadapi.submissions import Submission

OWNER = Owner("owner@example.com")
DAILY, OFF = Owner("owner@example.com", "daily"), Owner("owner@example.com", "off")
HOUR = NOW.replace(minute=0)
TITLES = {"a-paper": "A Paper", "a-post": "A Post"}


def lead(number: int, now: datetime = NOW, owner: Owner = OWNER, **changed: Any) -> Submission:
    return replace(
        ALICE, address=f"a{number}@example.com", name=f"Alice {number}", now=now, owner=owner, **changed
    )


def to_owner(store: Store) -> list[Mapping[str, str]]:
    """The letters to the owner, as they are put into the outbox."""
    letters = [row.payload for row in rows(store, tables.outbox) if row.kind == "letter"]
    return [letter for letter in letters if letter["to"] == OWNER.email]


def digests(store: Store) -> list[Any]:
    found = [row for row in rows(store, tables.outbox) if row.kind == "digest"]
    return sorted(found, key=lambda row: row.run_at)


def letter_of(store: Store, row: Any, owner: Owner = OWNER) -> Letter | None:
    return store.read_now(owner_notices.digest, Digest(row.payload, SENDER, owner, TITLES))


def test_a_new_lead_is_told_once_with_what_was_typed(store: Store) -> None:
    """Post, whitepaper, campaign and the fields; a second press of the same person is no new lead."""
    campaign = (("utm_source", "news"), ("utm_campaign", "spring"))
    first = lead(
        1,
        company="ACME",
        answers=(("job_title", "Coach"),),
        source=Source("/a-post/", "search.example", campaign),
    )
    record(store, first)
    record(store, replace(first, whitepaper="b-paper", now=NOW + timedelta(hours=1)))
    [letter] = to_owner(store)
    assert letter["subject"] == "New lead: A Paper"
    told = letter["text"]
    for text in (
        "A Paper",
        "Alice 1",
        "a1@example.com",
        "ACME",
        "Coach",
        "a-post",
        "search.example",
        "not proven",
    ):
        assert text in told and text in letter["html"]
    assert "news / spring" in told
    assert "https://blog.example.com/admin/" in told


def test_held_submissions_and_silence_are_no_letters(store: Store) -> None:
    """A robot's lead is not told of, and the owner may want no letters of leads at all."""
    record(store, lead(1, held_reason="honeypot"), lead(2, owner=OFF), replace(ALICE, address="b@example.com"))
    assert (to_owner(store), digests(store)) == ([], [])


@pytest.mark.parametrize("oddity", [text for text in ODDITIES if "\ud800" not in text and "\x00" not in text])
def test_nothing_typed_reaches_a_header(store: Store, oddity: str) -> None:
    """Whatever name, company or button somebody sends, the letter's headers are ours, and no HTML is theirs."""
    record(store, lead(1, company=oddity, cta=oddity[:64], title=f"A{oddity}\r\nBcc: x@example.com"))
    [letter] = to_owner(store)
    raw = smtp.message(dict(letter), "blog@example.com", "The Blog").as_bytes()
    parsed = message_from_bytes(raw, _class=EmailMessage, policy=policy.default)
    assert parsed["Bcc"] is None and parsed["To"] == OWNER.email
    assert "<script>" not in letter["html"]


def test_the_eleventh_letter_of_an_hour_is_a_digest(store: Store) -> None:
    """Leads and comments together: ten letters, then one digest when the hour is over, with all the rest."""
    reply(store, *(replace(BOB, body=f"Reply {n}", name=f"Bob {n}") for n in range(6)))
    record(store, *(lead(n) for n in range(6)))
    reply(store, *(replace(BOB, body=f"Late {n}", name=f"Late {n}") for n in range(3)))
    assert len(to_owner(store)) == 10
    [row] = digests(store)
    assert row.run_at == HOUR + timedelta(hours=1) + owner_notices.GRACE
    letter = letter_of(store, row)
    assert letter is not None
    assert (letter.to, letter.subject) == (OWNER.email, "2 new leads and 3 new comments")
    untold = [f"a{n}@example.com" for n in range(6) if not any(f"a{n}@" in one["text"] for one in to_owner(store))]
    assert len(untold) == 2
    for text in (*untold, "Late 0", "Late 1", "Late 2", "A Paper", "A Post"):
        assert text in letter.text and text in letter.html
    assert "Bob 1" not in letter.text
    assert letter.text.count("/api/moderate/") == 3
    again = letter_of(store, row)
    assert again is not None and again.message_id == letter.message_id


def test_the_next_hour_has_letters_of_its_own(store: Store) -> None:
    """The count begins anew, and each hour past it has its own digest."""
    for hour in range(2):
        now = NOW + timedelta(hours=hour)
        record(store, *(lead(hour * 100 + n, now) for n in range(12)))
    assert len(to_owner(store)) == 20
    told = [letter_of(store, row) for row in digests(store)]
    assert [letter.subject for letter in told if letter] == ["2 new leads", "2 new leads"]


def test_a_flood_is_one_digest_of_a_bearable_length(store: Store) -> None:
    """However many leads come in an hour: ten letters, and one that lists fifty and counts the rest."""
    for start in range(0, 300, 100):
        record(store, *(lead(n, network=f"10.{n}.0.0/24"[:16]) for n in range(start, start + 100)))
    assert len(to_owner(store)) == 10
    [row] = digests(store)
    letter = letter_of(store, row)
    assert letter is not None and letter.subject == "290 new leads"
    assert letter.text.count("@example.com") == owner_notices.MOST_LISTED
    assert "and 240 more" in letter.text


def test_the_letter_of_the_day_tells_every_lead_once(store: Store) -> None:
    """Seven o'clock ends a day; a comment's letter does not wait for it."""
    seven = NOW.replace(hour=7, minute=0)
    moments = [seven - timedelta(seconds=1), seven, seven + timedelta(hours=12), seven + timedelta(hours=24)]
    for number, now in enumerate(moments):
        record(store, lead(number, now, DAILY))
    reply(store, BOB)
    assert [letter["subject"] for letter in to_owner(store)] == ["New comment on: A Post"]
    ends = [seven + timedelta(days=day) + owner_notices.GRACE for day in range(3)]
    assert [row.run_at for row in digests(store)] == ends
    told = [letter_of(store, row, DAILY) for row in digests(store)]
    named = [[n for n in range(4) if letter and f"a{n}@example.com" in letter.text] for letter in told]
    assert named == [[0], [1, 2], [3]]
    assert len({letter.message_id for letter in told if letter}) == 3


def test_leads_of_the_day_are_not_in_the_digest_of_an_hour(store: Store) -> None:
    """Many comments are told by the hour, leads by the day, neither twice."""
    record(store, lead(1, owner=DAILY))
    reply(store, *(replace(BOB, body=f"Reply {n}") for n in range(12)))
    told = {row.payload["name"]: letter_of(store, row, DAILY) for row in digests(store)}
    assert {name: letter.subject for name, letter in told.items() if letter} == {
        "hourly": "2 new comments",
        "daily": "1 new lead",
    }


def test_who_was_erased_is_in_no_digest(store: Store) -> None:
    """What is told is read when the letter is written; with nobody left there is none."""
    record(store, lead(1, owner=DAILY), lead(2, owner=DAILY))
    [row] = digests(store)
    assert "example.com" not in str(row.payload)

    def erase(connection: Connection, subject: str) -> None:
        connection.execute(delete(tables.events).where(tables.events.c.subject == subject))

    for person in rows(store, tables.leads):
        letter = letter_of(store, row, DAILY)
        assert letter is not None and person.email in letter.text
        store.write_now(erase, person.id)
        letter = letter_of(store, row, DAILY)
        assert letter is None or person.email not in letter.text
    assert letter is None


def test_a_digest_is_due_a_minute_after_its_span(store: Store) -> None:
    """Not before: what was stored in the last second has to be in it."""
    record(store, lead(1, owner=DAILY))
    due = NOW.replace(hour=7, minute=1) + timedelta(days=1)
    taken = store.write_now(outbox.claim, Claim("", due - timedelta(seconds=1), most=8))
    assert [delivery.kind for delivery in taken] == ["letter"]  # the visitor's own
    [delivery] = store.write_now(outbox.claim, Claim("", due, most=8))
    assert delivery.kind == "digest"
