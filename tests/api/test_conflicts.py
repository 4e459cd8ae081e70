"""What is not recorded leaves nothing behind: no lead, no count, no letter."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from examples import ALICE, BOB, NOW, by_network, record, reply, rows, sent

from leadapi import leads, rate_limits, tables
from leadapi.comments import record_comment
from leadapi.errors import TooOften
from leadapi.store import Store, open_store
from leadapi.submissions import record_submission

WITH_ID = replace(ALICE, submission_id="one")
STRANGER = replace(WITH_ID, address="stranger@example.com", name="Stranger")
MOST = rate_limits.LEADS_BY_NETWORK.most


@pytest.fixture
def other(store: Store) -> Iterator[Store]:
    """A second server's door to the same PostgreSQL."""
    door = open_store(store.engine.url.render_as_string(hide_password=False))
    yield door
    door.close()


def every_lead_is_exported(store: Store) -> list[str]:
    """The addresses of all leads, each of which is in the export with what it belongs to."""
    exported = store.read_now(lambda connection, _: list(leads.export(connection)), None)
    addresses = sorted(lead.email for lead in rows(store, tables.leads))
    assert sorted(lead["email"] for lead in exported) == addresses
    assert all(lead["submission_ids"] for lead in exported)
    assert len(rows(store, tables.consents)) == len(rows(store, tables.submissions))
    return addresses


def test_a_conflict_stores_no_lead(store: Store) -> None:
    """A known id with other content is refused whole: the address that came with it is not kept."""
    assert record(store, WITH_ID) == ["recorded"]
    assert record(store, STRANGER) == ["conflict"]
    assert every_lead_is_exported(store) == ["Alice@example.com"]
    assert len(sent(store)) == 1


def test_a_conflict_within_one_batch_stores_no_lead(store: Store) -> None:
    """So it is where both come at the same moment; a wish of the stranger's own is stored with its lead."""
    assert record(store, WITH_ID, STRANGER) == ["recorded", "conflict"]
    assert every_lead_is_exported(store) == ["Alice@example.com"]
    own = replace(STRANGER, submission_id="two", name="Carol")
    assert record(store, STRANGER, own) == ["conflict", "recorded"]
    assert every_lead_is_exported(store) == ["Alice@example.com", "stranger@example.com"]
    assert [lead.name for lead in rows(store, tables.leads) if "stranger" in lead.email] == ["Carol"]


def test_only_what_is_recorded_counts(store: Store) -> None:
    """Repeats and conflicts take nothing from a network's limit, in whatever batch they come."""
    record(store, WITH_ID, WITH_ID, STRANGER, replace(ALICE, submission_id="two"))
    record(store, WITH_ID, STRANGER, STRANGER)
    assert list(by_network(store).values()) == [2]


def test_those_past_the_limit_alone_are_refused(store: Store) -> None:
    """In one batch the limit is granted to the last, repeats are answered, and the rest leaves nothing behind."""
    values = [replace(ALICE, address=f"a{n}@example.com") for n in range(MOST + 5)]
    neighbour = replace(ALICE, address="neighbour@example.com", network="198.51.100.0/24")
    answers = record(store, *values, values[0], neighbour, values[-1])
    assert answers[:MOST] == ["recorded"] * MOST
    assert [type(answer) for answer in answers[MOST : MOST + 5]] == [TooOften] * 5
    assert answers[MOST + 5 : -1] == ["repeated", "recorded"]
    assert isinstance(answers[-1], TooOften)
    assert len(every_lead_is_exported(store)) == MOST + 1
    assert sorted(by_network(store).values()) == [1, MOST]
    elsewhere = replace(values[-1], network="203.0.113.0/24")
    assert record(store, values[-1], elsewhere)[1:] == ["recorded"]


def test_replies_past_the_limit_alone_are_refused(store: Store) -> None:
    """The same holds for replies."""
    most = rate_limits.COMMENTS_BY_NETWORK.most
    values = [replace(BOB, body=f"Reply {n}") for n in range(most + 2)]
    answers = reply(store, *values, values[0], replace(BOB, network="198.51.100.0/24"))
    assert answers[:most] == ["recorded"] * most
    assert [type(answer) for answer in answers[most : most + 2]] == [TooOften] * 2
    assert answers[most + 2 :] == ["repeated", "recorded"]
    assert sorted(by_network(store).values()) == [1, most]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_the_loser_of_a_race_leaves_no_lead(store: Store, other: Store) -> None:
    """Two servers get the same id with two addresses at the same moment: one is stored, the other a conflict."""
    for turn in range(10):
        both = [
            replace(one, submission_id=f"id-{turn}", address=f"{turn}{one.address}") for one in (ALICE, STRANGER)
        ]

        async def press(values: list[Any] = both) -> list[Any]:
            pair = zip((store, other), values, strict=True)
            return await asyncio.gather(*(door.write_batched(record_submission, value) for door, value in pair))

        assert sorted(asyncio.run(press())) == ["conflict", "recorded"]
    assert len(every_lead_is_exported(store)) == 10
    assert list(by_network(store).values()) == [10]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_the_limit_is_exact_on_two_servers(store: Store, other: Store) -> None:
    """However presses are spread, a network gets its sixty and no more, and of replies its thirty."""
    presses = [replace(ALICE, address=f"a{n}@example.com") for n in range(MOST + 20)]
    replies = [replace(BOB, body=f"Reply {n}", now=NOW) for n in range(40)]

    async def press() -> list[Any]:
        doors = [(store, other)[n % 2].write_batched(record_submission, value) for n, value in enumerate(presses)]
        doors += [(other, store)[n % 2].write_batched(record_comment, value) for n, value in enumerate(replies)]
        return await asyncio.gather(*doors, return_exceptions=True)

    answers = asyncio.run(press())
    assert answers.count("recorded") == MOST + 30
    assert {type(answer) for answer in answers if answer != "recorded"} == {TooOften}
    assert len(every_lead_is_exported(store)) == MOST
    assert len(rows(store, tables.comments)) == 30
