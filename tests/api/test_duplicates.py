"""However often and wherever one press of the button arrives, it is one submission, one letter and one event."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from examples import ALICE, rows
from sqlalchemy import func, select

from leadapi import tables
from leadapi.store import Store, open_store
from leadapi.submission_rows import Submission
from leadapi.submissions import record_submission

Counts = Callable[[int, int], int]
AT_ONCE = 500


@pytest.fixture
def servers(store: Store) -> Iterator[list[Store]]:
    """The doors of all processes that write: two on PostgreSQL, one on SQLite."""
    if store.engine.dialect.name == "sqlite":
        yield [store]
        return
    other = open_store(store.engine.url.render_as_string(hide_password=False))
    yield [store, other]
    other.close()


def test_double_presses_replays_and_two_servers_make_one_of_each(
    store: Store, servers: list[Store], counts: Counts
) -> None:
    """Each id is sent 2 to 20 times, mixed, to all servers: all answers but one say that it is there already."""
    ids, chance = counts(300, 10_000), random.Random(3)
    presses = [
        value
        for n in range(ids)
        for value in [
            replace(
                ALICE,
                submission_id=f"id-{n}",
                address=f"a{n}@example.com",
                network=f"10.{n // 10_000}.{n // 40 % 250}.0/24",
                post=f"post-{n % 97}",
                proven=True,
            )
        ]
        * chance.randint(2, 20)
    ]
    for start in range(0, len(presses), AT_ONCE):  # copies that follow each other are near each other, and mixed
        part = presses[start : start + AT_ONCE]
        chance.shuffle(part)
        presses[start : start + AT_ONCE] = part

    async def press() -> list[Any]:
        answers: list[Any] = []
        for start in range(0, len(presses), AT_ONCE):
            part: list[Submission] = presses[start : start + AT_ONCE]
            doors = [chance.choice(servers).write_batched(record_submission, value) for value in part]
            answers += await asyncio.gather(*doors)
        return answers

    assert Counter(asyncio.run(press())) == {"recorded": ids, "repeated": len(presses) - ids}
    for table in (tables.submissions, tables.leads, tables.outbox, tables.events, tables.consents):
        counted = store.read_now(
            lambda connection, table: connection.execute(select(func.count()).select_from(table)).scalar_one(),
            table,
        )
        assert counted == ids, table.name
    assert {row.kind for row in rows(store, tables.events)} == {"lead.created"}
    other = replace(presses[0], name="Mallory")
    assert asyncio.run(servers[-1].write_batched(record_submission, other)) == "conflict"
