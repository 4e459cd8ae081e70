"""Two servers on one PostgreSQL: whatever crosses, everybody is answered as if there were one."""

import asyncio
import random
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from examples import ALICE, BOB, NOW, record, rows
from sqlalchemy import Connection, insert, update

from leadapi import leads, tables
from leadapi.comments import record_comment
from leadapi.database_errors import RunAgain
from leadapi.store import Store, open_store
from leadapi.submissions import record_submission
from leadapi.tables import rate_limits

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@pytest.fixture
def other(store: Store) -> Iterator[Store]:
    """The second server's door to the same database, in which a deadlock is found quickly."""
    name = store.engine.url.database
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(f"ALTER DATABASE {name} SET deadlock_timeout = '50ms'")
    store.engine.dispose()
    door = open_store(store.engine.url.render_as_string(hide_password=False))
    yield door
    door.close()


def test_a_deadlock_is_nobodys_loss(store: Store, other: Store) -> None:
    """Two batches that take two rows in opposite order are both committed, each once."""
    rows_of = [{"name": "test", "subject": name, "window_start": NOW, "taken": 0} for name in ("a", "b")]
    store.write_now(lambda connection, _: connection.execute(insert(rate_limits), rows_of), None)
    both_hold_one, tried = threading.Barrier(2), set[str]()
    count = update(rate_limits).values(taken=rate_limits.c.taken + 1)

    def crossing(connection: Connection, values: Sequence[str]) -> list[str]:
        first, second = values[0], "ba"["ab".index(values[0])]
        connection.execute(count.where(rate_limits.c.subject == first))
        if first not in tried:
            tried.add(first)
            both_hold_one.wait(10)
        connection.execute(count.where(rate_limits.c.subject == second))
        return list(values)

    async def both() -> list[Any]:
        crossed = (store.write_batched(crossing, "a"), other.write_batched(crossing, "b"))
        return await asyncio.gather(*crossed, return_exceptions=True)

    assert asyncio.run(both()) == ["a", "b"]
    assert [row.taken for row in rows(store, rate_limits)] == [2, 2]


def test_everything_in_opposite_orders_is_answered(store: Store, other: Store) -> None:
    """Presses, replies and confirmations that reach two servers in opposite orders are each stored once."""
    known = [replace(ALICE, address=f"known{n}@example.com", submission_id=f"known-{n}") for n in range(20)]
    record(store, *known)
    ids = sorted(lead.id for lead in rows(store, tables.leads))
    presses = [
        replace(ALICE, address=f"{('known', 'new')[n % 2]}{n % 20}@example.com", submission_id=f"press-{n}")
        for n in range(40)
    ]
    replies = [replace(BOB, body=f"Reply {n}", submission_id=f"reply-{n}") for n in range(25)]

    jobs: list[tuple[Any, Any]] = [(record_submission, value) for value in presses]
    jobs += [(record_comment, value) for value in replies]
    jobs += [(leads.confirm, leads.Press(lead, None, NOW)) for lead in ids]
    random.Random(1).shuffle(jobs)

    async def press(door: Store, turn: int) -> list[Any]:
        answers: list[Any] = []
        for start in range(0, len(jobs), 17):
            calls = [
                (door.write if rule is leads.confirm else door.write_batched)(rule, value)
                for rule, value in jobs[start : start + 17][::turn]
            ]
            answers += await asyncio.gather(*calls, return_exceptions=True)
        return answers

    async def both() -> list[Any]:
        first, second = await asyncio.gather(press(store, 1), press(other, -1))
        return first + second

    answers = asyncio.run(both())
    assert [answer for answer in answers if isinstance(answer, Exception)] == []
    assert "conflict" not in answers
    assert answers.count("recorded") == len(presses) + len(replies)
    assert len(rows(store, tables.submissions)) == len(rows(store, tables.consents)) == 60
    assert len(rows(store, tables.comments)) == 25
    assert len([row for row in rows(store, tables.outbox) if row.address_hash]) == 60  # the visitors' letters
    assert {lead.status for lead in rows(store, tables.leads) if lead.id in ids} == {"confirmed"}
    limits = rows(store, rate_limits)
    assert {row.name: row.taken for row in limits if row.name.endswith("-network")} == {
        "leads-by-network": 60,
        "comments-by-network": 25,
    }


def test_hot_rules_run_in_one_order_whoever_comes_first(store: Store) -> None:
    """The order of a batch does not depend on who was quicker, so that two servers lock in the same one."""
    seen: list[str] = []

    def leaving(connection: Connection, values: Sequence[int]) -> Sequence[int]:
        seen.append("leaving")
        return values

    def arriving(connection: Connection, values: Sequence[int]) -> Sequence[int]:
        seen.append("arriving")
        return values

    def plain(connection: Connection, value: str) -> None:
        seen.append(value)

    async def batch(*order: int) -> None:
        held = threading.Event()
        writes = [
            lambda: store.write_batched(leaving, 1),
            lambda: store.write(plain, "b"),
            lambda: store.write_batched(arriving, 1),
            lambda: store.write(plain, "a"),
        ]
        first = asyncio.ensure_future(store.write(lambda _connection, _: held.wait(10), None))
        rest = [asyncio.ensure_future(writes[n]()) for n in order]
        await asyncio.sleep(0)
        held.set()
        await asyncio.gather(first, *rest)

    asyncio.run(batch(0, 1, 2, 3))
    asyncio.run(batch(3, 2, 1, 0))
    assert seen == ["arriving", "leaving", "a", "b"] * 2


def test_a_rule_that_was_overtaken_is_run_again(store: Store) -> None:
    """A rule may say that what it looked at has changed; it is run again, and nobody hears of it."""
    tries: list[int] = []

    def overtaken(connection: Connection, values: Sequence[str]) -> Sequence[str]:
        tries.append(len(values))
        if len(tries) < 3:
            raise RunAgain
        return values

    assert asyncio.run(store.write_batched(overtaken, "alice")) == "alice"
    assert tries == [1, 1, 1]
