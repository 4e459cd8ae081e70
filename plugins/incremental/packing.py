# SPDX-License-Identifier: AGPL-3.0-or-later
"""Packs posts and pages for the next build, and unpacks them.

What every build needs of each goes into types that marshal knows: it reads ten thousand in the twentieth part of a
second. The rest is pickled, and read for those that are looked at.
"""

import io
import pickle
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from string import Formatter
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from pelican.contents import Content
from pelican.urlwrappers import Author, Category, Tag, URLWrapper
from pelican.utils import SafeDatetime

from plugins.incremental.inputs import Watched
from plugins.incremental.kept_contents import ATTACHES, HEAD, OF_THE_BUILD, Facts, Source

OF_EACH_ADDRESS = frozenset(("slug", "lang", "date", "author", "category"))
"""What Pelican puts into the pattern of each address; the rest is of the metadata, and of whoever changes it."""

OF_OTHERS = ("category", "author")
WHAT = ("URL", "SAVE_AS")
LANG = ("", "LANG_")
WRAPPERS: dict[str, type[URLWrapper]] = {"category": Category, "tag": Tag, "author": Author}
KINDS = {kind: name for name, kind in WRAPPERS.items()}
MOMENTS = {"datetime": datetime, "SafeDatetime": SafeDatetime}
Head = tuple[Any, ...]
"""What is there at once, in types that marshal knows: the values of HEAD, and of Facts."""


class Packed(NamedTuple):
    """A post or page as it is kept; `text` is None where it is what its reader made of the file."""

    head: Head
    rest: bytes
    text: bytes | None


def packed(content: Content, text: str, settings: Mapping[str, Any]) -> Packed:
    """Return a post or page as it is kept, `text` being what its reader made of its file.

    Raises whatever keeps it from being kept: anything may be in it.
    """
    own = {name: value for name, value in vars(content).items() if name not in ("source_path", *OF_THE_BUILD)}
    own_text = own.pop("_content")
    head = {name: _shortened(own[name]) for name in HEAD if name in own}
    rest = {name: value for name, value in own.items() if head.get(name) is None}
    found = content._get_intrasite_link_regex()
    formatted = [str(content.metadata.get(name, "")) for name in content.settings["FORMATTED_FIELDS"]]
    facts = Facts(
        content.url,
        content.save_as,
        tuple(sorted(content.get_static_links())),
        any(map(found.search, formatted)),
        any(mark in (own_text or "") for mark in ATTACHES),
        _uses_metadata(content),
        tuple((name, str(getattr(content, name).slug)) for name in OF_OTHERS if _uses(content, name)),
        tuple(rest),
    )
    file = io.BytesIO()
    _Packer(file, settings, content._context).dump(rest)
    return Packed(
        (tuple(head.get(name) for name in HEAD), tuple(facts)),
        file.getvalue(),
        None if own_text == text else pickle.dumps(own_text, pickle.HIGHEST_PROTOCOL),
    )


def _uses_metadata(content: Content) -> bool:
    """Whether an address has more in it than what Pelican puts into each."""
    return any(not _parts(pattern) <= OF_EACH_ADDRESS for pattern in _patterns(content))


def _uses(content: Content, name: str) -> bool:
    """Whether an address is made of another thing's, as far as there is one."""
    return hasattr(content, name) and any(name in _parts(pattern) for pattern in _patterns(content))


def _patterns(content: Content) -> Iterator[str]:
    """Yield those that an address may be made by: of a draft, an article's has another name than a page's."""
    kind = type(content).__name__.upper()
    kinds = (kind, "DRAFT", f"DRAFT_{kind}")
    return (
        str(content.settings.get(f"{one}_{lang}{what}", "")) for one in kinds for lang in LANG for what in WHAT
    )


@cache
def _parts(pattern: str) -> frozenset[str]:
    return frozenset(name for _, name, _, _ in Formatter().parse(pattern) if name is not None)


class Unpacker:
    """Makes posts and pages of one build of what is kept; what several of them share, a tag, is one thing
    where that is asked for: a plugin that changes one in place finds it changed with the next post.

    `rest` and `text` give the bytes of a post's rest and its text by the name of its file.
    """

    def __init__(
        self,
        settings: Mapping[str, Any],
        context: Mapping[str, Any],
        rest: Callable[[str], bytes],
        text: Callable[[str], str],
        *,
        shared: bool = True,
    ) -> None:
        self._of_the_build = {"settings": settings, "_context": context}
        self._rest, self._text, self._shared = rest, text, shared
        self._things: dict[tuple[Any, ...], Any] = {}
        self._names: dict[tuple[str, ...], frozenset[str]] = {}

    def content(self, kind: type[Content], name: str, path: str, kept_as: str, head: Head) -> Content:
        """Return the post or page of a file."""
        values, told = head
        facts = Facts(*told)
        made: Content = object.__new__(kind)
        own = vars(made)
        own |= self._of_the_build
        for attribute, value in zip(HEAD, values, strict=True):
            if value is not None:
                own[attribute] = value if type(value) in (str, bool) else self._whole(value)
        known = self._names.get(facts.names)
        if known is None:
            known = self._names[facts.names] = frozenset((*facts.names, "_content"))
        own["source_path"] = path
        own["_source"] = Source(name, kept_as, known, facts, self._rest, self._text, self._unpacked)
        return made

    def _unpacked(self, data: bytes) -> dict[str, Any]:
        rest: dict[str, Any] = _Unpacker(io.BytesIO(data), self._of_the_build).load()
        return rest

    def _whole(self, value: Any) -> Any:
        if type(value) is list:
            return [self._whole(one) for one in value]
        kind, *told = value
        if kind in MOMENTS:
            *parts, zone, fold = told
            if zone not in self._things:
                self._things[zone] = UTC if zone == ("UTC",) else ZoneInfo(zone[0])
            return MOMENTS[kind](*parts, tzinfo=self._things[zone], fold=fold)
        if value not in self._things or not self._shared:
            name, slug, from_name = told
            wrapper = self._things[value] = WRAPPERS[kind](name, self._of_the_build["settings"])
            wrapper._slug, wrapper._slug_from_name = slug, from_name
        return self._things[value]


def _shortened(value: Any) -> Any:
    """Return a value in types that marshal knows, None for one that cannot be said in them."""
    if type(value) in (str, bool):
        return value
    if type(value) in MOMENTS.values():
        zone = (
            ("UTC",)
            if value.tzinfo is UTC
            else (value.tzinfo.key,)
            if isinstance(value.tzinfo, ZoneInfo)
            else None
        )
        parts = (value.year, value.month, value.day, value.hour, value.minute, value.second, value.microsecond)
        return (type(value).__name__, *parts, zone, value.fold) if zone else None
    if type(value) is list:
        short = [_shortened(one) for one in value]
        return None if None in short else short
    if type(value) in KINDS and len(vars(value)) == len(("settings", "_name", "_slug", "_slug_from_name")):
        name, slug = str(value.name), str(value.slug)
        return KINDS[type(value)], name, slug, bool(value._slug_from_name)
    return None


class _Packer(pickle.Pickler):
    def __init__(self, file: io.BytesIO, settings: Mapping[str, Any], context: Mapping[str, Any]) -> None:
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self._settings, self._context = settings, context

    def persistent_id(self, thing: Any) -> str | None:
        if thing is self._settings or isinstance(thing, Watched):
            return "settings"
        return "_context" if thing is self._context else None


class _Unpacker(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, of_the_build: Mapping[str, Any]) -> None:
        super().__init__(file)
        self._of_the_build = of_the_build

    def persistent_load(self, name: str) -> Any:
        return self._of_the_build[name]
