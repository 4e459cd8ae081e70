# SPDX-License-Identifier: AGPL-3.0-or-later
"""Knows which pages are still what rendering them would give.

With each page it is kept what it was made of (page_inputs), and once for all pages what stands for each of these
things. The next build looks what has changed among the things; a page that none of it concerns, that was given the
same, and whose file lies where it was written, is left alone. Whatever has no text that stands for it counts as
changed, so its page is rendered each time.
"""

import os
import sys
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from jinja2 import Environment, TemplateNotFound

from plugins.incremental.content_stamps import WORKED_OUT, WORKING, ContentStamps
from plugins.incremental.inputs import FILE, value_of
from plugins.incremental.kept_contents import ABSENT
from plugins.incremental.notes import note, noted
from plugins.incremental.page_inputs import FILTER, TEST, Inputs
from plugins.incremental.page_state import Call, Output, Page, State
from plugins.incremental.trees import content_hash
from plugins.incremental.value_stamps import Stamps

NOT_GIVEN = frozenset(("name", "template", "context", "paginated", "template_name", "override_output", "url"))
"""Parameters of the writer that are no variables of the page."""


class PageRecords:
    """The pages of the last build, beside the things as they are now."""

    def __init__(
        self, settings: Any, output: str, environment: Environment, context: Mapping[str, Any], trusted: bool
    ) -> None:
        self._settings, self._output = settings, output
        self._environment, self._context = environment, context
        self._note = f"pages {settings.get('SITE_PATH', output)}"
        self._stamps = Stamps()
        self._of_contents = ContentStamps(context, self._stamps, trusted=trusted)
        self._alike: dict[int, tuple[Any, bool]] = {id(environment): (environment, True)}
        self.written: set[str] | None = None
        """The files that Pelican has written in this build, its writer's own set; None where nobody knows."""
        self._as_built: dict[str, str] | None = settings.get("FILES_AS_BUILT")  # plugins.whole_site has it
        before = noted(settings, self._note)
        self.before = State(*before) if before else State({}, [], {}, {}, {}, {}, {})
        self._pages: dict[str, tuple[Any, ...]] = {}
        self._names: dict[str, str | None] = {}
        self._asked: dict[tuple[Any, ...], tuple[frozenset[str], list[str]]] = {}
        self._changed = False
        self._sets: dict[frozenset[str], int] = {found: number for number, found in enumerate(self.before.sets)}

    # What has changed.

    def fresh(self, call: Call) -> Page | None:
        """Return a page of the last build where rendering it again would give the same, and its files are
        there."""
        told = self.before.pages.get(call.name)
        if told is None or not self._can_be_named(call):
            return None
        page = Page(*told)
        if (
            page.names in self._changed_names
            or page.templates in self._changed_templates
            or (self._changed_contents and any(map(self._concerns, page.contents, page.asked)))
            or not self._changed_files.isdisjoint(page.files)
            or page.given != self._given(call, page.names, self.before.sets[page.names])
            or not all(map(self._lies_there, page.outputs))
        ):
            return None
        self._pages[call.name] = told
        return page

    def _can_be_named(self, call: Call) -> bool:
        """Whether names mean on this page what they mean on all."""
        if call.context is not self._context:
            return False
        other = getattr(call.template, "environment", None)
        if id(other) not in self._alike:
            self._alike[id(other)] = other, other is not None and self._is_alike(other)
        return self._alike[id(other)][1]

    def _is_alike(self, other: Environment) -> bool:
        for kind, name in ((FILTER, "filters"), (TEST, "tests"), ("", "globals")):
            mine, its = getattr(self._environment, name), getattr(other, name)
            if mine.keys() != its.keys():
                return False
            for one, value in dict.items(mine):
                if value is not dict.get(its, one):
                    stamps = [
                        self._stamps.of_named(f"{kind}{one}", found[one]) for found in (dict(mine), dict(its))
                    ]
                    if stamps[0] is None or stamps[0] != stamps[1]:
                        return False
        return True

    def _concerns(self, path: str, asked: int) -> bool:
        changed = self._changed_contents.get(path, frozenset())
        return changed is None or not changed.isdisjoint(self.before.sets[asked])

    @cached_property
    def _changed_names(self) -> set[int]:
        changed = {name for name, was in self.before.names.items() if was is None or self._of_name(name) != was}
        return self._sets_with(changed)

    @cached_property
    def _changed_templates(self) -> set[int]:
        changed = {
            name for name, was in self.before.templates.items() if was is None or self._of_template(name) != was
        }
        return self._sets_with(changed)

    def _sets_with(self, changed: set[str]) -> set[int]:
        return {
            number for number, names in enumerate(self.before.sets) if changed and not changed.isdisjoint(names)
        }

    @cached_property
    def _changed_files(self) -> set[str]:
        return {file for file, was in self.before.files.items() if value_of(self._settings, file) != was}

    @cached_property
    def _changed_contents(self) -> dict[str, frozenset[str] | None]:
        """By path, the attributes that are others; None: any may be."""
        changed: dict[str, frozenset[str] | None] = {
            path: None
            for path, was in self.before.kept.items()
            if was is None or self._of_contents.kept_as(path) != was
        }
        for name, before in self.before.attributes.items():
            now = self._of_contents.of_attribute(name)
            for path in before.keys() | now.keys():
                was = before.get(path, "")
                if was is None or now.get(path, "") != was:
                    others = changed.get(path, frozenset())
                    if others is not None:
                        changed[path] = others | {name}
        return changed

    def _lies_there(self, output: Output) -> bool:
        name, size, changed, content = output
        if self._as_built is not None:
            return self._as_built.get(name) == content
        try:
            found = os.stat(f"{self._output}/{name}")  # noqa: PTH116 - ten thousand of them, and no Path is needed
        except OSError:
            return False
        return found.st_size == size and found.st_mtime_ns == changed

    # What stands for the things as they are now.

    def _of_name(self, name: str) -> str | None:
        """What stands for a name that pages look up, as it was when it was asked for first."""
        if name not in self._names:
            value = self._named(name, ABSENT)
            unknown = None if name.startswith((FILTER, TEST)) else ""
            self._names[name] = unknown if value is ABSENT else self._stamps.of_named(name, value)
        return self._names[name]

    def _named(self, name: str, absent: Any) -> Any:
        kind, _, rest = name.partition(":")
        if f"{kind}:" in (FILTER, TEST):
            known = self._environment.filters if f"{kind}:" == FILTER else self._environment.tests
            return dict.get(known, rest, absent)  # not to be noted
        return self._context.get(name, self._environment.globals.get(name, absent))

    def _of_template(self, name: str) -> str | None:
        try:
            return self._stamps.of(self._environment.loader.get_source(self._environment, name)[0])  # type: ignore[union-attr]
        except TemplateNotFound:
            return ""

    def _given(self, call: Call, number: int, names: frozenset[str]) -> str | None:
        """What stands for the variables that a page is given and looks up, whose names have a number as a set."""
        of_call = number, len(call.given), call.lists
        asked = self._asked.get(of_call)
        if asked is None or not call.given.keys() >= asked[0]:
            looked_up = names.union(call.lists, ("relative_urls",))
            asked = self._asked[of_call] = frozenset(call.given), sorted(call.given.keys() & looked_up - NOT_GIVEN)
        told = [str(getattr(call.template, "name", None))]
        if call.lists:  # where a list is cut, and what the addresses of its parts are made of
            told.append(str(call.given.get("url")))
        values = [(name, call.given[name]) for name in asked[1]]
        if call.given.get("paginated"):
            values.append(("paginated", call.given["paginated"]))
        for name, value in values:
            stamp = self._stamps.of_list(value)
            if stamp is None:
                return None
            told.append(f"{name}={stamp}")
        return "\n".join(told)

    # What is kept of this build.

    def put(self, call: Call, inputs: Inputs, outputs: Iterable[Output]) -> None:
        """Keep what a page was made of and which files it is, as far as all of it can be named."""
        names = self._number(inputs.names)
        given = self._given(call, names, inputs.names)
        if given is None or not self._can_be_named(call):
            return
        numbers = [
            self._number(asked if WORKED_OUT.isdisjoint(asked) else asked | {WORKING})
            for asked in inputs.contents.values()
        ]
        self._changed = True
        self._pages[call.name] = (
            names,
            self._number(inputs.templates),
            given,
            tuple(map(sys.intern, inputs.contents)),
            tuple(numbers),
            tuple(f"{FILE}{file}" for file in sorted(inputs.files)),
            tuple(outputs),
        )

    def _number(self, names: frozenset[str]) -> int:
        return self._sets.setdefault(names, len(self._sets))

    def output_of(self, file: str) -> Output:
        """Return what is kept of a page's file that lies below the output folder."""
        found, name = os.stat(file), file.removeprefix(self._top())  # noqa: PTH116
        content = "" if self._as_built is None else content_hash(Path(file).read_bytes())
        return name, found.st_size, found.st_mtime_ns, content

    def _top(self) -> str:
        return f"{os.path.abspath(self._output)}/"  # noqa: PTH100 - as Pelican notes what it has written

    def save(self) -> None:
        """Keep it for the next build, and take away the files of pages that there are no more."""
        top = self._top()
        known = {f"{top}{output[0]}" for page in self._pages.values() for output in Page(*page).outputs}
        sources, files = Path(self._settings["PATH"]), self._context.get("staticfiles", ())
        static = {f"{top}{one.save_as}" for one in files if Path(sources, one.source_path).is_file()}
        written = self.written or set()
        if self._as_built is None:  # else plugins.whole_site takes away what is copied no more
            written = written | static
        others = sorted(file for file in written - known if Path(file).is_file())
        if self.written is not None:
            self._take_away({file.removeprefix(top) for file in known | written | static})
        note(self._settings, f"{self._note}, others", tuple(map(self.output_of, others)))
        if not self._changed and self._pages.keys() == self.before.pages.keys():
            return
        pages = [Page(*page) for page in self._pages.values()]
        sets = list(self._sets)
        names = {name for number in {page.names for page in pages} for name in sets[number]}
        templates = {name for number in {page.templates for page in pages} for name in sets[number]}
        asked = {number for page in pages for number in page.asked}
        state = State(
            self._pages,
            sets,
            {name: self._of_name(name) for name in names},
            {name: self._of_template(name) for name in templates},
            {file: value_of(self._settings, file) for page in pages for file in page.files},
            {path: self._of_contents.kept_as(path) for path in {path for page in pages for path in page.contents}},
            {
                name: self._of_contents.of_attribute(name)
                for name in {name for number in asked for name in sets[number]}
            },
        )
        note(self._settings, self._note, tuple(state))

    def _take_away(self, there: set[str]) -> None:
        """Delete the files of pages that were not written any more, unless somebody else has written them anew."""
        before = [output for page in self.before.pages.values() for output in Page(*page).outputs]
        others = noted(self._settings, f"{self._note}, others") or ()
        gone = [output for output in (*before, *map(tuple, others)) if output[0] not in there]
        if not gone:
            return
        kept, top = self._settings.get("KEPT_FILES", ()), self._top()
        for output in gone:
            path = Path(self._output, output[0])
            if f"{top}{output[0]}" in kept or not path.is_file():
                continue
            found = self.output_of(str(path))
            if found[:3] != output[:3] if self._as_built is None else found[3] != output[3]:
                continue  # somebody else has written it anew
            path.unlink()
            for folder in path.parents:
                if folder == Path(self._output) or any(folder.iterdir()):
                    break
                folder.rmdir()
