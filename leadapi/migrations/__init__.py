"""How the tables came to be, and how a database is brought up to date (alembic).

Run at the start in development, and by `python -m leadapi migrate` in production, where a server never changes
its own tables: two of them might try at once, and an operator wants to have made a backup first.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine, inspect

if TYPE_CHECKING:
    from alembic.config import Config

NEWEST = "0005"
"""The revision that this program expects. Alembic finds it out too, at a quarter of a second for every command."""

LOCK = 0x1EAD
"""The number under which two migrations on one PostgreSQL wait for each other."""


class Unknown(Exception):
    """The database's version is none that this program knows: a newer one made it."""


def upgrade(engine: Engine) -> None:
    """Bring the database to the newest version; nothing happens where it is there already. Raises Unknown."""
    if current(engine):
        return
    from alembic import command, util  # takes a quarter of a second, and only a migration needs it

    config = _config()
    with engine.execution_options(writes=True).begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SET LOCAL statement_timeout = 0")  # a large table takes its time
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except util.CommandError as error:
            raise Unknown(str(error)) from error


def current(engine: Engine) -> bool:
    """Whether the database has exactly the tables that this program expects."""
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return False
        found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalars().all()
    return list(found) == [NEWEST]


def _config() -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
