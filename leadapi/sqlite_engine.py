"""SQLite as this service needs it: durable, with one honest file behind every connection.

An open file outlives its name. Where somebody deletes the database, or puts a backup in its place, the connections
that are open would go on writing into a file that nobody will ever find again; what they acknowledge is lost. So
each transaction first looks whether the name still leads to the file that its connection has opened, and opens
what is there now.
"""

import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DisconnectionError, SQLAlchemyError
from sqlalchemy.pool import QueuePool

BUSY_SECONDS = 2
"""How long a lock that somebody else holds is waited for before the caller is told."""


def open_engine(address: URL, **pool: Any) -> Engine:
    """An engine for a SQLite file; nothing is created but the file's folder, and by the first connection the file.

    Once opened, a file that is gone is not made anew: it is an OperationalError with SQLite's code CANTOPEN.
    """
    if address.database:
        Path(address.database).absolute().parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        address.set(drivername="sqlite+pysqlite"),
        **pool,
        poolclass=QueuePool,
        connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
    )
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    if address.database:
        _keep_to_the_file(engine, Path(address.database).absolute())
    return engine


def _prepare(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions are begun below, not guessed by the driver
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def empty_log(engine: Engine) -> bool:
    """Bring all that is committed into the file, and the log to no bytes; False while somebody reads older pages.

    For the writer alone: two connections that checkpoint at once can corrupt the file before SQLite 3.51.3.
    """
    return _outside_transactions(engine, "PRAGMA busy_timeout=0", "PRAGMA wal_checkpoint(TRUNCATE)")


def write_anew(engine: Engine) -> bool:
    """Write the whole file anew, so that it holds what the tables hold and no more, and empty the log.

    For the writer alone. False where it could not be done now: the disk is full, or somebody reads older pages
    (then nothing is written, since the log could not be emptied and would grow with each try).
    """
    return empty_log(engine) and _outside_transactions(engine, "VACUUM") and empty_log(engine)


def _outside_transactions(engine: Engine, *statements: str) -> bool:
    """Whether the last one was carried out."""
    try:
        connection = engine.raw_connection()
        try:
            answers = [connection.cursor().execute(statement).fetchone() for statement in statements]
            connection.cursor().execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}").close()
        finally:
            connection.close()
    except (SQLAlchemyError, sqlite3.Error, OSError):  # the next try may find it mended
        return False
    return answers[-1] is None or answers[-1][0] == 0  # a checkpoint's first word: whether it was kept from it


def _begin(connection: Connection) -> None:
    # A writer takes the lock at once: one that reads first and writes later can fail without waiting.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("writes") else "BEGIN")


def _keep_to_the_file(engine: Engine, path: Path) -> None:
    """Close a connection whose file is not the one at `path` any more, and never make a second file there."""
    opened = False

    def before_connecting(_dialect: Any, _record: Any, _arguments: Any, _options: Any) -> None:
        if opened and not path.exists():  # connecting would make an empty one, without tables
            error = sqlite3.OperationalError(f"{path.name} is gone")
            error.sqlite_errorcode = sqlite3.SQLITE_CANTOPEN
            raise error

    def note(_connection: Any, record: Any) -> None:
        nonlocal opened
        opened, record.info["file"] = True, _identity(path)

    def check(_connection: Any, record: Any, _proxy: Any) -> None:
        if record.info["file"] != _identity(path):
            raise DisconnectionError  # the pool then connects anew

    event.listen(engine, "do_connect", before_connecting)
    event.listen(engine, "connect", note)
    event.listen(engine, "checkout", check)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    return stat.st_dev, stat.st_ino
