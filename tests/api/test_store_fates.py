"""What goes wrong is told to those it concerns: one value's own fault to it alone, a lost database to all."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import DBAPIError

from leadapi import clock
from leadapi.errors import StoreUnavailable
from leadapi.store import Store
from leadapi.tables import rate_limits

Fault = Callable[[Connection], Any]

postgresql_only = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
_insert = insert(rate_limits)


def put(connection: Connection, subject: str) -> None:
    row = {"name": "test", "subject": subject, "window_start": clock.now(), "taken": 1}
    connection.execute(_insert, row)


def subjects(door: Store) -> list[str]:
    query = select(rate_limits.c.subject).order_by(rate_limits.c.subject)
    return door.read_now(lambda connection, _: list(connection.execute(query).scalars()), None)


def together(door: Store, *writes: tuple[Callable[[Connection, Any], Any], Any, bool]) -> list[Any]:
    """The answers of (rule, value, batched) writes that wait at the same moment, so that they are one batch."""
    held = threading.Event()

    async def answers() -> list[Any]:
        first = asyncio.ensure_future(door.write(lambda _connection, _: held.wait(10), None))
        rest = [door.write_batched(rule, value) if hot else door.write(rule, value) for rule, value, hot in writes]
        tasks = [asyncio.ensure_future(one) for one in rest]
        await asyncio.sleep(0)
        held.set()
        return (await asyncio.gather(first, *tasks, return_exceptions=True))[1:]

    return asyncio.run(answers())


def bad_statement(connection: Connection) -> None:
    connection.exec_driver_sql("SELECT no_such_column FROM rate_limits")


def too_slow(connection: Connection) -> None:
    connection.exec_driver_sql("SET LOCAL statement_timeout = 20")
    connection.exec_driver_sql("SELECT pg_sleep(60)")


def locked_row(connection: Connection) -> None:
    connection.exec_driver_sql("DO $$ BEGIN RAISE EXCEPTION 'busy' USING ERRCODE = '55P03'; END $$")


def full(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("DO $$ BEGIN RAISE EXCEPTION 'full' USING ERRCODE = '53100'; END $$")
    connection.exec_driver_sql("PRAGMA max_page_count = 1")
    connection.exec_driver_sql("CREATE TABLE more (x)")


def read_only(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL transaction_read_only = on")
        return put(connection, "read-only")
    connection.exec_driver_sql("PRAGMA query_only = ON")
    try:
        return put(connection, "read-only")
    finally:
        connection.exec_driver_sql("PRAGMA query_only = OFF")


def cut_off(connection: Connection) -> None:
    connection.exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid())")


def broken_by(fault: Fault) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """A plain and a hot rule that store their values, and at "bad" meet the fault."""

    def one(connection: Connection, subject: str) -> str:
        if subject == "bad":
            fault(connection)
        put(connection, subject)
        return subject

    def many(connection: Connection, values: Sequence[str]) -> list[str]:
        return [one(connection, subject) for subject in values]

    return one, many


@pytest.mark.parametrize("hot", [False, True])
@pytest.mark.parametrize(
    ("database_url", "fault", "told"),
    [
        ("sqlite", bad_statement, DBAPIError),
        ("postgresql", bad_statement, DBAPIError),
        ("postgresql", too_slow, StoreUnavailable),
        ("postgresql", locked_row, StoreUnavailable),
    ],
    indirect=["database_url"],
)
def test_a_statement_that_fails_harms_its_own_value_alone(
    store: Store, fault: Fault, told: type[Exception], hot: bool
) -> None:
    """A fault of one value's statements is told to its sender; all others of the batch are stored and answered."""
    one, many = broken_by(fault)
    values = ["alice", "bad", "bob", "carol"]
    answers = together(store, *((many if hot else one, value, hot) for value in values))
    assert isinstance(answers.pop(1), told)
    assert answers == subjects(store) == ["alice", "bob", "carol"]


@pytest.mark.parametrize(
    ("database_url", "fault"),
    [
        ("sqlite", full),
        ("sqlite", read_only),
        ("postgresql", full),
        ("postgresql", read_only),
        ("postgresql", cut_off),
    ],
    indirect=["database_url"],
)
def test_a_database_that_is_away_is_told_to_all(store: Store, fault: Fault) -> None:
    """Full, read-only or cut off, nothing of the batch is stored, everybody is told so, and the next is served."""
    one, many = broken_by(fault)
    answers = together(store, *((many, value, True) for value in ("alice", "bad")), (one, "bob", False))
    assert [type(answer) for answer in answers] == [StoreUnavailable] * 3
    assert subjects(store) == []
    store.engine.dispose()  # SQLite's page limit went with its connection
    assert store.write_now(one, "dave") == "dave"


def test_a_failing_rule_leaves_the_hot_batch_whole(store: Store) -> None:
    """Where another rule fails, the values of a hot one are tried again together and not one by one."""
    calls: list[int] = []

    def many(connection: Connection, values: Sequence[str]) -> list[str]:
        calls.append(len(values))
        return list(values)

    def fails(_connection: Connection, _: str) -> None:
        raise ValueError

    answers = together(store, *((many, f"alice{n}", True) for n in range(9)), (fails, "bad", False))
    assert answers[:9] == [f"alice{n}" for n in range(9)]
    assert isinstance(answers[9], ValueError)
    assert calls == [9, 9]


def test_a_hot_rule_may_refuse_some_and_serve_the_others(store: Store) -> None:
    """An answer that is an error is raised to its own caller; the rule is run once."""
    calls: list[int] = []

    def many(connection: Connection, values: Sequence[str]) -> list[str | ValueError]:
        calls.append(len(values))
        return [ValueError(value) if value == "bad" else value for value in values]

    answers = together(store, *((many, value, True) for value in ("alice", "bad", "bob")))
    assert isinstance(answers[1], ValueError)
    assert (answers[0], answers[2], calls) == ("alice", "bob", [3])


@postgresql_only
def test_slow_values_hold_up_the_others_for_a_bounded_time(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """When statements run into their time limit, those whose turn has not come in time are told to come again."""
    monkeypatch.setattr("leadapi.store.PATIENCE_SECONDS", 0.0)
    one, _ = broken_by(too_slow)
    answers = together(store, (one, "bad", False), (one, "bob", False))
    assert [type(answer) for answer in answers] == [StoreUnavailable] * 2
    assert subjects(store) == []


def test_a_read_sees_one_state(store: Store) -> None:
    """What is committed while a query runs is not half seen by it."""
    one, _ = broken_by(bad_statement)
    store.write_now(one, "alice")

    def twice(connection: Connection, _: None) -> list[int]:
        seen = [len(connection.execute(select(rate_limits)).all())]
        store.write_now(one, "bob")
        return [*seen, len(connection.execute(select(rate_limits)).all())]

    assert store.read_now(twice, None) == [1, 1]
    assert subjects(store) == ["alice", "bob"]
