# SPDX-License-Identifier: AGPL-3.0-or-later
"""Makes Pelican's Atom and RSS feeds whole, and writes the same posts as JSON Feed.

A feed reader shows a post far from its page. So every address in it is absolute, an offer of a whitepaper is a
plain link, and a post keeps one id in all three feeds: its own address, whatever else about it is corrected.
Dates come from the content alone; feedgenerator takes the time of the build where it finds none.
"""

import json
import re
from datetime import UTC, datetime
from html import escape, unescape
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from feedgenerator import Atom1Feed
from pelican.plugins import signals

JSON_FEED = "feed.json"
START_TAG = re.compile(r"<[a-zA-Z](?:[^<>\"']|\"[^\"]*\"|'[^']*')*>")
ADDRESS = re.compile(
    r"""(?P<name>\s(?:href|src|poster|cite|longdesc)\s*=\s*)(?P<q>["'])(?P<url>.*?)(?P=q)""", re.S | re.I
)
ADDRESSES = re.compile(r"""(?P<name>\ssrcset\s*=\s*)(?P<q>["'])(?P<list>.*?)(?P=q)""", re.S | re.I)
TAG = re.compile(r"<[^>]*>")
NOT_IN_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")  # XML 1.0, 2.2
NO_POSTS_YET = datetime(1970, 1, 1, tzinfo=UTC)


def absolute(html: str, base: str) -> str:
    """Return HTML whose addresses are all absolute; those in it count from `base`, the post's own address."""

    def whole(url: str) -> str:
        return escape(urljoin(base, unescape(url).strip()))

    def one(found: re.Match[str]) -> str:
        return f"{found['name']}{found['q']}{whole(found['url'])}{found['q']}"

    def several(found: re.Match[str]) -> str:
        sources = (source.split(maxsplit=1) for source in found["list"].split(",") if source.strip())
        listed = ", ".join(" ".join((whole(source[0]), *source[1:])) for source in sources)
        return f"{found['name']}{found['q']}{listed}{found['q']}"

    return START_TAG.sub(lambda tag: ADDRESSES.sub(several, ADDRESS.sub(one, tag[0])), html)


def plain(html: str) -> str:
    """Return the text of a short piece of HTML."""
    return " ".join(unescape(TAG.sub("", html)).split())


def content(post: Any, site_url: str) -> str:
    """Return a post's text for a reader elsewhere, with the whitepaper that stands at its end as a link."""
    html = absolute(post.get_content(site_url), f"{site_url}/{post.url}")
    paper = getattr(post, "whitepaper_at_end", None)
    if paper:
        html += (
            f'\n<p>Free whitepaper: <a href="{escape(f"{site_url}/{paper.url}")}">{escape(paper.title)}</a></p>'
        )
    return NOT_IN_XML.sub("", html)


def subjects(post: Any) -> list[str]:
    """Return a post's category and tags, each once."""
    named = [post.category.name, *(tag.name for tag in getattr(post, "tags", None) or ())]
    return list(dict.fromkeys(named))


def feed_posts(context: dict[str, Any]) -> list[Any]:
    """Return the posts that a feed holds, newest first: never hidden ones, nor drafts."""
    newest: list[Any] = context["articles"][: context["FEED_MAX_ITEMS"]]
    return newest


def last_change(posts: list[Any]) -> datetime:
    """Return when the feed last changed: the newest date among its posts."""
    return max((getattr(post, "modified", post.date) for post in posts), default=NO_POSTS_YET)


def complete(context: dict[str, Any], feed: Any) -> None:
    """Put into an Atom (RFC 4287) or RSS 2.0 feed what Pelican leaves out, before it is written."""
    site_url, posts = context["SITEURL"], feed_posts(context)
    feed.feed |= {
        "language": context["DEFAULT_LANG"],
        "author_name": context["COMPANY"],
        "author_link": f"{site_url}/",
    }
    feed.latest_post_date = lambda: last_change(posts)
    for item, post in zip(feed.items, posts, strict=True):
        item["title"] = NOT_IN_XML.sub("", str(post.title))
        item["unique_id"], item["unique_id_is_permalink"] = item["link"], True
        item["categories"] = subjects(post)
        item["author_name"], item["author_link"] = post.author.name, f"{site_url}/{post.author.url}"
        if isinstance(feed, Atom1Feed):
            item["content"] = content(post, site_url)
            item["description"] = NOT_IN_XML.sub("", absolute(post.summary, item["link"]))
        else:
            item["description"] = content(post, site_url)


def json_feed(context: dict[str, Any]) -> dict[str, Any]:
    """Return the feed as JSON Feed 1.1 (jsonfeed.org/version/1.1) has it."""
    site_url = context["SITEURL"]
    return {
        "version": "https://jsonfeed.org/version/1.1",
        "title": context["SITENAME"],
        "description": context["SITESUBTITLE"],
        "home_page_url": f"{site_url}/",
        "feed_url": f"{site_url}/{JSON_FEED}",
        "language": context["DEFAULT_LANG"],
        "authors": [{"name": context["COMPANY"], "url": f"{site_url}/"}],
        "items": [json_item(post, site_url) for post in feed_posts(context)],
    }


def json_item(post: Any, site_url: str) -> dict[str, Any]:
    """Return one post; `date_modified` is there where the author names it."""
    url = f"{site_url}/{post.url}"
    modified = {"date_modified": post.modified.isoformat()} if hasattr(post, "modified") else {}
    return {
        "id": url,
        "url": url,
        "title": str(post.title),
        "summary": plain(post.summary),
        "content_html": content(post, site_url),
        "date_published": post.date.isoformat(),
        **modified,
        "authors": [{"name": post.author.name, "url": f"{site_url}/{post.author.url}"}],
        "tags": subjects(post),
        "language": post.lang,
    }


def write_json_feed(generator: Any, **_: Any) -> None:
    """Write the JSON feed beside Pelican's own."""
    text = json.dumps(json_feed(generator.context), ensure_ascii=False, indent=1)
    Path(generator.output_path, JSON_FEED).write_text(f"{text}\n", encoding="utf-8")


def register() -> None:
    """Connect this plugin to Pelican (called once by Pelican)."""
    signals.feed_generated.connect(complete)
    signals.article_writer_finalized.connect(write_json_feed)
