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
from pathlib import Path

from sqlalchemy import make_url

PATIENCE_SECONDS = 2.0
"""How long a command waits for another that is about to end, such as a migration or a service that stops."""

POLL_SECONDS = 0.05


def take(database_url: str, patience: float = PATIENCE_SECONDS) -> bool:
    """Whether this process may write, from now until it ends. Raises OSError where no lock can be kept."""
    path = _path(database_url)
    if path is None:
        return True
    path.parent.mkdir(parents=True, exist_ok=True)
    return _locked(os.open(path, os.O_RDONLY | os.O_CREAT, 0o644), patience)


def take_at_once(database_url: str) -> bool:
    """As take, for a command that leaves no trace: it does not wait, and makes no file where nobody ever wrote."""
    path = _path(database_url)
    try:
        return path is None or _locked(os.open(path, os.O_RDONLY), 0)
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


def _locked(handle: int, patience: float) -> bool:
    """Whether the lock was free in time; the handle stays open, since closing it would let go."""
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                os.close(handle)
                return False
            time.sleep(POLL_SECONDS)
        else:
            return True
