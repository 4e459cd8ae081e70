# SPDX-License-Identifier: AGPL-3.0-or-later
"""Reads each content file once for its content, with whatever reader the site has for it.

A conversion is known by the bytes of its file and the code that makes it, and is good while the settings and the
other files that its reader looked at are the same. One that its reader complained of is made anew each time, so
that the author hears of it each time.
"""

import io
import logging
import pickle
from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from hashlib import sha256
from importlib.metadata import entry_points
from typing import Any, NamedTuple

from plugins.incremental import forked
from plugins.incremental.code_stamp import stamp
from plugins.incremental.inputs import FILE, Seen, Watched, seen
from plugins.incremental.opened_files import opened
from plugins.incremental.progress import told
from plugins.incremental.store import Store

Result = tuple[Any, Any]
"""What a reader makes of a file: HTML and metadata."""

SETTINGS = "settings"
"""What stands for the settings in a kept result: they are everywhere in it, and today's are given back."""


class Made(NamedTuple):
    """One conversion: its key, what it depends on (None: it cannot be kept), and what it is, in bytes."""

    key: str
    seen: Seen | None
    packed: bytes


class Conversion:
    """Stands in for a reader's `read`, and calls it only where a file has not been read before."""

    def __init__(
        self, reader: Any, names: Iterable[str], settings: MutableMapping[str, Any], store: Store
    ) -> None:
        """`names` are those of the settings that the reader looked at while it was made."""
        self._reader, self._read = reader, reader.read
        self._names = set(names)
        self._settings, self._store = settings, store
        self._keys: dict[str, str] = {}
        self._made: list[Made] = []
        self.looked_at: set[str] = set()
        """What the last conversions depended on, since they were taken."""
        self.text: Any = None
        """The HTML of the last one."""
        self.last_key = ""
        self.is_known = False
        """Whether all that the last one depended on has a text that stands for it."""

    def __call__(self, path: str) -> Result:
        """Return what the reader makes of a file."""
        key = self._keys.get(path) or self.key(path)
        found = self._store.get(key)
        self.is_known = bool(found)
        if found:
            self.looked_at |= found[1]
            read = self._unpacked(found[0])
        else:
            read, made = self._convert(path, key)
            if made is not None:
                self._made.append(made)
                self.is_known = made.seen is not None
                self.looked_at |= set(made.seen or {})
                self.keep(made)
                read = self._unpacked(made.packed)
        self.text, self.last_key = read[0], key
        return read

    def taken(self) -> list[Made]:
        """Return the conversions that were made since the last call."""
        made, self._made, self.looked_at = self._made, [], set()
        return made

    def convert_new(self, paths: Sequence[str]) -> None:
        """Read on all cores what has not been read before; what fails is left for Pelican to try and to tell."""
        self._keys = {path: self.key(path) for path in paths}
        known = self._store.known(self._keys.values())
        new = [path for path, key in self._keys.items() if key not in known]
        if forked.worth_it(new):
            for made in told("Reading texts", len(new), forked.each(self._try, new, aloud=False)):
                if made:
                    self.keep(made)

    def keep(self, made: Made) -> None:
        """Keep a conversion for later builds, where it can be."""
        if made.seen is not None:
            self._store.put(made.key, made.seen, made.packed)

    def key(self, path: str) -> str:
        """Return what a file's conversion is known by."""
        return self.key_of(digest_of(path))

    def key_of(self, digest: str) -> str:
        """Return what the conversion of a file is known by whose bytes the digest stands for."""
        return sha256(f"{self._code}{digest}".encode()).hexdigest()

    def expect(self, path: str, digest: str) -> None:
        """Take a file's digest, which is known, so that the file is read no more than is needed."""
        self._keys[path] = self.key_of(digest)

    def kept_text(self, key: str) -> Any:
        """Return the HTML of a conversion that was kept, None where it is gone."""
        found = self._store.get(key)
        return self._unpacked(found[0])[0] if found else None

    @cached_property
    def _code(self) -> str:
        kind = type(self._reader)
        modules = [parent.__module__ for parent in kind.__mro__ if parent is not object]
        return f"{kind.__module__}:{kind.__qualname__} {stamp([*modules, *extensions(self._settings)])} "

    def _try(self, path: str) -> Made | None:
        try:
            return self._convert(path, self._keys[path])[1]
        except Exception:
            return None

    def _convert(self, path: str, key: str) -> tuple[Result, Made | None]:
        watched = Watched(self._settings)
        with listening() as complaints, opened() as files:
            self._reader.settings = watched
            try:
                read = self._read(path)
            finally:
                self._reader.settings = self._settings
        if complaints.count:
            return read, None
        try:
            packed = self._packed(read)
        except Exception:  # whatever a reader has put there, it cannot be kept
            return read, None
        names = self._names | watched.names | {f"{FILE}{file}" for file in files - {path}}
        return read, Made(key, seen(self._settings, names), packed)

    def _packed(self, read: Result) -> bytes:
        file = io.BytesIO()
        _Packer(file, self._settings).dump(read)
        return file.getvalue()

    def _unpacked(self, packed: bytes) -> Result:
        read: Result = _Unpacker(io.BytesIO(packed), self._settings).load()
        return read


class _Packer(pickle.Pickler):
    def __init__(self, file: io.BytesIO, settings: Mapping[str, Any]) -> None:
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self._settings = settings

    def persistent_id(self, thing: Any) -> str | None:
        return SETTINGS if thing is self._settings or isinstance(thing, Watched) else None


class _Unpacker(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, settings: Mapping[str, Any]) -> None:
        super().__init__(file)
        self._settings = settings

    def persistent_load(self, _: str) -> Any:
        return self._settings


class _Complaints:
    """Counts the records of the level of a warning or above as they are made, those too that a filter drops."""

    def __init__(self) -> None:
        self.count, self._make = 0, logging.getLogRecordFactory()

    def __call__(self, name: str, level: int, *rest: Any, **more: Any) -> logging.LogRecord:
        self.count += level >= logging.WARNING
        return self._make(name, level, *rest, **more)


@contextmanager
def listening() -> Iterator[_Complaints]:
    before, asks = logging.getLogRecordFactory(), logging.Logger.isEnabledFor
    complaints = _Complaints()

    def is_enabled(self: logging.Logger, level: int) -> bool:
        if asks(self, level):
            return True
        complaints.count += level >= logging.WARNING  # with --quiet no record is made
        return False

    logging.setLogRecordFactory(complaints)
    logging.Logger.isEnabledFor = is_enabled  # type: ignore[method-assign]
    try:
        yield complaints
    finally:
        logging.setLogRecordFactory(before)
        logging.Logger.isEnabledFor = asks  # type: ignore[method-assign]


def digest_of(path: str) -> str:
    """Return what stands for a file's bytes."""
    with open(path, "rb") as file:  # noqa: PTH123 - ten thousand of them, and no Path is needed
        return sha256(file.read()).hexdigest()


def extensions(settings: Mapping[str, Any]) -> list[str]:
    """Return the modules of Markdown and of the extensions that a site asks for."""
    asked = settings.get("MARKDOWN", {}).get("extensions", [])
    installed = {one.name: one.module for one in entry_points(group="markdown.extensions")}
    named = [
        installed.get(one, one.partition(":")[0]) if isinstance(one, str) else type(one).__module__
        for one in asked
    ]
    return ["markdown", "pygments", "pelican", *named]
