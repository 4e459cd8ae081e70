"""One writing process for each SQLite file: `serve` and `migrate` hold a lock beside it, others are told.

The writer thread of store is the only writer of its process; this keeps it the only one of the machine, as before
SQLite 3.51.3 two connections that checkpoint at once can corrupt the file. The kernel lets go of the lock when the
process ends, however it ends (flock, 2), so none is ever left behind. It is a file of its own, since closing any
other handle of the database in this process would drop the locks that SQLite itself holds on it. PostgreSQL takes
as many processes as come.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import make_url

PATIENCE_SECONDS = 2.0
"""How long a command waits for another that is about to end, such as a service that stops."""

POLL_SECONDS = 0.05


class Lock:
    """The right to write; it lasts until it is released, or this process ends."""

    def __init__(self, handle: int | None = None) -> None:
        self._handle = handle

    def release(self) -> None:
        """Let another process write."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def take(database_url: str) -> Lock | None:
    """The lock; None where another process keeps it. Raises OSError where none can be kept."""
    path = _path(database_url)
    if path is None:
        return Lock()
    path.parent.mkdir(parents=True, exist_ok=True)
    return _locked(os.open(path, os.O_RDONLY | os.O_CREAT, 0o644), PATIENCE_SECONDS)


def take_if_free(database_url: str) -> bool:
    """Take the lock until this process ends, unless another has it; for a command that leaves no trace.

    It does not wait, and makes no file where nobody ever wrote.
    """
    path = _path(database_url)
    try:
        return path is None or _locked(os.open(path, os.O_RDONLY), 0) is not None
    except FileNotFoundError:
        return True
    except OSError:  # it is somebody else's
        return False


def _path(database_url: str) -> Path | None:
    address = make_url(database_url)
    if address.get_backend_name() != "sqlite" or not address.database:
        return None
    database = Path(address.database).resolve()  # one file is one database, whatever links lead to it
    return database.with_name(f"{database.name}.lock")


@contextmanager
def turn(database_url: str) -> Iterator[None]:
    """Migrations that start together come one after the other, however long each takes. Raises OSError.

    They queue at the folder: at the lock nobody can tell a migration, which ends soon, from a service.
    """
    path = _path(database_url)
    if path is None:
        yield
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _locked(handle: int, patience: float) -> Lock | None:
    """The lock if it was free in time; its handle stays open, since closing it lets go."""
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                os.close(handle)
                return None
            time.sleep(POLL_SECONDS)
        else:
            return Lock(handle)
