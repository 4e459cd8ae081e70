# SPDX-License-Identifier: AGPL-3.0-or-later
"""Stands for what pages are given by a short text that is equal for equal values, in every build.

A post is its file: what it says is another matter, and seen by itself. A function is believed where the code that
it comes from is known to give the same for the same, Jinja's and Pelican's own; one of a plugin's has to say what
else it was made of, in an attribute MADE_OF. What has no such text is different each time.
"""

import re
import sys
from collections.abc import Mapping
from datetime import date, datetime
from functools import partial
from hashlib import sha256
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

from markupsafe import Markup
from pelican.contents import Content
from pelican.utils import SafeDatetime

from plugins.incremental.inputs import Unstable, described

MADE_OF = "made_of"
"""The attribute of a function for templates: what its answers depend on beside what it is given and looks up."""

STEADY = ("jinja2", "markupsafe", "pelican")
OF_PYTHON = frozenset(
    (
        *("builtins", "collections", "datetime", "decimal", "enum", "fractions", "pathlib", "re"),
        *("types", "urllib", "uuid", "zoneinfo"),
    )
)
SIMPLE = frozenset(
    (str, int, bool, float, complex, bytes, type(None), datetime, date, SafeDatetime, Markup, re.Pattern)
)
MANY = frozenset((list, tuple, set, frozenset))
DEEP = 20
PURE = (abs, callable, len, max, min, round, sorted, sum)
UNSTEADY = ("lipsum", "filter:random")
PLAIN = (str, int, bool, type(None))
LONG = 200
"""Signs from which on a text is kept as its hash."""


class Stamps:
    """The texts of one build; a value that is met again is not looked at again."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Any, str | None]] = {}

    def of(self, value: Any) -> str | None:
        """Return what stands for a value, None where nothing can."""
        if type(value) in PLAIN:
            told = f"{type(value).__name__} {value}"
            return told if len(told) < LONG else sha256(told.encode("utf-8", "surrogatepass")).hexdigest()
        if isinstance(value, Content):
            return f"@{value.relative_source_path}" if value.relative_source_path else None
        known = self._known.get(id(value))
        if known is None:
            known = self._known[id(value)] = value, self._made(value)  # held, so that its number stays its own
        return known[1]

    def of_list(self, contents: Any) -> str | None:
        """Return what stands for a list that is made anew for each page."""
        if type(contents) in (list, tuple) and contents and all(map(is_content, contents)):
            return "\n".join([one.relative_source_path or "" for one in contents])
        return self.of(contents)

    def of_named(self, name: str, value: Any) -> str | None:
        """Return what stands for what a template asks for by name: a variable, a filter or a function."""
        if name in UNSTEADY:
            return None
        return self._of_function(value) if callable(value) and not isinstance(value, Content) else self.of(value)

    def _of_function(self, function: Any) -> str | None:
        if hasattr(function, MADE_OF):
            made_of = self.of(getattr(function, MADE_OF))
            return None if made_of is None else f"{_name(function)} {made_of}"
        if isinstance(function, MethodType):
            owner = self.of(function.__self__) if _is_steady(_module(function)) else None
            return None if owner is None else f"{_name(function)} {owner}"
        if isinstance(function, partial):
            parts = self._of_function(function.func), self.of(function.args), self.of(function.keywords)
            return None if None in parts else f"partial {parts}"
        if isinstance(function, type):
            steady = _module(function) == "builtins" or _is_steady(_module(function))
            return _name(function) if steady else None
        if isinstance(function, FunctionType | BuiltinFunctionType) or function in PURE:
            steady = _is_steady(_module(function)) or function in PURE or _module(function) == "_operator"
            return _name(function) if steady and "<" not in _name(function) else None
        held = self.of(dict(vars(function))) if _is_steady(type(function).__module__) else None
        return None if held is None else f"{_name(function)} {held}"

    def _made(self, value: Any) -> str | None:
        try:
            told = described(value) if self._is_data(value) else None
        except (Unstable, RecursionError):
            return None
        return (
            told if told is None or len(told) < LONG else sha256(told.encode("utf-8", "surrogatepass")).hexdigest()
        )

    def _is_data(self, value: Any, depth: int = 0) -> bool:
        """Whether whoever has a value can ask it for nothing but what it holds."""
        kind = type(value)
        if kind in SIMPLE or isinstance(value, Content):
            return True
        below = partial(self._is_data, depth=depth + 1)
        if depth > DEEP or isinstance(value, ModuleType):
            return False
        if kind in MANY:
            return all(map(below, value))
        if isinstance(value, Mapping):
            return _is_known(kind) and all(map(below, value)) and all(map(below, value.values()))
        if hasattr(value, MADE_OF):
            return True
        if isinstance(value, type) or (callable(value) and depth):
            return self._of_function(value) is not None
        if not _is_known(kind):
            return False
        held = getattr(value, "__dict__", {})
        return all(below(one) for name, one in held.items() if name != "settings")


def is_content(value: Any) -> bool:
    """Whether a value is a post, a page or a file that is copied."""
    return isinstance(value, Content)


def _is_steady(module: str) -> bool:
    """Whether what a module's functions answer depends on what they are given alone."""
    return module.partition(".")[0] in STEADY and (
        not module.startswith("pelican.plugins.") or module.startswith("pelican.plugins._")
    )


def _is_known(kind: type) -> bool:
    """Whether a class does with what its things hold nothing but show it."""
    package = kind.__module__.partition(".")[0]
    return (
        package in OF_PYTHON
        or _is_steady(kind.__module__)
        or bool(getattr(sys.modules.get(package), "ASSIGNS_ONLY", False))
    )


def _module(value: Any) -> str:
    return getattr(value, "__module__", None) or ""


def _name(function: Any) -> str:
    return f"{_module(function)}:{getattr(function, '__qualname__', type(function).__qualname__)}"
