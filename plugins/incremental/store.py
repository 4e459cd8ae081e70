# SPDX-License-Identifier: AGPL-3.0-or-later
"""Keeps results from one build to the next, each with the settings that it depends on.

It lies in an SQLite file: a build that is killed leaves it as it was, two builds may use it at once, and of ten
thousand results only those are read that are asked for. Nothing in it is needed. A file that is broken is begun
anew; where none can be had, results last as long as the build.
"""

import json
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any

from plugins.incremental.inputs import Seen, still_so, value_of

SHAPE = 1
"""Of the tables, and of what the results in them are; a file of another shape is begun anew."""

DAYS_KEPT = 30
"""How long a result stays that no build asks for."""

WAIT_SECONDS = 30.0
"""For another build that writes."""

AT_ONCE = 200
"""Results that are written in one transaction: another build waits no longer than for these."""

TABLES = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS settings (id INTEGER PRIMARY KEY, seen TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS results (
    key TEXT NOT NULL, settings INTEGER NOT NULL, day INTEGER NOT NULL, result BLOB NOT NULL,
    PRIMARY KEY (key, settings)
);
CREATE INDEX IF NOT EXISTS results_by_day ON results (day);
"""


class Store:
    """What is kept in one file, as a build with these settings may use it."""

    def __init__(self, file: Path, settings: Mapping[str, Any]) -> None:
        self._file, self._broken = file, False
        self._value = cache(partial(value_of, settings))
        self._today = datetime.now(UTC).toordinal()
        self._asked_for: list[tuple[int, str, int]] = []
        self._unwritten = 0
        self._db = _opened(file)
        self._ids: dict[str, int] = {}

    def get(self, key: str) -> bytes | None:
        """Return the result under a key that was made with settings such as these."""
        for settings, day, result in self._do("SELECT settings, day, result FROM results WHERE key = ?", key):
            if settings in self._good:
                if day != self._today:
                    self._asked_for.append((self._today, key, settings))
                return bytes(result)
        return None

    def known(self, keys: Iterable[str]) -> set[str]:
        """Return those of the keys that have a result."""
        wanted = set(keys)
        found = self._do("SELECT key, settings FROM results")
        return {key for key, settings in found if settings in self._good and key in wanted}

    def put(self, key: str, seen: Seen, result: bytes) -> None:
        """Keep a result with what it depends on; what cannot be written is made again by the next build."""
        told = json.dumps(seen, sort_keys=True)
        if told not in self._ids:
            self._do("INSERT OR IGNORE INTO settings (seen) VALUES (?)", told)
            for (number,) in self._do("SELECT id FROM settings WHERE seen = ?", told):
                self._ids[told] = number
        settings = self._ids.get(told)
        if settings is None:
            return
        self._good.add(settings)
        self._do("INSERT OR REPLACE INTO results VALUES (?, ?, ?, ?)", key, settings, self._today, result)
        self._unwritten += 1
        if self._unwritten == AT_ONCE:
            self.write()

    def close(self) -> None:
        """Keep what is new, and forget what no build has asked for in a long time."""
        for row in self._asked_for:
            self._do("UPDATE results SET day = ? WHERE key = ? AND settings = ?", *row)
        self._do("DELETE FROM results WHERE day < ?", self._today - DAYS_KEPT)
        self._do("DELETE FROM settings WHERE id NOT IN (SELECT settings FROM results)")
        self.write()
        self._db.close()
        if self._broken:
            _take_away(self._file)

    @cached_property
    def _good(self) -> set[int]:
        """What results may depend on, since it is so now. Readers change settings, so all must have been made."""
        found = self._do("SELECT id, seen FROM settings")
        return {number for number, told in found if still_so(json.loads(told), self._value)}

    def _do(self, statement: str, *values: Any) -> list[Any]:
        try:
            return self._db.execute(statement, values).fetchall()
        except sqlite3.DatabaseError as error:
            self._broken |= not isinstance(error, sqlite3.OperationalError)  # that is a full disk, or a lock
            return []

    def write(self) -> None:
        """Write what is new, as far as there is room for it."""
        self._unwritten = 0
        try:
            self._db.commit()
        except sqlite3.DatabaseError:
            self._db.rollback()


def _opened(file: Path) -> sqlite3.Connection:
    """The file with its tables: a new one in place of one that is broken, and memory where none can be had."""
    for _ in range(2):
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            return _with_tables(sqlite3.connect(file, timeout=WAIT_SECONDS))
        except (sqlite3.OperationalError, OSError):
            break
        except sqlite3.DatabaseError:
            _take_away(file)
    return _with_tables(sqlite3.connect(":memory:"))


def _with_tables(db: sqlite3.Connection) -> sqlite3.Connection:
    """The database with its tables. Raises sqlite3.DatabaseError."""
    try:
        if db.execute("PRAGMA user_version").fetchone()[0] not in (0, SHAPE):
            raise sqlite3.DatabaseError("made by another version")
        db.executescript(TABLES)
        db.execute(f"PRAGMA user_version = {SHAPE}")
    except sqlite3.Error:
        db.close()
        raise
    return db


def _take_away(file: Path) -> None:
    for part in (file, Path(f"{file}-wal"), Path(f"{file}-shm")):
        with suppress(OSError):
            part.unlink()
