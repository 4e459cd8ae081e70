# SPDX-License-Identifier: AGPL-3.0-or-later
"""Sees what a page is made of while it is rendered.

A template may ask for anything: variables, filters, other templates, posts and whatever hangs on them, and through
a function of a plugin's it may ask for more. Nobody declares it, so it is seen: Jinja resolves each name at one
place and loads each template at one place, and Python asks each post for its attributes at one place.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

from jinja2 import Environment, Template
from jinja2.runtime import Context
from pelican.contents import Content

from plugins.incremental.conversions import listening
from plugins.incremental.kept_contents import OF_THE_BUILD
from plugins.incremental.opened_files import opened

OF_THE_TEXT = frozenset(("content", "get_content", "summary", "get_summary"))
FILTER, TEST = "filter:", "test:"
"""What the names of filters and tests begin with here; no variable's does."""


class Inputs(NamedTuple):
    """What one page was made of: names that were resolved, templates, the attributes that contents were asked for
    (by the path of their file), and files that were read."""

    names: frozenset[str]
    templates: frozenset[str]
    contents: dict[str, frozenset[str]]
    files: frozenset[str]


class _Page:
    """What has been seen so far of one page; `inside` is the content whose own attribute is being worked out."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.templates: set[str] = set()
        self.contents: dict[str, set[str]] = {}
        self.files: set[str] = set()
        self.nameless = False
        self.inside: Any = None

    def take(self, other: "_Page") -> None:
        """Be made of all that something else was made of, too."""
        self.names |= other.names
        self.templates |= other.templates
        self.files |= other.files
        self.nameless |= other.nameless
        for path, names in other.contents.items():
            self.contents.setdefault(path, set()).update(names)


_page: _Page | None = None
_linked: dict[str, dict[str, set[str]]] = {}
"""By content: what its text and summary were made of beside itself. Pelican works them out once, so later pages do
not ask for it again."""

_complained: set[str] = set()
"""The contents of whose text something was said while it was worked out: it is to be said in each build."""

MEMORIES = ("get_content", "get_summary")
"""The functions of a content whose answers Pelican remembers."""

_remembered: dict[str, tuple[Any, dict[Any, Any]]] = {}
"""By their names, while they are watched: Pelican's own function, and its answers of before."""


def _path_of(content: Any) -> str | None:
    path: str | None = object.__getattribute__(content, "__dict__").get("relative_source_path")
    return path


def _get(self: Any, name: str) -> Any:
    page = _page
    if page is None or page.inside is self or name.startswith("__"):
        return object.__getattribute__(self, name)
    page.nameless |= name in OF_THE_BUILD
    path = _path_of(self)
    outer, page.inside = page.inside, self
    try:
        return object.__getattribute__(self, name)
    finally:
        page.inside = outer
        if path is None:
            page.nameless = True
        else:
            page.contents.setdefault(path, set()).add(name)
            if outer is not None and (around := _path_of(outer)) is not None:
                _linked.setdefault(around, {}).setdefault(path, set()).add(name)


def watch_contents() -> None:
    """See what posts, pages and files are asked for, from now on in this process."""
    leave_contents()
    for name in MEMORIES:
        memory = vars(Content)[name]
        _remembered[name] = memory.func, memory.cache
        memory.func, memory.cache = partial(_work_out, memory.func, memory.cache), {}
    Content.__getattribute__ = _get


def forget_contents() -> None:
    """Begin a build, whose contents are others."""
    leave_contents()
    _linked.clear()
    _complained.clear()


def leave_contents() -> None:
    """See it no more."""
    if "__getattribute__" in vars(Content):
        del Content.__getattribute__
    for name, (pelicans_own, before) in _remembered.items():
        memory = vars(Content)[name]
        memory.func, memory.cache = pelicans_own, {**before, **memory.cache} if memory.cache else before
    _remembered.clear()


def _work_out(pelicans_own: Any, before: dict[Any, Any], content: Any, *given: Any) -> Any:
    """Work out what is remembered of a content, to see what it is made of, and return what was answered first."""
    page, path = _page, _path_of(content)
    outer = page.inside if page else None
    if page:
        page.inside = content
    try:
        with listening() as complaints:
            found = pelicans_own(content, *given)
    finally:
        if page:
            page.inside = outer
    if complaints.count and path is not None:
        _complained.add(path)
    return before.get((content, *given), found)


class _WatchedContext(Context):
    def resolve_or_missing(self, key: str) -> Any:
        if _page is not None:
            _page.names.add(key)
        return super().resolve_or_missing(key)

    def __contains__(self, name: str) -> bool:
        if _page is not None:
            _page.names.add(name)
        return super().__contains__(name)


class _WatchedNames(dict[str, Any]):
    """Filters or tests, with a note of each that is taken."""

    def __init__(self, kind: str, named: dict[str, Any]) -> None:
        super().__init__(named)
        self._kind = kind

    def __getitem__(self, name: str) -> Any:
        if _page is not None:
            _page.names.add(f"{self._kind}{name}")
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        if _page is not None:
            _page.names.add(f"{self._kind}{name}")
        return super().get(name, default)


class _WatchedTemplate(Template):
    """Runs once as a module for all pages that import it without their context: each is made of what it is."""

    def _get_default_module(self, ctx: Context | None = None) -> Any:
        global _page
        outer, made_of = _page, vars(self).get("_made_of")
        if outer is None or (ctx is not None and ctx.globals_keys - self.globals.keys()):
            return super()._get_default_module(ctx)
        if made_of is None:
            self._module = None
            _page = made_of = _Page()
            try:
                with opened() as files:
                    super()._get_default_module(ctx)
            finally:
                _page = outer
            made_of.files |= files
            self._made_of = made_of
        outer.take(made_of)
        return self._module


def watch_templates(environment: Environment) -> None:
    """See what templates ask for."""
    environment.template_class = _WatchedTemplate
    environment.context_class = _WatchedContext
    environment.filters = _WatchedNames(FILTER, environment.filters)
    environment.tests = _WatchedNames(TEST, environment.tests)
    environment._load_template = partial(_load, environment._load_template)  # type: ignore[method-assign]


def _load(jinjas_own: Any, name: str, *rest: Any) -> Any:
    if _page is not None:
        _page.templates.add(name)
    return jinjas_own(name, *rest)


@contextmanager
def seen_in(template: str | None) -> Iterator[list[Inputs]]:
    """Hold, once the block has ended, what a page was made of; nothing where that cannot be named."""
    global _page
    found: list[Inputs] = []
    outer, _page = _page, _Page()
    page = _page
    try:
        with opened() as files:
            yield found
    finally:
        _page = outer
    if template is None or page.nameless:
        return
    page.files |= files
    contents = {path: set(names) for path, names in page.contents.items()}
    waiting = list(contents)
    while waiting:
        for path, names in _linked.get(waiting.pop(), {}).items():
            if not names <= contents.get(path, set()):
                contents.setdefault(path, set()).update(names)
                waiting.append(path)
    if any(names & OF_THE_TEXT and path in _complained for path, names in contents.items()):
        return
    found.append(
        Inputs(
            frozenset(page.names),
            frozenset((*page.templates, template)),
            {path: frozenset(names) for path, names in contents.items()},
            frozenset(page.files),
        )
    )
