# SPDX-License-Identifier: AGPL-3.0-or-later
"""Tells search engines which pages there are and when they changed, and where not to go.

A last change is the newest date in the content that a page shows, never the time of the build: a sitemap whose
pages all changed today is not believed, and two builds of one commit must be equal.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import escape

from pelican.plugins import signals

Entry = tuple[str, datetime | None]
"""Address relative to the site's root, and the last change, None where the content names no date."""


def last_change(content: Any) -> datetime | None:
    """The date of a post's or page's last change, else of its publication."""
    return getattr(content, "modified", None) or getattr(content, "date", None)


def newest(contents: Iterable[Any]) -> datetime | None:
    """The last change among several posts."""
    return max((changed for changed in map(last_change, contents) if changed), default=None)


def entries(context: dict[str, Any]) -> Iterator[Entry]:
    """Yield every page that is to be found: neither hidden ones, nor the service's, nor older listing pages."""
    posts = context["articles"]
    yield "", newest(posts)
    yield context["ARCHIVES_URL"], newest(posts)
    for content in (*posts, *context["pages"]):
        yield content.url, last_change(content)
    for paper in context.get("whitepapers", ()):
        yield paper.url, paper.date
    for group, its_posts in (*context["categories"], *context["tags"], *context["authors"]):
        yield group.url, newest(its_posts)


def sitemap(site_url: str, pages: Iterable[Entry]) -> str:
    """Return a sitemap (sitemaps.org, protocol 0.9) ordered by address."""
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">',
    ]
    for url, changed in sorted(pages, key=lambda page: page[0]):
        address = escape(f"{site_url}/{quote(url, safe='/%')}")
        lastmod = f"<lastmod>{changed.isoformat(timespec='seconds')}</lastmod>" if changed else ""
        lines.append(f"<url><loc>{address}</loc>{lastmod}</url>")
    return "\n".join([*lines, "</urlset>", ""])


def robots(site_url: str, noindex: bool) -> str:
    """Return robots.txt (RFC 9309). A preview lets all robots in: only one that reads its pages sees `noindex`."""
    if noindex:
        return "User-agent: *\nDisallow:\n"
    rules = "User-agent: *\nDisallow: /api/\nDisallow: /admin/\n"
    return rules + (f"\nSitemap: {site_url}/sitemap.xml\n" if site_url else "")


def write_both(generator: Any, **_: Any) -> None:
    """Write the two files."""
    settings, output = generator.settings, Path(generator.output_path)
    pages = entries(generator.context)
    (output / "sitemap.xml").write_text(sitemap(settings["SITEURL"], pages), encoding="utf-8")
    (output / "robots.txt").write_text(robots(settings["SITEURL"], settings["NOINDEX"]), encoding="utf-8")


def register() -> None:
    """Connect this plugin to Pelican (called once by Pelican)."""
    signals.article_writer_finalized.connect(write_both)
