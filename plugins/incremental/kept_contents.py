# SPDX-License-Identifier: AGPL-3.0-or-later
"""Posts and pages of earlier builds, whole again without being read or made: most of each when it is asked for.

Of ten thousand posts a build needs of most only what listings sort and name. So what is kept comes in three parts:
the head, which is there at once; the rest of the attributes, which comes with the first that is asked for; and the
text. Addresses are known as long as nobody changes what they are made of.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from pelican.contents import Content

HEAD = (
    *("_status", "date", "slug", "title", "lang", "in_default_lang", "template", "relative_source_path"),
    *("category", "tags", "author", "authors"),
)
"""The attributes that nearly every build asks every post for."""

OF_THE_HEAD = frozenset(HEAD)

OF_THE_BUILD = ("settings", "_context")
"""What each build gives its posts anew."""

NOT_OWN = frozenset((*OF_THE_BUILD, "source_path", "_source", "_overwritten", "_moved"))

OF_THE_ADDRESS = frozenset(("slug", "date", "lang", "in_default_lang", "author", "category", "status", "metadata"))
"""The attributes that an address may be made of, beside those that begin with "override_"."""

ATTACHES = ("{attach}", "|attach|")
ABSENT = ...
"""Stands for an attribute that a post does not have."""

_set: set[str] = set()


class Facts(NamedTuple):
    """What is known of a post or page without its text and its metadata; `slugs` are those of
    others that its address is made of, by attribute, `names` the attributes of its rest."""

    url: str
    save_as: str
    static_links: tuple[str, ...]
    has_links_in_metadata: bool
    attaches: bool
    address_is_of_metadata: bool
    slugs: tuple[tuple[str, str], ...]
    names: tuple[str, ...]


class Source(NamedTuple):
    """What one post or page was made of, and where its parts come from that are not there yet."""

    name: str
    kept_as: str
    names: frozenset[str]
    facts: Facts
    rest: Callable[[str], bytes]
    text: Callable[[str], str]
    unpack: Callable[[bytes], dict[str, Any]]


class _Kept:
    """What a post or page is beside its class: it fetches what it is asked for."""

    def __getattr__(self, name: str) -> Any:
        own = vars(self)
        source: Source | None = own.get("_source")
        if source is None or name not in source.names:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        if name == "_content":
            own[name] = source.text(source.name)
        elif "metadata" not in own:
            for one, value in source.unpack(source.rest(source.name)).items():
                own.setdefault(one, value)
        return own[name]

    def __setattr__(self, name: str, value: Any) -> None:
        own = vars(self)
        if name in own["_source"].names or name in OF_THE_HEAD:
            if getattr(self, name, ABSENT) == value:  # Pelican writes some of them back
                return
            own.setdefault("_overwritten", set()).add(name)
        _set.add(name)
        super().__setattr__(name, value)
        if name in OF_THE_ADDRESS or name.startswith("override_"):
            own["_moved"] = True

    def _known(self) -> Source | None:
        """Its source, where nothing has been looked at that an address or a link could have been changed in."""
        own = vars(self)
        source: Source = own["_source"]
        looked_at = "metadata" in own and source.facts.address_is_of_metadata
        for name, slug in source.facts.slugs:
            looked_at |= name in own and own[name].slug != slug
        return None if "_moved" in own or looked_at else source

    @property
    def url(self) -> Any:
        source = self._known()
        return super().url if source is None else source.facts.url  # type: ignore[misc]  # Content has it

    @property
    def save_as(self) -> Any:
        source = self._known()
        return super().save_as if source is None else source.facts.save_as  # type: ignore[misc]

    def get_relative_source_path(self, source_path: str | None = None) -> Any:
        if source_path is None:
            return self.relative_source_path
        return super().get_relative_source_path(source_path)  # type: ignore[misc]

    def get_static_links(self) -> Any:
        own = vars(self)
        if "_content" in own:
            return super().get_static_links()  # type: ignore[misc]
        return set(own["_source"].facts.static_links)

    def refresh_metadata_intersite_links(self) -> None:
        own = vars(self)
        if own["_source"].facts.has_links_in_metadata or "metadata" in own or "_summary" in own:
            super().refresh_metadata_intersite_links()  # type: ignore[misc]


@cache
def kept_class(kind: Any) -> type[Content]:
    """Return the class of kept posts of a kind, which is that kind to whoever asks."""
    return type(kind.__name__, (_Kept, kind), {"__module__": kind.__module__, "__doc__": kind.__doc__})


def is_kept(content: Any) -> bool:
    """Whether a post or page was kept by an earlier build."""
    return isinstance(content, _Kept)


def set_by_plugins() -> frozenset[str]:
    """Return the names of the attributes that kept posts and pages have been given since they were kept."""
    return frozenset(_set)


def given(content: Content, name: str, absent: object) -> Any:
    """Return what a kept post or page has been given under a name since, `absent` where it is what was kept."""
    own = vars(content)
    was_kept = name in own["_source"].names or name in OF_THE_HEAD
    if name == "metadata" and own["_source"].facts.has_links_in_metadata:  # Pelican changes them in place
        return content.metadata
    if name not in own or (was_kept and name not in own.get("_overwritten", ())):
        return absent
    return own[name]


def all_of(content: Content) -> dict[str, Any]:
    """Return all that a post or page holds, beside what each build gives it."""
    if is_kept(content):
        _ = content.metadata, content._content
    return {name: value for name, value in vars(content).items() if name not in NOT_OWN}


def attaches(content: Content) -> bool:
    """Whether a text moves static files beside itself."""
    own = vars(content)
    if "_content" not in own and is_kept(content):
        return bool(own["_source"].facts.attaches)
    return any(mark in (content._content or "") for mark in ATTACHES)
