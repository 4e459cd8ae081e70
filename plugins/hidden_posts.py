# SPDX-License-Identifier: AGPL-3.0-or-later
"""Keeps what is not public out of the public site: drafts, posts dated in the future, and what they attach.

Pelican leaves a draft's page out when it is told to, but copies the pictures and papers that the draft links to,
and everything below content/images/. Someone who guesses an address then reads tomorrow's announcement. A file
is copied only if something public links to it, or if nothing that is kept back does.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from pelican.generators import ArticlesGenerator, PagesGenerator, StaticGenerator
from pelican.plugins import signals

PUBLIC = ("articles", "translations", "hidden_articles", "hidden_translations", "pages", "hidden_pages")
KEPT_BACK = ("drafts", "drafts_translations", "draft_pages", "draft_translations")


def linked_files(contents: Iterable[Any]) -> set[str]:
    """Return the files, relative to the content folder, that some posts or pages link to."""
    found: set[str] = set()
    for content in contents:
        found |= {unquote(path) for path in content.get_static_links()}
        for match in content._get_intrasite_link_regex().finditer(content._content):
            if match.group("what") == "filename":
                path = unquote(urlsplit(match.group("value")).path)
                start = "" if path.startswith("/") else content.relative_dir
                found.add(Path(start, path.lstrip("/")).as_posix())
    return found


def contents_of(generators: Sequence[Any], kinds: Sequence[str]) -> list[Any]:
    """Return all posts and pages of some kinds."""
    owners = [one for one in generators if isinstance(one, ArticlesGenerator | PagesGenerator)]
    return [content for owner in owners for kind in kinds for content in getattr(owner, kind, ())]


def keep_back(generators: Sequence[Any]) -> None:
    """Take the files that only drafts link to off the list of what is copied."""
    private = linked_files(contents_of(generators, KEPT_BACK))
    if not private:
        return
    private -= linked_files(contents_of(generators, PUBLIC))
    for generator in generators:
        if isinstance(generator, StaticGenerator):
            kept = [file for file in generator.staticfiles if file.source_path and _name(file) not in private]
            generator.staticfiles = generator.context["staticfiles"] = kept


def _name(file: Any) -> str:
    return str(file.get_relative_source_path())


def register() -> None:
    """Connect this plugin to Pelican (called once by Pelican)."""
    signals.all_generators_finalized.connect(keep_back)
