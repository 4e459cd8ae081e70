"""The file behind SQLite's connections is the one that the next start will find, or nothing is acknowledged."""

import shutil
from pathlib import Path

import pytest
from examples import rows

from leadapi import tables
from leadapi.clock import now
from leadapi.errors import StoreUnavailable
from leadapi.rate_limits import LEADS_BY_NETWORK, probe, take
from leadapi.store import Store, open_store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "leadapi.sqlite3"


@pytest.fixture
def store(path: Path) -> Store:
    door = open_store(f"sqlite:///{path}")
    door.write_now(lambda connection, _: tables.metadata.create_all(connection), None)
    return door


def count(store: Store, subject: str) -> None:
    store.write_now(lambda connection, at: take(connection, LEADS_BY_NETWORK, subject, at), now())


def test_a_database_that_was_deleted_takes_nothing(store: Store, path: Path) -> None:
    """Neither writes nor reads go on in a file that has no name, and no empty one takes its place."""
    count(store, "alice")
    for file in path.parent.glob("leadapi.sqlite3*"):
        file.unlink()
    for _ in range(3):
        with pytest.raises(StoreUnavailable):
            count(store, "bob")
        with pytest.raises(StoreUnavailable):
            rows(store, tables.rate_limits)
    store.close()
    assert not path.exists()


def test_a_backup_that_is_put_back_is_used_at_once(store: Store, path: Path) -> None:
    """What is written after the exchange is in the file that is there now."""
    count(store, "alice")
    store.close()
    shutil.copy(path, path.with_name("backup"))
    store = open_store(f"sqlite:///{path}")
    count(store, "bob")
    path.with_name("backup").replace(path)
    for file in path.parent.glob("leadapi.sqlite3-*"):
        file.unlink()
    count(store, "carol")
    assert sorted(row.subject for row in rows(store, tables.rate_limits)) == ["alice", "carol"]
    store.close()
    store = open_store(f"sqlite:///{path}")
    assert sorted(row.subject for row in rows(store, tables.rate_limits)) == ["alice", "carol"]
    store.close()


def test_being_ready_means_that_something_was_written(store: Store) -> None:
    """The probe leaves a row, since a write that changes nothing succeeds on a full disk too."""
    store.write_now(probe, now())
    [row] = rows(store, tables.rate_limits)
    assert (row.name, row.taken) == ("readiness", 1)
    store.write_now(probe, now())
    [row] = rows(store, tables.rate_limits)
    assert row.taken == 2
    store.close()
