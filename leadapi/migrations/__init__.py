"""How the tables came to be, and how a database is brought up to date (alembic).

Run at the start in development, and by `python -m leadapi migrate` in production, where a server never changes
its own tables: two of them might try at once, and an operator wants to have made a backup first.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

LOCK = 0x1EAD
"""The number under which two migrations on one PostgreSQL wait for each other."""


def upgrade(engine: Engine) -> None:
    """Bring the database to the newest version; nothing happens where it is there already."""
    config = _config()
    with engine.execution_options(writes=True).begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SET LOCAL statement_timeout = 0")  # a large table takes its time
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def current(engine: Engine) -> bool:
    """Whether the database has exactly the tables that this program expects."""
    with engine.connect() as connection:
        version = MigrationContext.configure(connection).get_current_revision()
    return version == ScriptDirectory.from_config(_config()).get_current_head()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
