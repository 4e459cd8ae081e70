# SPDX-License-Identifier: AGPL-3.0-or-later
"""What builds keep of one site: its posts and pages by file, and notes of what was built.

A site is its content folder with its settings and the code that builds it, so nothing is ever taken from another.
"""

import marshal
import os
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from time import time_ns
from typing import Any, NamedTuple

from plugins.incremental.database import Database, sealed, unsealed
from plugins.incremental.packing import Head, Packed
from plugins.incremental.store import DAYS_KEPT

HEADS = "heads"
"""The note that holds what is needed of every post; marshal reads it three times as fast as pickle."""

STILL_NS = 2_000_000_000
"""How long a file must have been left alone for its times to say that it is what it was: clocks are coarse."""


class Row(NamedTuple):
    """A file as it was, and what stands for the post or page that was made of it."""

    stamp: str
    digest: str
    settings: int
    head: Head


class SiteRows:
    """The part of the database that belongs to one site."""

    def __init__(self, database: Database, name: str) -> None:
        self._do = database.do
        self._today = datetime.now(UTC).toordinal()
        self._do("INSERT OR IGNORE INTO sites (name, day) VALUES (?, 0)", name)
        found = self._do("SELECT id, day FROM sites WHERE name = ?", name)
        self._site: int = found[0][0] if found else -1
        self._day: int = found[0][1] if found else 0

    def heads(self) -> dict[str, Row]:
        """Return what is kept, by the path of the file."""
        found = self.note(HEADS)
        rows: dict[str, tuple[Any, ...]] = marshal.loads(found) if found else {}  # noqa: S302 - our own file
        return {name: Row(*row) for name, row in rows.items()}

    def put_heads(self, rows: Mapping[str, Row]) -> None:
        """Keep these, and nothing else."""
        self.put_note(HEADS, marshal.dumps({name: tuple(row) for name, row in rows.items()}))

    def put(self, name: str, body: Packed, result: str) -> None:
        """Keep the rest of a post or page and its text, `result` being the key of what its reader made of its
        file."""
        self._do(
            "INSERT OR REPLACE INTO bodies VALUES (?, ?, ?, ?, ?)",
            self._site,
            name,
            sealed(body.rest),
            None if body.text is None else sealed(body.text),
            result,
        )

    def ask_for_all(self) -> None:
        """Note that the site was built today, and that all that its posts and pages were made of is still
        needed."""
        if self._day != self._today:
            needed = "(SELECT result FROM bodies WHERE site = ?)"
            self._do(f"UPDATE results SET day = ? WHERE key IN {needed}", self._today, self._site)  # noqa: S608 - ours
            self._do("UPDATE sites SET day = ? WHERE id = ?", self._today, self._site)

    def forget(self, name: str) -> None:
        """Forget the post or page of a file that is gone."""
        self._do("DELETE FROM bodies WHERE site = ? AND path = ?", self._site, name)

    def body(self, path: str) -> tuple[bytes, bytes | None, str] | None:
        """Return the rest of a post or page, its text, None for what its reader made, and the key of that."""
        found = self._do("SELECT rest, text, result FROM bodies WHERE site = ? AND path = ?", self._site, path)
        if not found:
            return None
        rest, text = unsealed(found[0][0]), None if found[0][1] is None else unsealed(found[0][1])
        lost = rest is None or (text is None and found[0][1] is not None)
        return None if lost or rest is None else (rest, text, found[0][2])

    def note(self, name: str) -> bytes | None:
        """Return what an earlier build has noted."""
        found = self._do("SELECT note FROM notes WHERE site = ? AND name = ?", self._site, name)
        return unsealed(found[0][0]) if found else None

    def put_note(self, name: str, note: bytes) -> None:
        """Note something for later builds."""
        self._do("INSERT OR REPLACE INTO notes VALUES (?, ?, ?)", self._site, name, sealed(note))


def forget_old_sites(database: Database) -> None:
    """Forget what was kept of sites that nobody has built in a long time."""
    day = datetime.now(UTC).toordinal() - DAYS_KEPT
    for (site,) in database.do("SELECT id FROM sites WHERE day < ?", day):
        for table in ("bodies", "notes"):
            database.do(f"DELETE FROM {table} WHERE site = ?", site)  # noqa: S608 - our own names
        database.do("DELETE FROM sites WHERE id = ?", site)


def stamps(folder: str, names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield for each file below a folder what its state says, "" where that is too fresh to be believed."""
    now = time_ns()
    for name in names:
        found = os.stat(f"{folder}/{name}")  # noqa: PTH116 - ten thousand of them, and no Path is needed
        fresh = now - max(found.st_mtime_ns, found.st_ctime_ns) < STILL_NS
        told = "" if fresh else f"{found.st_size} {found.st_mtime_ns} {found.st_ctime_ns} {found.st_ino}"
        yield name, told
