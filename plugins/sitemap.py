# SPDX-License-Identifier: AGPL-3.0-or-later
"""Tells search engines which pages there are and when they changed, and where not to go.

A last change is the newest date in the content that a page shows, never the time of the build: a sitemap whose
pages all changed today is not believed, and two builds of one commit must be equal.

Below LEAST_FOR_SHARDS addresses sitemap.xml names them all: one file that people can read too, and so small that
nobody gains by several. From there on it is an index that names shards, each year's posts in their own, so that a
new post means one small file to write, to send and for search engines to read, however old the blog is. Which of
the two it is follows from the pages alone. robots.txt names sitemap.xml either way, and search engines look
afresh at what they find there: a blog that grows over the border, or shrinks, has to tell nobody.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import escape

from pelican.plugins import signals

from plugins.unchanged_files import write_changed

Entry = tuple[str, datetime | None]
"""Address relative to the site's root, and the last change, None where the content names no date."""

LEAST_FOR_SHARDS = 1_000
"""From how many addresses on the sitemap is in shards."""

MOST_IN_SHARD = 50_000
"""The protocol allows no more addresses in one file."""

FOLDER = "sitemaps"


def last_change(content: Any) -> datetime | None:
    """The date of a post's or page's last change, else of its publication."""
    return getattr(content, "modified", None) or getattr(content, "date", None)


def newest(contents: Iterable[Any]) -> datetime | None:
    """The last change among several posts."""
    return latest(map(last_change, contents))


def latest(changes: Iterable[datetime | None]) -> datetime | None:
    """The newest of several dates, of which some may be missing."""
    return max((changed for changed in changes if changed), default=None)


def page_entries(context: dict[str, Any]) -> Iterator[Entry]:
    """Yield every page that is to be found, but no post, hidden page, service's page or older listing page."""
    changes = {post: last_change(post) for post in context["articles"]}  # asked for by each list that a post is in
    of_all = latest(changes.values())
    yield "", of_all
    yield context["ARCHIVES_URL"], of_all
    for year in context.get("archive_years", ()):
        yield year.url, latest(changes[post] for post in year.posts)
    for page in context["pages"]:
        yield page.url, last_change(page)
    for paper in context.get("whitepapers", ()):
        yield paper.url, paper.date
    for group, its_posts in (*context["categories"], *context["tags"], *context["authors"]):
        yield group.url, latest(changes[post] for post in its_posts)


def entries_by_shard(context: dict[str, Any]) -> dict[str, list[Entry]]:
    """Return all entries by the name of their shard: posts by the year they are of, oldest first, and the rest."""
    years: dict[int, list[Any]] = {}
    for post in reversed(context["articles"]):
        years.setdefault(post.date.year, []).append(post)
    named = {f"posts-{year}": [(post.url, last_change(post)) for post in years[year]] for year in sorted(years)}
    return {"pages": sorted(page_entries(context), key=lambda page: page[0]), **named}


def pieces(shards: dict[str, list[Entry]], most: int = MOST_IN_SHARD) -> Iterator[tuple[str, Sequence[Entry]]]:
    """Yield the shards, of which none is too large: posts-2021, posts-2021-2 ...; a full one fills up no more."""
    for name, entries in shards.items():
        for start in range(0, len(entries), most):
            number = f"-{start // most + 1}" if start else ""
            yield f"{name}{number}", entries[start : start + most]


def sitemap(site_url: str, pages: Iterable[Entry]) -> str:
    """Return a sitemap (sitemaps.org, protocol 0.9) ordered by address."""
    return _listed("urlset", "url", site_url, sorted(pages, key=lambda page: page[0]))


def sitemap_index(site_url: str, shards: Iterable[tuple[str, Sequence[Entry]]]) -> str:
    """Return the index of some shards, each as new as its newest page."""
    told = ((f"{FOLDER}/{name}.xml", latest(changed for _, changed in entries)) for name, entries in shards)
    return _listed("sitemapindex", "sitemap", site_url, told)


def _listed(root: str, each: str, site_url: str, entries: Iterable[Entry]) -> str:
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<{root} xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">',
    ]
    for url, changed in entries:
        address = escape(f"{site_url}/{quote(url, safe='/%')}")
        lastmod = f"<lastmod>{changed.isoformat(timespec='seconds')}</lastmod>" if changed else ""
        lines.append(f"<{each}><loc>{address}</loc>{lastmod}</{each}>")
    return "\n".join([*lines, f"</{root}>", ""])


def sitemap_files(site_url: str, context: dict[str, Any]) -> dict[str, str]:
    """Return the text of each file of the sitemap by its path."""
    entries = entries_by_shard(context)
    if sum(map(len, entries.values())) < LEAST_FOR_SHARDS:
        return {"sitemap.xml": sitemap(site_url, (entry for shard in entries.values() for entry in shard))}
    shards = list(pieces(entries))
    files = {f"{FOLDER}/{name}.xml": sitemap(site_url, piece) for name, piece in shards}
    return {**files, "sitemap.xml": sitemap_index(site_url, shards)}


def robots(site_url: str, noindex: bool) -> str:
    """Return robots.txt (RFC 9309). A preview lets all robots in: only one that reads its pages sees `noindex`."""
    if noindex:
        return "User-agent: *\nDisallow:\n"
    rules = "User-agent: *\nDisallow: /api/\nDisallow: /admin/\n"
    return rules + (f"\nSitemap: {site_url}/sitemap.xml\n" if site_url else "")


def write_all(generator: Any, **_: Any) -> None:
    """Write the files that are new."""
    settings, output = generator.settings, Path(generator.output_path)
    files = sitemap_files(settings["SITEURL"], generator.context)
    files["robots.txt"] = robots(settings["SITEURL"], settings["NOINDEX"])
    for name, text in files.items():
        write_changed(output / name, text.encode(), settings)


def register() -> None:
    """Connect this plugin to Pelican (called once by Pelican)."""
    signals.article_writer_finalized.connect(write_all)
