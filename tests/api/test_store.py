"""The one door to the database: committed before answered, together where possible, each by its own fate."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, insert, select, text
from sqlalchemy.exc import DBAPIError

from leadapi import clock
from leadapi.errors import StoreUnavailable
from leadapi.store import Store, open_store
from leadapi.tables import rate_limits

_insert = insert(rate_limits)


def _row(subject: str) -> dict[str, object]:
    return {"name": "test", "subject": subject, "window_start": clock.now(), "taken": 1}


def add(connection: Connection, subject: str) -> str:
    if subject == "bad":
        raise ValueError(subject)
    connection.execute(_insert, _row(subject))
    return subject


def add_all(connection: Connection, subjects: Sequence[str]) -> list[str]:
    if "bad" in subjects:
        raise ValueError("bad")
    connection.execute(_insert, [_row(subject) for subject in subjects])
    return list(subjects)


def count(connection: Connection, _: object = None) -> int:
    return connection.execute(select(func.count()).select_from(rate_limits)).scalar_one()


async def _answers(store: Store, write: object, subjects: list[str]) -> list[object]:
    return await asyncio.gather(*[write(subject) for subject in subjects], return_exceptions=True)  # type: ignore[operator]


def test_every_write_gets_its_own_answer(store: Store) -> None:
    """A hundred writes at once are answered each with what its own rule returned."""
    subjects = [f"alice{number}" for number in range(100)]
    assert asyncio.run(_answers(store, lambda s: store.write(add, s), subjects)) == subjects
    assert store.read_now(count, None) == 100


def test_a_hot_rule_takes_all_that_waits(store: Store) -> None:
    """A batched rule answers each of a thousand values, in far fewer transactions."""
    subjects = [f"bob{number}" for number in range(1000)]
    calls: list[int] = []

    def counted(connection: Connection, values: Sequence[str]) -> list[str]:
        calls.append(len(values))
        return add_all(connection, values)

    assert asyncio.run(_answers(store, lambda s: store.write_batched(counted, s), subjects)) == subjects
    assert store.read_now(count, None) == 1000
    assert len(calls) < 500


@pytest.mark.parametrize("batched", [False, True])
def test_one_bad_value_harms_nobody(store: Store, batched: bool) -> None:
    """A value whose rule fails gets its error; all others of its batch are stored and answered."""
    subjects = ["alice", "bad", "bob", "carol"]

    def write(subject: str) -> object:
        return store.write_batched(add_all, subject) if batched else store.write(add, subject)

    answers = asyncio.run(_answers(store, write, subjects))
    assert [answer for answer in answers if isinstance(answer, str)] == ["alice", "bob", "carol"]
    assert isinstance(answers[1], ValueError)
    assert store.read_now(count, None) == 3


def test_nothing_is_acknowledged_that_another_connection_cannot_see(store: Store, database_url: str) -> None:
    """An answer comes after the commit: a second door sees the row at once."""
    second = open_store(database_url)
    try:
        for number in range(10):
            store.write_now(add, f"alice{number}")
            assert second.read_now(count, None) == number + 1
    finally:
        second.close()


def test_a_closed_store_refuses(store: Store) -> None:
    """After close nothing is taken that could not be kept."""
    store.close()
    with pytest.raises(StoreUnavailable):
        store.write_now(add, "alice")


def test_sqlite_is_durable_by_setting(tmp_path: Path) -> None:
    """Every SQLite connection keeps a write-ahead log and syncs fully, so that a power cut loses nothing."""
    door = open_store(f"sqlite:///{tmp_path}/deep/er/leadapi.sqlite3")
    try:
        with door.engine.connect() as connection:
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2
            assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1
    finally:
        door.close()


def test_a_locked_file_is_told_as_unavailable(tmp_path: Path) -> None:
    """While another program holds SQLite's lock, a write waits for a bounded time and then says so."""
    door = open_store(f"sqlite:///{tmp_path}/leadapi.sqlite3")
    door.write_now(lambda connection, _: rate_limits.create(connection), None)
    other = open_store(f"sqlite:///{tmp_path}/leadapi.sqlite3")
    try:
        with other.engine.connect() as holder:
            holder.exec_driver_sql("COMMIT")
            holder.exec_driver_sql("BEGIN EXCLUSIVE")
            with pytest.raises(StoreUnavailable):
                door.write_now(add, "alice")
            holder.exec_driver_sql("ROLLBACK")
            holder.exec_driver_sql("BEGIN")
        assert door.write_now(add, "alice") == "alice"
    finally:
        door.close()
        other.close()


def test_an_error_does_not_tell_what_was_stored(store: Store) -> None:
    """The text of a database error, which may come into a log, names no address."""

    def rule(connection: Connection, value: str) -> None:
        connection.execute(text("SELECT no_such_column WHERE 'x' = :address"), {"address": value})

    with pytest.raises(DBAPIError) as told:
        store.write_now(rule, "alice@example.com")
    causes = [told.value, told.value.__cause__, told.value.__context__]
    assert any("no_such_column" in str(error) for error in causes)
    assert not any("alice@example.com" in str(error) for error in causes)
