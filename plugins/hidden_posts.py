# SPDX-License-Identifier: AGPL-3.0-or-later
"""Keeps what is not public out of the public site: drafts, posts dated in the future, and what they attach.

Pelican leaves a draft's page out when it is told to, but copies the pictures and papers that the draft links to,
and everything below content/images/. Someone who guesses an address then reads tomorrow's announcement. A file
is copied only if something public links to it, or if nothing that is kept back does; an author's portrait waits
for the first public post. And where a public post links to one that is not out yet, its words stand there without
the link, until the day it is. A post that is left out for its mistakes counts as kept back: nobody knows whether
it was to be public.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from html import unescape
from pathlib import Path
from posixpath import basename, join, normpath
from typing import Any
from urllib.parse import quote, unquote, urljoin, urlsplit

from pelican.contents import Article
from pelican.generators import ArticlesGenerator, PagesGenerator, StaticGenerator
from pelican.plugins import signals

from plugins.findings import findings
from plugins.incremental.own_page import FOR_ONE

PUBLIC = ("articles", "translations", "hidden_articles", "hidden_translations", "pages", "hidden_pages")
KEPT_BACK = ("drafts", "drafts_translations", "draft_pages", "draft_translations")
TO_FILES = ("filename", "static", "attach")
ATTRIBUTE = re.compile(r"""\s(?:href|src|srcset|poster|data)\s*=\s*(["'])(?P<value>.*?)\1""", re.DOTALL)
LINK = re.compile(
    r"""<a\s[^>]*?href=(["'])[{|]filename[|}](?P<path>[^"'>]*)\1[^>]*>(?P<words>.*?)</a>""", re.DOTALL
)


def source_path(content: Any, typed: str) -> str:
    """Return the path, relative to the content folder, that a post's or page's link means."""
    path = unquote(urlsplit(unescape(typed)).path)
    return normpath(path.lstrip("/") if path.startswith("/") else join(content.relative_dir, path))


def linked_files(contents: Iterable[Any], files: Mapping[str, str]) -> set[str]:
    """Return the files, relative to the content folder, that some posts or pages link to.

    `files` are all there are, by root-relative address: `![](/images/plan.png)` is a link to a file too.
    """
    found: set[str] = set()
    for content in contents:
        html = f"{content._content}{content.metadata.get('summary', '')}"
        for match in content._get_intrasite_link_regex().finditer(html):
            if match.group("what") in TO_FILES:
                found.add(source_path(content, match.group("value")))
        found |= {files[path] for path in addresses(html, f"/{content.slug}/", content.settings) if path in files}
    return found


def addresses(html: str, base: str, settings: Mapping[str, Any]) -> Iterator[str]:
    """Yield the root-relative addresses on this site that a piece of HTML names."""
    for attribute in ATTRIBUTE.finditer(html):
        for part in (attribute["value"], *attribute["value"].replace(",", " ").split()):  # an address, or a srcset
            own = part.removeprefix(settings["SITEURL"]) if settings["SITEURL"] else part
            yield unquote(urlsplit(urljoin(base, unescape(own).strip())).path)


def contents_of(generators: Sequence[Any], kinds: Sequence[str]) -> list[Any]:
    """Return all posts and pages of some kinds."""
    owners = [one for one in generators if isinstance(one, ArticlesGenerator | PagesGenerator)]
    return [content for owner in owners for kind in kinds for content in getattr(owner, kind, ())]


def keep_back(generators: Sequence[Any]) -> None:
    """Take the files that only drafts link to off the list of copies, and links to drafts out of the rest."""
    hidden, public = contents_of(generators, KEPT_BACK), contents_of(generators, PUBLIC)
    unread = set(findings(generators[0].settings).unread)
    not_there = links_not_there(generators)
    for content in public if not_there else ():
        take_links_out(content, not_there)
    for generator in generators:
        if isinstance(generator, StaticGenerator):
            files = static_files(generator)
            profiles = generator.context.get("author_profiles", {})
            writing = {content.author.name for content in public if isinstance(content, Article)}
            private = linked_files(hidden, files) | shown_with_authors(set(profiles) - writing, generator, files)
            private |= named_files(unread, generator, files)
            if private:
                private -= linked_files(public, files) | shown_with_authors(writing, generator, files)
            kept = [file for file in generator.staticfiles if _name(file) not in private or _is_furniture(file)]
            generator.staticfiles = generator.context["staticfiles"] = kept


def links_not_there(generators: Sequence[Any]) -> set[str]:
    """Return the files of the posts and pages that are not public, or were left out for their mistakes."""
    hidden = contents_of(generators, KEPT_BACK)
    return {*findings(generators[0].settings).unread, *(draft.get_relative_source_path() for draft in hidden)}


def keep_back_from_one(generators: Sequence[Any], content: Any) -> None:
    """Take links to drafts out of one text."""
    if not_there := links_not_there(generators):
        take_links_out(content, not_there)


setattr(keep_back, FOR_ONE, keep_back_from_one)


def take_links_out(content: Any, drafts: set[str]) -> None:
    """Leave of each link to a draft only its words: its address does not exist, and would tell its name."""

    def words(link: re.Match[str]) -> str:
        return link["words"] if source_path(content, link["path"]) in drafts else link[0]

    content._content = LINK.sub(words, content._content)
    if "summary" in content.metadata:
        content.metadata["summary"] = content._summary = LINK.sub(words, content.metadata["summary"])


def static_files(generator: StaticGenerator) -> dict[str, str]:
    """Return the files that are copied, relative to the content folder, by their root-relative address."""
    return {f"/{_address(file)}": _name(file) for file in generator.staticfiles}


def named_files(unread: set[str], generator: Any, files: Mapping[str, str]) -> set[str]:
    """Return the files whose names stand in posts that were left out for their mistakes, and may be drafts."""
    found: set[str] = set()
    for path in unread:
        with suppress(OSError):
            text = Path(generator.settings["PATH"], path).read_bytes()
            names = {file: {basename(file), quote(basename(file))} for file in files.values()}
            found |= {file for file in names if any(name.encode() in text for name in names[file])}
    return found


def shown_with_authors(names: set[str], generator: Any, files: Mapping[str, str]) -> set[str]:
    """Return the files that the profiles of some authors show."""
    profiles = generator.context.get("author_profiles", {}).values()
    shown = [profile for profile in profiles if profile.name in names]
    html = "".join(f' <img src="{profile.picture_url}">{profile.bio_html}' for profile in shown)
    return {files[path] for path in addresses(html, "/", generator.settings) if path in files}


def _name(file: Any) -> str:
    return str(file.get_relative_source_path())


def _address(file: Any) -> str:
    """Where the file goes; asking the file itself would keep it from being attached later."""
    return str(file.metadata.get("path") or _name(file))


def _is_furniture(file: Any) -> bool:
    """Whether the site itself names the file (EXTRA_PATH_METADATA), as it does its icon."""
    return _name(file) in file.settings["EXTRA_PATH_METADATA"]


def register() -> None:
    """Connect this plugin to Pelican (called once by Pelican)."""
    signals.all_generators_finalized.connect(keep_back)
