"""A press of the button is stored once, with who, from where and having agreed to what, and brings one letter."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from examples import ALICE, CONSENT, NOW, SENDER, record, rows, sent
from sqlalchemy import event

from leadapi import leads, letters, signed_links, tables
from leadapi.attribution import Source
from leadapi.errors import TooOften
from leadapi.store import Store, open_store
from leadapi.submissions import Outcome, record_submission


def token(letter: dict[str, str], purpose: str) -> dict[str, Any]:
    link = next(line for line in letter["text"].splitlines() if f"/api/{purpose}" in line)
    kind: Any = {"confirm": "confirm", "downloads": "download"}[purpose]
    return signed_links.read(kind, link.rpartition("/")[2], SENDER.keys, letters.LINK_AGE)


def test_a_submission_is_stored_whole(store: Store) -> None:
    """Lead, submission, consent and letter are there together, each with what belongs to it."""
    assert record(store, ALICE) == ["recorded"]
    (lead,), (submission,) = rows(store, tables.leads), rows(store, tables.submissions)
    assert (lead.address_key, lead.email) == ("alice@example.com", "Alice@example.com")
    assert (lead.name, lead.company, lead.status) == ("Alice <b>", "", "pending")
    assert (lead.created_at, lead.confirmed_at) == (NOW, None)
    assert (submission.whitepaper, submission.edition, submission.post) == ("a-paper", "1", "a-post")
    assert (submission.cta, submission.page) == ("end", "/a-post/?utm_source=x")
    assert (submission.referrer_host, submission.utm_source, submission.utm_medium) == (
        "blog.example.com",
        "x",
        None,
    )
    (consent,) = rows(store, tables.consents)
    assert (consent.purpose, consent.given, consent.version) == ("marketing", False, "en-1")
    assert consent.text == CONSENT.text
    assert (consent.page, consent.created_at) == ("/a-post/?utm_source=x", NOW)
    (letter,) = sent(store)
    assert letter["to"] == "Alice@example.com"
    assert token(letter, "confirm") == {
        "lead": lead.id,
        "whitepaper": "a-paper",
        "edition": "1",
        "submission": submission.id,
    }


def test_the_first_letter_contains_nothing_that_was_typed(store: Store) -> None:
    """Name, company, post, call to action and campaign of the form are nowhere in the letter."""
    typed = replace(
        ALICE,
        name="MARKnameMARK",
        company="MARKcompanyMARK",
        cta="MARKctaMARK",
        source=Source("/MARKpage", "MARKhost", (("utm_source", "MARKutm"),)),
    )
    record(store, typed)
    (letter,) = sent(store)
    assert not [part for part in letter.values() if "MARK" in part]


def test_a_second_press_within_ten_minutes_is_the_same_submission(store: Store) -> None:
    """Without an id, the same address, whitepaper and post bring one row and one letter, however often."""
    later = replace(ALICE, address="alice@EXAMPLE.com".lower(), now=NOW + timedelta(minutes=9))
    assert record(store, ALICE, ALICE) == ["recorded", "repeated"]
    assert record(store, later) == ["repeated"]
    assert len(rows(store, tables.submissions)) == len(sent(store)) == len(rows(store, tables.consents)) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"post": "b-post"},
        {"post": None},
        {"whitepaper": "b-paper"},
        {"address": "bob@example.com"},
        {"now": NOW + timedelta(minutes=10)},
    ],
)
def test_another_post_whitepaper_person_or_hour_is_another_submission(store: Store, other: dict[str, Any]) -> None:
    """Only the same wish of the same person is a repeat."""
    assert record(store, ALICE) == ["recorded"]
    assert record(store, replace(ALICE, **other)) == ["recorded"]
    assert len(sent(store)) == 2


def test_an_id_is_one_submission_for_ever(store: Store) -> None:
    """The same id with the same body changes nothing, also later; with another body it is a conflict."""
    with_id = replace(ALICE, submission_id="one")
    assert record(store, with_id, with_id, replace(with_id, name="Bob")) == ["recorded", "repeated", "conflict"]
    assert record(store, replace(with_id, now=NOW + timedelta(days=3))) == ["repeated"]
    for other in (
        {"address": "bob@example.com"},
        {"marketing_consent": True},
        {"whitepaper": "b"},
        {"held_reason": "honeypot"},
    ):
        assert record(store, replace(with_id, **other)) == ["conflict"]
    assert record(store, replace(ALICE, submission_id="two")) == ["recorded"]
    assert [row.submission_id for row in rows(store, tables.submissions)] == ["one", "two"]
    assert len(sent(store)) == 2


def test_a_held_submission_is_kept_and_brings_no_letter(store: Store) -> None:
    """What a robot filled in is stored for the owner; it neither mails nor stands in the way of a person."""
    assert record(store, replace(ALICE, held_reason="honeypot")) == ["recorded"]
    assert sent(store) == []
    assert record(store, ALICE) == ["recorded"]
    assert len(sent(store)) == 1
    assert [row.held for row in rows(store, tables.submissions)] == [True, False]


def test_nobody_changes_what_another_gave(store: Store) -> None:
    """A later submission under the same address keeps its own name; the lead's stays."""
    record(store, ALICE, replace(ALICE, name="Mallory", post="b-post"))
    assert [lead.name for lead in rows(store, tables.leads)] == ["Alice <b>"]
    assert {row.name for row in rows(store, tables.submissions)} == {"Alice <b>", "Mallory"}


def test_a_confirmed_address_is_mailed_the_download_at_once(store: Store) -> None:
    """Who confirmed once never confirms again; the letter goes to the confirmed spelling of the address."""
    record(store, ALICE)
    (lead,) = rows(store, tables.leads)
    store.write_now(leads.confirm, leads.Press(lead.id, None, NOW))
    later = replace(ALICE, address="ALICE@example.com", whitepaper="b-paper", now=NOW + timedelta(days=1))
    assert record(store, later) == ["recorded"]
    letter = sent(store)[-1]
    assert letter["to"] == "Alice@example.com"
    named = token(letter, "downloads")
    assert (named["lead"], named["whitepaper"], named["edition"]) == (lead.id, "b-paper", "1")
    assert "/api/confirm/" not in letter["text"] + letter["html"]


def test_a_batch_costs_the_same_few_statements_as_one(store: Store) -> None:
    """Fifty submissions in one batch take no more statements than one."""
    counts: list[int] = []
    event.listen(store.engine, "before_cursor_execute", lambda *_: counts.append(1))
    record(store, ALICE)
    of_one = len(counts)
    counts.clear()
    record(store, *(replace(ALICE, address=f"bob{n}@example.com") for n in range(50)))
    assert len(counts) <= of_one <= 15
    assert len(sent(store)) == 51


def test_presses_at_the_same_moment_are_one(store: Store) -> None:
    """Twenty copies of each of ten ids, sent at once through the open door, are ten submissions and letters."""
    values = [replace(ALICE, submission_id=f"id-{n}", address=f"a{n}@example.com") for n in range(10)] * 20

    async def press() -> list[Outcome]:
        return await asyncio.gather(*(store.write_batched(record_submission, value) for value in values))

    answers = asyncio.run(press())
    assert sorted(set(answers)) == ["recorded", "repeated"]
    assert answers.count("recorded") == len(sent(store)) == len(rows(store, tables.submissions)) == 10
    assert [row.kind for row in rows(store, tables.events)] == ["lead.created"] * 10


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_two_servers_at_the_same_moment_store_one(store: Store) -> None:
    """On PostgreSQL two processes that are sent the same presses at once store each of them once."""
    other = open_store(store.engine.url.render_as_string(hide_password=False))
    values = [replace(ALICE, submission_id=f"id-{n}", address=f"a{n % 7}@example.com") for n in range(40)]
    mixed = [replace(value, submission_id=None, address=f"b{n % 5}@example.com") for n, value in enumerate(values)]

    async def press() -> list[Outcome]:
        doors = [
            door.write_batched(record_submission, value) for value in values + mixed for door in (other, store)
        ]
        return await asyncio.gather(*doors)

    try:
        answers = asyncio.run(press())
    finally:
        other.close()
    assert "conflict" not in answers
    assert answers.count("recorded") == len(rows(store, tables.submissions)) == 45
    assert len(sent(store)) == 7 * 3 + 5  # an address that was never confirmed gets three letters in an hour
    assert len(rows(store, tables.leads)) == 12


def test_a_network_past_its_limit_is_told_and_its_neighbours_are_served(store: Store) -> None:
    """Sixty in ten minutes are accepted; the next is told when to try again; nothing of it is stored."""

    async def press(count: int, start: int) -> list[object]:
        values = [replace(ALICE, address=f"a{n}@example.com") for n in range(start, start + count)]
        other = replace(ALICE, address=f"neighbour{start}@example.com", network="198.51.100.0/24")
        doors = [store.write_batched(record_submission, value) for value in [*values, other, replace(values[0])]]
        return list(await asyncio.gather(*doors, return_exceptions=True))

    assert asyncio.run(press(59, 0)) == ["recorded"] * 60 + ["repeated"]
    answers = asyncio.run(press(5, 100))
    told = [answer for answer in answers if isinstance(answer, TooOften)]
    assert len(told) == 4
    assert answers[5] == "recorded"
    assert 0 < told[0].retry_after <= 600
    assert len(rows(store, tables.leads)) == len(rows(store, tables.submissions)) == 62
    assert record(store, replace(ALICE, address="late@example.com", now=NOW + timedelta(minutes=10))) == [
        "recorded"
    ]
