# SPDX-License-Identifier: AGPL-3.0-or-later
"""The file in which builds keep things for later ones, open for one build.

It is an SQLite file: a build that is killed leaves it as it was, two builds may use it at once, and of ten
thousand things only those are read that are asked for. Nothing in it is needed. A file that is broken is begun
anew; where none can be had, what is kept lasts as long as the build. A worker that was forked reads what was
written before, over a connection of its own, and writes nothing.
"""

import os
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Any
from zlib import crc32

SHAPE = 5
"""Of the tables, and of what is in them; a file of another shape is begun anew."""

WAIT_SECONDS = 30.0
"""For another build that writes."""

TABLES = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS settings (id INTEGER PRIMARY KEY, seen TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS results (
    key TEXT NOT NULL, settings INTEGER NOT NULL, day INTEGER NOT NULL, result BLOB NOT NULL,
    PRIMARY KEY (key, settings)
);
CREATE INDEX IF NOT EXISTS results_by_day ON results (day);
CREATE TABLE IF NOT EXISTS sites (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, day INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS bodies (
    site INTEGER NOT NULL, path TEXT NOT NULL, rest BLOB NOT NULL, text BLOB, result TEXT NOT NULL,
    PRIMARY KEY (site, path)
);
CREATE TABLE IF NOT EXISTS notes (
    site INTEGER NOT NULL, name TEXT NOT NULL, note BLOB NOT NULL, PRIMARY KEY (site, name)
);
"""


SEAL = 4
"""Bytes before what is kept, by which it is known whether a disk has lost some of it: SQLite does not look."""


def sealed(kept: bytes) -> bytes:
    """Return what is to be kept with its seal."""
    return crc32(kept).to_bytes(SEAL, "big") + kept


def unsealed(found: Any) -> bytes | None:
    """Return what was kept, None where it is not what it was."""
    if not isinstance(found, bytes) or len(found) < SEAL:
        return None
    kept = found[SEAL:]
    return kept if crc32(kept).to_bytes(SEAL, "big") == found[:SEAL] else None


class Database:
    """One file with these tables."""

    def __init__(self, file: Path) -> None:
        self._file, self._broken = file, False
        self._process, self._db = os.getpid(), _opened(file)

    def do(self, statement: str, *values: Any) -> list[Any]:
        """Return the rows of a statement; none where it fails, since nothing is needed."""
        try:
            return self._connection().execute(statement, values).fetchall()
        except sqlite3.DatabaseError as error:
            self._broken |= not isinstance(error, sqlite3.OperationalError)  # that is a full disk, or a lock
            return []
        except UnicodeDecodeError:  # of a text, or of what SQLite says is wrong
            self._broken = True
            return []

    def write(self) -> None:
        """Write what is new, as far as there is room for it."""
        if os.getpid() != self._process:
            return
        try:
            self._db.commit()
        except sqlite3.DatabaseError:
            self._db.rollback()

    def close(self) -> None:
        """Write what is new; a file that turned out to be broken goes."""
        self.write()
        self._db.close()
        if self._broken:
            _take_away(self._file)

    def _connection(self) -> sqlite3.Connection:
        if os.getpid() != self._process:  # forked: SQLite's connections stay with their process
            there = f"{self._file.absolute().as_uri()}?mode=ro"
            self._process, self._db = os.getpid(), sqlite3.connect(there, uri=True)
        return self._db


def _opened(file: Path) -> sqlite3.Connection:
    """The file with its tables: a new one in place of one that is broken, and memory where none can be had."""
    for _ in range(2):
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            return _with_tables(sqlite3.connect(file, timeout=WAIT_SECONDS))
        except (sqlite3.OperationalError, OSError):
            break
        except (sqlite3.DatabaseError, UnicodeDecodeError):
            _take_away(file)
    return _with_tables(sqlite3.connect(":memory:"))


def _with_tables(db: sqlite3.Connection) -> sqlite3.Connection:
    """The database with its tables. Raises sqlite3.DatabaseError."""
    try:
        if db.execute("PRAGMA user_version").fetchone()[0] not in (0, SHAPE):
            raise sqlite3.DatabaseError("made by another version")
        db.executescript(TABLES)
        db.execute(f"PRAGMA user_version = {SHAPE}")
    except (sqlite3.Error, UnicodeDecodeError):  # a broken text, in what SQLite says of it too
        db.close()
        raise
    return db


def _take_away(file: Path) -> None:
    for part in (file, Path(f"{file}-wal"), Path(f"{file}-shm")):
        with suppress(OSError):
            part.unlink()
