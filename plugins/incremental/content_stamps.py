# SPDX-License-Identifier: AGPL-3.0-or-later
"""Stands for what posts, pages and copied files say, and for what plugins have made of them since."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from pelican.contents import Article, Content, Page, Static

from plugins.incremental.kept_contents import ABSENT, all_of, given, is_kept, set_by_plugins
from plugins.incremental.notes import kept_as as noted_as
from plugins.incremental.value_stamps import Stamps

WORKED_OUT = frozenset(name for name in vars(Content) if not name.startswith("_"))
"""What posts and pages work out from other attributes, which nobody asks for by name."""

KINDS = (Article, Page, Static)
PELICANS_OWN = frozenset(name for kind in KINDS for name in dir(kind))
"""What these have before plugins teach them more."""

WORKING = "(worked out)"
"""In place of an attribute's name: all those that others are worked out from."""

HIDDEN = frozenset(("slug", "date", "status", "lang", "author", "category", "metadata"))
"""Attributes that these are worked out from, beside those that begin with "_" and "override_"."""


class ContentStamps:
    """The contents of one build; what is `trusted` is that attributes are only given by assigning them."""

    def __init__(self, context: Mapping[str, Any], stamps: Stamps, *, trusted: bool) -> None:
        self._context, self._stamps, self._trusted = context, stamps, trusted
        self._attributes: dict[str, dict[str, str | None]] = {}
        self._whole: dict[str, dict[str, Any]] = {}

    @cached_property
    def _contents(self) -> dict[str, Any]:
        return {**self._context["static_content"], **self._context["generated_content"]}

    def kept_as(self, path: str) -> str | None:
        """What stands for all that a content says itself: its file, and for one that is copied its address."""
        content = self._contents.get(path)
        if content is None:
            return ""
        if isinstance(content, Static):
            return f"{vars(content).get('override_url', '')} {content.metadata.get('path', '')}"
        return noted_as(content)

    def of_attribute(self, name: str) -> dict[str, str | None]:
        """By path, what stands for an attribute that plugins have set."""
        found = self._attributes.get(name)
        if found is None:
            there = {path: one for path, one in self._contents.items() if one is not None}
            if name not in PELICANS_OWN and any(hasattr(kind, name) for kind in KINDS):
                found = dict.fromkeys(there)  # a plugin taught them: it may be worked out from anything
            elif self._trusted:
                found = self._given_attribute(name, {path: one for path, one in there.items() if is_kept(one)})
            else:
                values = ((path, self._held(path, one, name)) for path, one in there.items())
                found = {path: self._stamps.of_list(value) for path, value in values if value is not ABSENT}
            self._attributes[name] = found
        return found

    def _given_attribute(self, name: str, kept: Mapping[str, Any]) -> dict[str, str | None]:
        """What stands for what kept contents have been given, where it is all given by assigning it."""
        of, by_plugins = self._stamps.of_list, set_by_plugins()
        if name != WORKING:
            asked = kept.items() if name in by_plugins or name == "metadata" else ()
            values = ((path, given(one, name, ABSENT)) for path, one in asked)
            return {path: of(value) for path, value in values if value is not ABSENT}
        hidden = {name for name in by_plugins if name.startswith(("_", "override_")) or name in HIDDEN}
        found: dict[str, str | None] = {}
        for one in sorted(hidden | {"metadata"}):
            for path, value in self._given_attribute(one, kept).items():
                before = found.get(path, "")
                found[path] = None if value is None or before is None else f"{before}{one}={value}\n"
        return found

    def _held(self, path: str, content: Any, name: str) -> Any:
        """What a content holds under a name; for what is worked out, all that it holds. It is not worked out here:
        that moves files and complains."""
        own = vars(content) if isinstance(content, Static) else self._all_of(path, content)
        if name in own or isinstance(content, Static):
            return own.get(name, ABSENT)
        return own if name == WORKING or hasattr(type(content), name) else ABSENT

    def _all_of(self, path: str, content: Any) -> dict[str, Any]:
        if path not in self._whole:
            self._whole[path] = all_of(content)
        return self._whole[path]
