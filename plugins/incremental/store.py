# SPDX-License-Identifier: AGPL-3.0-or-later
"""Keeps results from one build to the next, each with the settings and files that it depends on."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import cache, cached_property, partial
from typing import Any

from plugins.incremental.database import Database, sealed, unsealed
from plugins.incremental.inputs import Seen, still_so, value_of

DAYS_KEPT = 30
"""How long a result stays that no build asks for."""

SETTINGS_KEPT = 500
"""How many of the last combinations of settings and files stay, though no result here depends on them."""

AT_ONCE = 200
"""Results that are written in one transaction: another build waits no longer than for these."""


class Store:
    """What is kept in one file, as a build with these settings may use it."""

    def __init__(self, database: Database, settings: Mapping[str, Any]) -> None:
        self._do, self.write = database.do, database.write
        self._value = cache(partial(value_of, settings))
        self._today = datetime.now(UTC).toordinal()
        self._asked_for: list[tuple[int, str, int]] = []
        self._unwritten = 0
        self._ids: dict[str, int] = {}

    def get(self, key: str) -> tuple[bytes, set[str]] | None:
        """Return the result under a key that was made with settings such as these, and the names of what it
        depends on."""
        for settings, day, result in self._do("SELECT settings, day, result FROM results WHERE key = ?", key):
            whole = unsealed(result) if settings in self._good else None
            if whole is not None:
                if day != self._today:
                    self._asked_for.append((self._today, key, settings))
                return whole, self._good[settings]
        return None

    def known(self, keys: Iterable[str]) -> set[str]:
        """Return those of the keys that have a result."""
        wanted = set(keys)
        found = self._do("SELECT key, settings FROM results")
        return {key for key, settings in found if settings in self._good and key in wanted}

    def put(self, key: str, seen: Seen, result: bytes) -> None:
        """Keep a result with what it depends on; what cannot be written is made again by the next build."""
        settings = self.id_of(seen)
        if settings is not None:
            statement = "INSERT OR REPLACE INTO results VALUES (?, ?, ?, ?)"
            self._do(statement, key, settings, self._today, sealed(result))
            self.count()

    def id_of(self, seen: Seen) -> int | None:
        """Return the number under which it is kept what something depends on; None where it cannot be."""
        told = json.dumps(seen, sort_keys=True)
        if told not in self._ids:
            self._do("INSERT OR IGNORE INTO settings (seen) VALUES (?)", told)
            for (number,) in self._do("SELECT id FROM settings WHERE seen = ?", told):
                self._ids[told] = number
                self._good[number] = set(seen)
        return self._ids.get(told)

    def is_good(self, settings: int) -> bool:
        """Whether what something depends on, by its number, is what it was."""
        return settings in self._good

    def count(self) -> None:
        """Write what is new, once there is enough of it."""
        self._unwritten += 1
        if self._unwritten >= AT_ONCE:
            self._unwritten = 0
            self.write()

    def close(self) -> None:
        """Forget what no build has asked for in a long time."""
        for row in self._asked_for:
            self._do("UPDATE results SET day = ? WHERE key = ? AND settings = ?", *row)
        self._do("DELETE FROM results WHERE day < ?", self._today - DAYS_KEPT)
        unused = "id NOT IN (SELECT settings FROM results) AND id < (SELECT max(id) FROM settings) - ?"
        self._do(f"DELETE FROM settings WHERE {unused}", SETTINGS_KEPT)  # noqa: S608 - our own words

    @cached_property
    def _good(self) -> dict[int, set[str]]:
        """What results may depend on, since it is so now. Readers change settings, so all must have been made."""
        found = ((number, _loaded(told)) for number, told in self._do("SELECT id, seen FROM settings"))
        return {number: set(seen) for number, seen in found if seen is not None and still_so(seen, self._value)}


def _loaded(told: Any) -> Seen | None:
    try:
        seen = json.loads(told)
    except (TypeError, ValueError):  # a file that was broken by somebody
        return None
    return seen if isinstance(seen, dict) else None
