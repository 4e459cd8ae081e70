"""What a rule has erased is in no byte of SQLite's files, since a backup is a copy of them."""

import random
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from examples import NOW
from sqlalchemy import Connection, delete, insert, select

from leadapi import tables
from leadapi.store import Store, leave_no_trace, open_store

PATIENCE = 20.0
leads = tables.leads


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "leadapi.sqlite3"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    door = open_store(f"sqlite:///{path}")
    door.write_now(lambda connection, _: tables.metadata.create_all(connection), None)
    yield door
    door.close()


def add(connection: Connection, number: int) -> None:
    key = f"user{number}@example.com"
    # Random ids and lengths: pages are split in their middle, which is where copies stay.
    name = "n" * random.Random(number).choice([1, 10, 200, 900, 5_000])
    row = {"id": f"{random.Random(number).getrandbits(120):036x}", "address_key": key, "email": key, "name": name}
    connection.execute(insert(leads).values(row | {"created_at": NOW}))


def erase(connection: Connection, numbers: list[int]) -> None:
    for number in numbers:
        connection.execute(delete(leads).where(leads.c.address_key == f"user{number}@example.com"))
    leave_no_trace(connection)


def traces(path: Path, numbers: list[int]) -> list[tuple[str, int]]:
    """Where which of the addresses is found in the bytes."""
    files = {file.name: file.read_bytes() for file in path.parent.glob(f"{path.name}*")}
    return [(name, n) for name, raw in files.items() for n in numbers if f"user{n}@example.com".encode() in raw]


def wait_until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_the_log_is_empty_before_the_answer(store: Store, path: Path) -> None:
    """Who is told that a row is erased can copy all three files at once and find nothing of it."""
    for number in range(20):
        store.write_now(add, number)
    assert traces(path, [7])
    store.write_now(erase, [7])
    assert traces(path, [7]) == []
    assert traces(path, [8])


def test_copies_on_pages_that_were_split_go_too(
    store: Store, path: Path, counts: Callable[[int, int], int]
) -> None:
    """Of many rows, deleted between many others that were added, none is found once the file was written anew."""
    gone: list[int] = []
    for number in range(counts(2_000, 10_000)):
        store.write_now(add, number)
        if number % 3 == 0:
            chosen = random.Random(number).randrange(number + 1)
            gone.append(chosen)
            statement = delete(leads).where(leads.c.address_key == f"user{chosen}@example.com")
            store.write_now(lambda connection, asked: connection.execute(asked).rowcount, statement)
    store.write_now(erase, [1])
    wait_until(lambda: traces(path, [*gone, 1]) == [])
    assert len(store.read_now(lambda connection, _: connection.execute(select(leads.c.id)).all(), None)) > 500


def test_a_reader_of_older_pages_delays_and_does_not_prevent(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While an export reads, the log keeps what it needs; once it has ended the traces go by themselves."""
    monkeypatch.setattr("leadapi.store.CLEAN_AGAIN_SECONDS", 0.05)
    store.write_now(add, 1)
    store.write_now(add, 2)
    export = sqlite3.connect(path)
    export.execute("BEGIN")
    assert export.execute("SELECT count(*) FROM leads").fetchone() == (2,)
    store.write_now(erase, [1])
    assert traces(path, [1])
    assert export.execute("SELECT count(*) FROM leads").fetchone() == (2,)
    export.close()
    wait_until(lambda: traces(path, [1]) == [])
    store.write_now(add, 3)
    assert traces(path, [3])


def test_a_stop_cleans_first(path: Path, store: Store) -> None:
    """A service that is stopped right after an erasing leaves a clean file."""
    for number in range(200):
        store.write_now(add, number)
    store.write_now(erase, list(range(0, 200, 2)))
    store.close()
    assert traces(path, list(range(0, 200, 2))) == []
