# SPDX-License-Identifier: AGPL-3.0-or-later
"""Which addresses the site will have, known before its first page is written."""

import posixpath
import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any
from urllib.parse import unquote, urlsplit

from pelican.generators import ArticlesGenerator, StaticGenerator
from pelican.urlwrappers import Author, Category, Tag

from plugins.front_matter.alias_rules import alias_list
from plugins.front_matter.header import Header
from plugins.front_matter.values import names, slugify
from plugins.hidden_posts import KEPT_BACK, PUBLIC, contents_of, source_path

OF_THE_SERVICE = ("/api/", "/admin/")
WRITTEN_BESIDE = ("feed.json", "sitemap.xml", "robots.txt", "public-index.json")
ADDRESSES = "PUBLIC_ADDRESSES"
NUMBERED = re.compile(r"/page/\d+$")


def plain(address: str) -> str:
    """Return an address as two that lead to one page have it alike: /a, /a/, /a/?b#c and /a/index.html."""
    path = unquote(urlsplit(address).path)
    return NUMBERED.sub("", path.removesuffix("index.html").rstrip("/"))


def of_the_service(address: str) -> bool:
    """Whether the service answers there, and no file."""
    return f"{urlsplit(address).path.rstrip('/')}/".startswith(OF_THE_SERVICE)


def indicator(link: str, settings: dict[str, Any]) -> tuple[str, str] | None:
    """Return what Pelican's mark in a link says and what follows it: {filename}a.md; None where there is none."""
    found = _marked(settings["INTRASITE_LINK_REGEX"]).fullmatch(link)
    return (found["what"], found["value"]) if found else None


@cache
def _marked(mark: str) -> re.Pattern[str]:
    return re.compile(rf"{mark}(?P<value>.*)", re.DOTALL)


def from_root(link: str, settings: dict[str, Any]) -> str:
    """Return a link without the site's own host before it."""
    own = settings["SITEURL"]
    return link.removeprefix(own) or "/" if own and (link == own or link.startswith(f"{own}/")) else link


def public_addresses(generators: Sequence[Any], settings: dict[str, Any]) -> set[str]:
    """Return the root-relative addresses, each `plain`, of all pages and files that the build makes.

    Several rules ask when all is read, and making so many addresses takes a while: they are made once.
    """
    context = generators[0].context
    if ADDRESSES not in context:
        context[ADDRESSES] = {plain(f"/{path}") for path in public_paths(generators, settings)}
    return set(context[ADDRESSES])


def public_paths(generators: Sequence[Any], settings: dict[str, Any]) -> Iterator[str]:
    """Yield the paths below the site's root, some with the name of their file."""
    yield from ("", *WRITTEN_BESIDE)
    yield from (settings[name] for name in ("FEED_ATOM", "FEED_RSS") if settings[name])
    for name in settings["DIRECT_TEMPLATES"]:
        yield settings.get(f"{name.upper()}_SAVE_AS") or f"{name}.html"
    for paper in getattr(settings.get("WHITEPAPER_LIBRARY"), "papers", ()):
        yield from (paper.url, paper.thanks_url)
    for content in contents_of(generators, PUBLIC):
        yield content.url
        yield from attached(content)
    for generator in generators:
        if isinstance(generator, ArticlesGenerator):
            yield from (year.url for year in generator.context.get("archive_years", ()))
            groups = (*generator.categories, *dict(generator.tags).items(), *generator.authors)
            yield from (group.url for group, _ in groups)
        elif isinstance(generator, StaticGenerator):
            for file in generator.staticfiles:  # asked for its url, a file could no longer be attached
                yield str(file.metadata.get("path") or file.get_relative_source_path())


def attached(content: Any) -> Iterator[str]:
    """Yield where the files go that a text takes with it by {attach}."""
    folder = posixpath.dirname(content.save_as)
    for link in content._get_intrasite_link_regex().finditer(content._content):
        if link["what"] == "attach":
            path = source_path(content, link["value"])
            beside = posixpath.relpath(path, content.relative_dir or ".")
            yield posixpath.join(folder, posixpath.basename(path) if beside.startswith("..") else beside)


def addresses_to_come(generators: Sequence[Any]) -> dict[str, str]:
    """Return the source path of each draft and future post by the address that it will have."""
    return {plain(f"/{one.slug}/"): one.get_relative_source_path() for one in contents_of(generators, KEPT_BACK)}


def addresses_of_header(header: Header, settings: dict[str, Any]) -> set[str]:
    """Return the addresses, each `plain`, that a post would have, and have listed, once its header is mended."""
    name = posixpath.basename(header.path).partition(".")[0]
    own = {header.text("slug"), slugify(header.text("title"), settings), name} - {""}
    lists = [
        kind(one, settings).url
        for field, kind in (("tags", Tag), ("category", Category), ("author", Author))
        for one in names(header, field)
        if slugify(one, settings)
    ]
    aliases = (
        {plain(alias) for alias in alias_list(header.fields["aliases"].value)}
        if "aliases" in header.fields
        else set()
    )
    return aliases | {plain(f"/{slug}/") for slug in own} | {plain(f"/{url}") for url in lists}
