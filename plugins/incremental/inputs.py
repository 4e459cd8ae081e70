# SPDX-License-Identifier: AGPL-3.0-or-later
"""Knows what a piece of work has looked at, settings and files, and stands for each by a text.

A kept result is good as long as what made it is what it was. What that is, is seen and not declared: a reader of
somebody else's may look at anything.
"""

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from datetime import date, datetime, tzinfo
from enum import Enum
from functools import partial
from hashlib import sha256
from pathlib import Path, PurePath
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

from pelican.contents import Content
from pelican.urlwrappers import URLWrapper

Seen = dict[str, str]
"""What stands for each setting and file that was looked at, "" where there was none."""

FILE = "file:"
"""What the name of a file begins with; no setting's does."""

EVERYTHING = "*"
"""The name under which all settings together are seen: something went through them."""


class Watched(MutableMapping[str, Any]):
    """The settings themselves, with a note of each that is asked for."""

    def __init__(self, settings: MutableMapping[str, Any]) -> None:
        self.settings = settings
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        """Return a setting, and note it whether there is one or not."""
        self.names.add(name)
        return self.settings[name]

    def __setitem__(self, name: str, value: Any) -> None:
        """Change a setting."""
        self.settings[name] = value

    def __delitem__(self, name: str) -> None:
        """Remove a setting."""
        del self.settings[name]

    def __iter__(self) -> Iterator[str]:
        """Go through all."""
        self.names.add(EVERYTHING)
        return iter(self.settings)

    def __bool__(self) -> bool:
        """Whether there are any; the answer is the same for every site."""
        return True

    def __len__(self) -> int:
        """Count all."""
        self.names.add(EVERYTHING)
        return len(self.settings)

    def copy(self) -> dict[str, Any]:
        """Return all, as a dict's copy does."""
        self.names.add(EVERYTHING)
        return dict(self.settings)


def seen(settings: Mapping[str, Any], names: Iterable[str]) -> Seen | None:
    """Return what stands for some settings and files; None where nothing can, since one has no stable text."""
    try:
        return {name: value_of(settings, name) for name in sorted(names)}
    except Unstable:
        return None


def still_so(before: Seen, value: Callable[[str], str]) -> bool:
    """Whether all that was seen before is the same now; `value` is value_of for the settings of now."""
    try:
        return all(value(name) == told for name, told in before.items())
    except Unstable:
        return False


class Unstable(Exception):
    """A value has no text that would be the same in another process."""


def value_of(settings: Mapping[str, Any], name: str) -> str:
    """Return what stands for one setting, or one file. Raises Unstable."""
    if name.startswith(FILE):
        path = Path(name.removeprefix(FILE))
        return sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
    if name == EVERYTHING:
        return sha256(described(dict(settings)).encode()).hexdigest()
    if name not in settings:
        return ""
    return sha256(described(settings[name]).encode()).hexdigest()


def described(value: Any, depth: int = 0) -> str:
    """Return a text that is the same for equal values, in every process. Raises Unstable."""
    if depth > 20:
        raise Unstable
    below = partial(described, depth=depth + 1)
    if isinstance(value, Enum) or value is None or isinstance(value, bool | int | float | complex | str | bytes):
        return f"{type(value).__qualname__} {value!r}"
    if isinstance(value, PurePath):
        return f"path {value}"
    if isinstance(value, re.Pattern):
        return f"pattern {value.pattern!r} {value.flags}"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{below(name)}: {below(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(below, value)) + "]"
    if isinstance(value, set | frozenset):
        return "{" + ", ".join(sorted(map(below, value))) + "}"
    if isinstance(value, Content):
        return f"content {value.relative_source_path or value.slug}"
    if isinstance(value, URLWrapper):
        more = {name: one for name, one in vars(value).items() if name not in ("settings", "_slug")}
        return f"{type(value).__qualname__} {value.slug} {below(more)}"
    if isinstance(value, datetime | date | tzinfo):
        return f"{type(value).__qualname__} {value}"
    if isinstance(value, partial):
        return f"partial {below(value.func)} {below(value.args)} {below(value.keywords)}"
    if isinstance(value, MethodType):
        return f"{_named(value.__func__)} of {below(value.__self__)}"
    if isinstance(value, type | ModuleType | FunctionType | BuiltinFunctionType):
        return _named(value)
    return f"{_named(type(value))} {below(_state(value))}"


def _named(value: Any) -> str:
    """A function or class by its name: what it does is the code's business (code_stamp)."""
    name = getattr(value, "__qualname__", getattr(value, "__name__", ""))
    if not name or "<" in name:  # a lambda, or a function made by another, may be any of several
        raise Unstable
    return f"{getattr(value, '__module__', '')}:{name}{_source(value)}"


def _source(value: Any) -> str:
    """What stands for the file that a function or class was written in, where no package's version does."""
    functions = [value, *vars(value).values()] if isinstance(value, type) else [value]
    file = next((one.__code__.co_filename for one in functions if hasattr(one, "__code__")), "")
    if not file or file.startswith((sys.prefix, sys.base_prefix, "<")) or not Path(file).is_file():
        return ""
    return f" {sha256(Path(file).read_bytes()).hexdigest()}"


def _state(value: Any) -> Any:
    try:
        return vars(value)
    except TypeError:
        raise Unstable from None
