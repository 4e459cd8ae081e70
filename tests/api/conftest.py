"""The service's stages: a real database of each kind, a fresh one for every test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import Place, with_tables
from databases import database_url, postgresql_database, postgresql_kept, postgresql_tables, postgresql_url

from leadapi.store import Store, open_store
from leadapi.tables import metadata

__all__ = ["database_url", "postgresql_database", "postgresql_kept", "postgresql_tables", "postgresql_url"]


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """The door to an empty database that has all tables."""
    door = open_store(database_url)
    if database_url.startswith("sqlite"):  # on PostgreSQL they are there
        door.write_now(lambda connection, _: metadata.create_all(connection), None)
    yield door
    door.close()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A place with SQLite, without a database yet."""
    return Place(tmp_path, f"sqlite:///{tmp_path}/db.sqlite3")


@pytest.fixture
def ready(place: Place) -> Place:
    """A place with SQLite, with all tables."""
    with_tables(place.good["LEADAPI_DATABASE_URL"])
    return place
