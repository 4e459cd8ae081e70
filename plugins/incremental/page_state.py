# SPDX-License-Identifier: AGPL-3.0-or-later
"""What is kept of the pages of a build, in types that marshal knows."""

from collections.abc import Mapping
from typing import Any, NamedTuple

Output = tuple[str, int, int, str]
"""A file below the output folder, its size, when it was changed last, and what stands for its bytes, "" where the
size and the time are believed."""


class Call(NamedTuple):
    """What Pelican asks its writer for; `given` are its parameters and the page's variables, `lists` are those of
    the variables that are cut into pages."""

    name: str
    template: Any
    context: Mapping[str, Any]
    given: Mapping[str, Any]
    lists: tuple[str, ...] = ()


class Page(NamedTuple):
    """One page: sets of names and of templates by their numbers, what it was given, the contents it shows, for
    each the number of the set of attributes that plugins gave it, files it read, and the files it is."""

    names: int
    templates: int
    given: str
    contents: tuple[str, ...]
    asked: tuple[int, ...]
    files: tuple[str, ...]
    outputs: tuple[Output, ...]


class State(NamedTuple):
    """All pages of a build by the name that Pelican gave them, the sets, and what stood for each thing."""

    pages: dict[str, tuple[Any, ...]]
    sets: list[frozenset[str]]
    names: dict[str, str | None]
    templates: dict[str, str | None]
    files: dict[str, str]
    kept: dict[str, str | None]
    attributes: dict[str, dict[str, str | None]]
