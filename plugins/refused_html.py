# SPDX-License-Identifier: AGPL-3.0-or-later
"""What stands in a text and never reaches its readers.

The site's security policy lets a page load nothing from elsewhere and run nothing but its own script, so a film in
an iframe is an empty box on the published site. And a picture without words says nothing to whoever cannot see it.
"""

import logging
import posixpath
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from plugins.mistakes import Mistake, shown_path
from plugins.typed_html import Tag, line_of_link, line_of_tag

LINK_INSTEAD = dict.fromkeys(
    ("iframe", "frame", "object", "embed", "video", "audio"), "Link to it instead: [what it is](https://...)."
)
BLOCKED = {**dict.fromkeys(("script", "style", "link", "base"), "Take it out."), **LINK_INSTEAD}
ALIGNED_CELL = re.compile(r"text-align:\s*(?:left|right|center);?")  # what Markdown's tables write
TOLD_WITH_THEIR_LINES = ("Empty alt attribute", "Unable to find", "Cannot get modification stamp")
PICTURES = ("img", "source", "image", "input")


def blocked(content: Any) -> Iterator[Mistake]:
    """Yield a warning for each thing in a post or page that the policy keeps from readers."""
    path = content.source_path
    for tag in content.typed_html.tags:
        for line, told in refusals(tag, path, content.settings["SITEURL"]):
            yield Mistake(shown_path(path), line, told, warning=True)


def refusals(tag: Tag, path: str, siteurl: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the sentence for what the policy blocks in one tag."""
    if tag.name in BLOCKED:
        told = f"The site's security policy blocks <{tag.name}>: readers would not get it. {BLOCKED[tag.name]}"
        yield line_of_tag(path, tag.name), told
        return
    for name, value in tag.attributes.items():
        aligned = tag.name in ("td", "th") and ALIGNED_CELL.fullmatch(value.strip())
        if (name == "style" and not aligned) or name.startswith("on"):
            told = f"The site's security policy blocks {name}=, so it has no effect. Take it out."
            yield line_of_tag(path, tag.name, name), told
    for link in tag.links():
        parts = urlsplit(link)
        if parts.scheme == "javascript":
            yield line_of_link(path, link), "The site's security policy blocks javascript: links. Take it out."
        elif tag.name in PICTURES and parts.netloc and not (siteurl and link.startswith(f"{siteurl}/")):
            name = posixpath.basename(parts.path) or "picture.png"
            told = (
                f"The picture is at {parts.netloc}; the site's security policy blocks pictures from elsewhere. "
                f"Put it into content/images/ and write {{static}}/images/{name}."
            )
            yield line_of_link(path, link), told


def without_words(content: Any) -> Iterator[Mistake]:
    """Yield a warning for each picture that says nothing to readers who cannot see it."""
    path = content.source_path
    for tag in content.typed_html.tags:
        if tag.name == "img" and not tag.attributes.get("alt", "").strip() and "role" not in tag.attributes:
            link = tag.attributes.get("src", "")
            told = (
                f'The picture "{link}" says nothing to readers who cannot see it. Write ![What it shows]({link}); '
                "after a mere ornament write {role=presentation}."
            )
            yield Mistake(shown_path(path), line_of_link(path, link), told, warning=True)


def _is_news(record: logging.LogRecord) -> bool:
    return not str(record.msg).startswith(TOLD_WITH_THEIR_LINES)


def silence_pelicans_own() -> None:
    """Pelican says the same of links and of pictures without words, without their lines."""
    for name in ("pelican.readers", "pelican.contents", "pelican.cache"):
        logging.getLogger(name).addFilter(_is_news)  # the same one is added once
