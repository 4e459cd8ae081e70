# SPDX-License-Identifier: AGPL-3.0-or-later
"""Finds what would come out broken in a post or page: a link, an anchor or a picture that leads nowhere.

Pelican looks at its own `{filename}` links alone, says so in a line that scrolls by, and publishes the page with a
hole where a picture should be. A link to a text that is not for everyone is worse: Pelican would copy that text to
the public site, so this is an error. What is not out yet may still name files that are to come. Links are noted
as they were typed, before other plugins turn them into something else, and judged when all addresses are known.
"""

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from pelican.contents import Content
from pelican.plugins import signals
from pelican.urlwrappers import Author, Category, Tag

from plugins.anchors import missing_part
from plugins.call_to_action import SLOT
from plugins.findings import findings, report, watch
from plugins.front_matter.alias_rules import alias_list
from plugins.front_matter.values import did_you_mean
from plugins.hidden_posts import KEPT_BACK, PUBLIC, contents_of, source_path, take_links_out
from plugins.incremental.contents_once import ALONE
from plugins.incremental.own_page import FOR_ONE
from plugins.mistakes import Mistake, shown_path
from plugins.refused_html import blocked, silence_pelicans_own, without_words
from plugins.site_addresses import (
    addresses_of_header,
    addresses_to_come,
    from_root,
    indicator,
    of_the_service,
    plain,
    public_addresses,
)
from plugins.typed_html import line_of_link, read_html
from plugins.unread_texts import unread_texts

TO_PAGES = ("filename",)
TO_FILES = ("static", "attach")
TO_LISTS = {"category": Category, "tag": Tag, "author": Author}
MEND = " Put the file there, or correct the link."


@dataclass
class Site:
    """All that a link can lead to: files below `root`, and addresses."""

    root: Path
    settings: dict[str, Any]
    addresses: set[str]
    to_come: dict[str, str]
    posts: dict[str, str]
    """The address of each post and page, drafts too, by its path below `root`."""
    copied: set[str]
    gated: set[str]
    """The paths below `root` of the whitepapers' texts."""
    contents: dict[str, Any]
    """What is public, by its path below `root` and by its address."""

    @cached_property
    def files(self) -> list[str]:
        """The paths of all files below `root`; only a mistake needs them."""
        return sorted(one.relative_to(self.root).as_posix() for one in self.root.rglob("*") if one.is_file())


def what_is_wrong(link: str, content: Any, site: Site) -> str:
    """Say why a link of a post leads nowhere and how to mend it, "" where it leads somewhere."""
    marked = indicator(link, site.settings)
    if marked:
        return wrong_source(*marked, content, site)
    link = from_root(link, site.settings)
    if not link:
        return "The link has no address. Write one between the round brackets."
    parts = urlsplit(link)
    if parts.scheme or parts.netloc or link.startswith(("#", "?")):
        return ""
    return wrong_address(link, content, site) if link.startswith("/") else wrong_relative(link, content, site)


def wrong_source(what: str, value: str, content: Any, site: Site) -> str:
    """Judge a link by Pelican's indicators: {filename}trust.md, {static}/images/a.png, {tag}trust."""
    if what in TO_LISTS:
        known = plain(f"/{TO_LISTS[what](urlsplit(value).path, site.settings).url}") in site.addresses
        spaces = f" Write it between angle brackets: <{{{what}}}{unquote(value)}>." if "%20" in value else ""
        return "" if known else f'No public post has the {what} "{value}".{spaces or " Correct the link."}'
    if what not in (*TO_PAGES, *TO_FILES, "index"):
        return f"{{{what}}} is unknown. Write {{filename}} for a post, {{static}} for a picture or file."
    if what == "index" or not value:
        return ""
    path = source_path(content, value)
    if not (site.root / path).is_file():
        near = did_you_mean(path, [file for file in site.files if file != content.get_relative_source_path()])
        return f'There is no file "{path}" in {shown_path(str(site.root))}/.{near or MEND}'
    if what in TO_FILES and path in site.gated:
        return f'"{path}" is a whitepaper, and its text would be public. Write {suggestion(path, content, site)}.'
    if what in TO_FILES and path in site.posts:
        return f'"{path}" is a post or page. Write {{filename}}{value}.'
    if what in TO_PAGES and path not in site.posts and path not in site.copied:
        return f'"{path}" is no post or page. Write {suggestion(path, content, site)}.'
    return ""


def wrong_address(link: str, content: Any, site: Site) -> str:
    """Judge a link from the site's root: /trust/, /images/a.png."""
    address = plain(link)
    if address in site.addresses or of_the_service(link):
        return ""
    if address in site.to_come:
        path = site.to_come[address]
        return (
            f'"{link}" is not public yet. Write {{filename}}/{path}: until it is, its words stand without a link.'
        )
    if (site.root / address.lstrip("/")).is_file():
        return f'No page has the address "{link}". Write {suggestion(address.lstrip("/"), content, site)}.'
    near = did_you_mean(address, site.addresses - {plain(f"/{content.url}"), ""})
    if near and not posixpath.splitext(address)[1]:
        near = near.replace('"?', '/"?')
    return f'No page or file has the address "{link}".{near or MEND}'


def wrong_relative(link: str, content: Any, site: Site) -> str:
    """Judge a link from where the post itself is: its address is not where its file is, so it leads nowhere."""
    told = f'"{link}" is looked for below the post\'s own address, and is not there.'
    path = unquote(urlsplit(link).path)
    beside = source_path(content, link)
    if re.match(r"www\.", link):
        return f"{told} Write https://{link}."
    if (site.root / beside).is_file():
        return f"{told} Write {suggestion(beside, content, site)}."
    name = posixpath.basename(path.rstrip("/")).lower()
    named = [file for file in site.files if posixpath.basename(file).lower() == name]
    named += [file for file in site.posts if name and posixpath.basename(site.posts[file]) == name]
    if named:
        return f"{told} Write {suggestion(named[0], content, site)}."
    if posixpath.splitext(path)[1].lower() in ("", ".md", ".html"):
        return (
            f"{told} Write {{filename}} and the path of the post's file, or an address that begins with a slash."
        )
    return f"{told} Put the file into content/images/ and write {{static}}/images/{posixpath.basename(path)}."


def suggestion(path: str, content: Any, site: Site) -> str:
    """Return the link that leads to a file below `root`."""
    papers = getattr(site.settings.get("WHITEPAPER_LIBRARY"), "papers", ())
    paper = next((one for one in papers if one.source_path == str((site.root / path).resolve())), None)
    if paper:
        return f"/{paper.url}"
    beside = posixpath.relpath(path, content.relative_dir or ".")
    short, whole = quote(beside), quote(f"/{path}")
    if path in site.posts:
        return f"{{filename}}{whole if beside.startswith('..') else short}"
    return f"{{static}}{whole}" if beside.startswith("..") or path in site.copied else f"{{attach}}{short}"


def note_links(content: Content) -> None:
    """Read a new post's or page's text and summary, as their author typed them."""
    html, summary = content._content, content.metadata.get("summary")
    texts = [text for text in (html, summary) if isinstance(text, str)]
    content.typed_html = read_html(SLOT.sub("", "\n".join(texts)))


setattr(note_links, ALONE, True)


def broken_links(content: Any, site: Site) -> Iterator[Mistake]:
    """Yield a warning for each link of a post that leads nowhere, an error where it gives a text away."""
    for link in dict.fromkeys(link for tag in content.typed_html.tags for link in tag.links()):
        wrong = what_is_wrong(link, content, site) or missing_part(link, content, site.contents, site.settings)
        if wrong:
            line = line_of_link(content.source_path, link)
            warning = not gives_away(link, content, site)
            yield Mistake(shown_path(content.source_path), line, wrong, warning=warning)


def gives_away(link: str, content: Any, site: Site) -> bool:
    """Whether a link would have the source of a text copied to the public site."""
    found = indicator(link, site.settings)
    return bool(found and found[0] in TO_FILES and source_path(content, found[1]) in {*site.posts, *site.gated})


def read_site(generators: Sequence[Any]) -> Site:
    """Return all that a link can lead to; a post that is not read, since its header is broken, counts as there."""
    settings, context = generators[0].settings, generators[0].context
    everything, public = contents_of(generators, (*PUBLIC, *KEPT_BACK)), contents_of(generators, PUBLIC)
    unread = findings(settings).unread
    root = Path(settings["PATH"])
    addresses = public_addresses(generators, settings)
    addresses |= {plain(alias) for one in public for alias in alias_list(one.metadata.get("aliases"))}
    for header in unread.values():
        addresses |= addresses_of_header(header, settings)
    return Site(
        root,
        settings,
        addresses,
        addresses_to_come(generators),
        {
            **{path: plain(f"/{header.text('slug')}/") for path, header in unread.items()},
            **{one.get_relative_source_path(): plain(f"/{one.slug}/") for one in everything},
        },
        {path for path, file in context["static_content"].items() if file},
        {file.relative_to(root).as_posix() for file in (root / "whitepapers").rglob("*") if file.suffix == ".md"},
        {
            **{one.get_relative_source_path(): one for one in public},
            **{plain(f"/{one.url}"): one for one in public},
        },
    )


def check(generators: Sequence[Any]) -> None:
    """Report what is broken in all public posts and pages, in those too that are not read for their headers."""
    site = read_site(generators)
    for one in (*contents_of(generators, PUBLIC), *unread_texts(site.settings)):
        check_one(site, one)


def check_one(site: Site, one: Any) -> None:
    """Report what is broken in one post or page."""
    found = list(broken_links(one, site))
    report(site.settings, (*found, *blocked(one), *without_words(one)))
    if found and isinstance(one, Content):  # where the site is not strict, words stand there, and no dead link
        take_links_out(one, dead_ends(one, site))


setattr(check, FOR_ONE, lambda generators, one: check_one(read_site(generators), one))


def dead_ends(content: Any, site: Site) -> set[str]:
    """Return the paths that a text's links by {filename} lead to and at which nothing is."""
    marked = (indicator(link, site.settings) for tag in content.typed_html.tags for link in tag.links())
    paths = {source_path(content, found[1]) for found in marked if found and found[0] in TO_PAGES and found[1]}
    return {path for path in paths if path not in site.posts and path not in site.copied}


def register() -> None:
    """Connect this plugin to Pelican (called once by Pelican)."""
    watch()
    silence_pelicans_own()
    signals.content_object_init.connect(note_links)
    signals.all_generators_finalized.connect(check)
