"""What a side must have built: how many pages of each kind, and some posts' words.

All sides put the same texts and links on each page (the templates in bench/build/), except for which posts are
related. So a side that is quick because it left something out is found here, after every build. Only the numbered
listing pages differ in how many there are: this site's front page holds 10 to 19 posts, the others' 10 at most.
"""

import re
from collections import Counter
from collections.abc import Mapping
from html import unescape
from pathlib import Path

from corpus import Post

KINDS = ("category", "tag", "author")
PAGE_SIZE, FEED_SIZE = 10, 20
RELATED, RELATED_LINK = re.compile(r"<aside>.*?</aside>", re.DOTALL), re.compile(r"<li><a href")
OUTSIDE = re.compile(r"<head>.*?</head>|<aside>.*?</aside>", re.DOTALL)
TAG, WORD = re.compile(r"<[^>]*>"), re.compile(r"[a-z0-9]+")
TARGET = re.compile(r"\]\([^)]*\)|^```\w*", re.MULTILINE)
ENTRY, ADDRESS = re.compile(r"<entry>"), re.compile(r"<loc>([^<]*)</loc>")
LISTED_ONCE = re.compile(r"/archives/|/page/\d+|\.xml$")
"""Addresses that one side's sitemap names and another's does not."""


def groups_of(post: Post) -> dict[str, list[str]]:
    """Return the names of a post's category, tags and author, by their kind."""
    return {"category": [post.category], "tag": list(post.tags), "author": [post.author]}


def numbered_pages(kind: str, count: int) -> int:
    """Return how many numbered pages a listing of so many posts has beside its first page."""
    return max(0, count // PAGE_SIZE - 1) if kind == "ours" else (count - 1) // PAGE_SIZE


def promised(kind: str, count: int, groups: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """Return how many pages and entries of each sort a side of a kind builds from so many posts."""
    sizes = [count, *(size for group in groups.values() for size in group.values())]
    pages = {name: len(group) for name, group in groups.items()}
    return {
        "post": count,
        **pages,
        "numbered": sum(numbered_pages(kind, size) for size in sizes),
        "feed entries": min(count, FEED_SIZE),
        "sitemap addresses": 1 + count + sum(pages.values()),
    }


def built(output: Path) -> dict[str, int]:
    """Return how many of the same there are in a folder."""
    below = {name: [path for path in (output / name).iterdir() if path.is_dir()] for name in KINDS}
    others = {*KINDS, "page"}
    posts = [path for path in output.glob("*/index.html") if path.parent.name not in others]
    listings = [output, *(path for paths in below.values() for path in paths)]
    maps = [*output.glob("sitemap*.xml"), *output.glob("sitemap*/*.xml")]
    addresses = {address for path in maps for address in ADDRESS.findall(path.read_text())}
    return {
        "post": len(posts),
        **{name: sum((path / "index.html").is_file() for path in paths) for name, paths in below.items()},
        "numbered": sum(1 for listing in listings for _ in listing.glob("page/*/index.html")),
        "feed entries": len(ENTRY.findall((output / "feed.atom").read_text())),
        "sitemap addresses": sum(1 for address in addresses if not LISTED_ONCE.search(address)),
    }


def related_on(page: str) -> int:
    """Return how many related posts a page offers."""
    return sum(len(RELATED_LINK.findall(part)) for part in RELATED.findall(page))


def words_on(page: str) -> Counter[str]:
    """Count the words that a reader sees on a page, less those of the related posts."""
    return Counter(WORD.findall(unescape(TAG.sub("", OUTSIDE.sub("", page))).lower()))


def left_out(page: str, post: Post) -> dict[str, int]:
    """Return the words of a post that are not on its page."""
    text = f"{post.title} {post.author} {post.category} {' '.join(post.tags)}\n{TARGET.sub('', post.body)}"
    return dict(Counter(WORD.findall(text.lower())) - words_on(page))
