# SPDX-License-Identifier: AGPL-3.0-or-later
"""Gives every picture in a post or page its size, and lets all but the first wait until the reader comes near.

Without a size the text jumps each time a picture arrives, and without the wait a phone fetches pictures that
nobody scrolls down to. What an author says of a picture in the text stands. A file that is no picture would be a
hole in the page: it is told with file and line.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

from pelican.generators import StaticGenerator
from pelican.plugins import signals

from plugins.findings import report, watch
from plugins.hidden_posts import PUBLIC, TO_FILES, contents_of, source_path, static_files
from plugins.incremental.own_page import FOR_ONE
from plugins.mistakes import Mistake, shown_path
from plugins.picture_sizes import NotAPicture, size_of
from plugins.typed_html import line_of_link

PICTURE = re.compile(r"""<img\b(?:[^<>"']|"[^"]*"|'[^']*')*>""", re.IGNORECASE)
ATTRIBUTE = re.compile(
    r"""\s(?P<name>[a-z-]+)(?:\s*=\s*(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<bare>[^\s"'>]+)))?""", re.I
)
INTRASITE = re.compile(r"[{|](?P<what>.*?)[|}](?P<value>.*)", re.DOTALL)
PIXELS = re.compile(r"\d+")


def attributes(tag: str) -> dict[str, str]:
    """Return a start tag's attributes by their lower-case names, as typed."""
    found = ATTRIBUTE.finditer(tag)
    return {one["name"].lower(): one["double"] or one["single"] or one["bare"] or "" for one in found}


def file_of(content: Any, source: str, files: Mapping[str, str]) -> str:
    """Return the file, relative to the content folder, that a picture's `src` names; "" where it is not ours."""
    marked = INTRASITE.fullmatch(source)
    if marked:
        return source_path(content, marked["value"]) if marked["what"] in TO_FILES else ""
    site_url = content.settings["SITEURL"]
    own = unescape(source).strip().removeprefix(site_url) if site_url else unescape(source).strip()
    address = urlsplit(urljoin(f"/{content.url}", own))
    return "" if address.netloc or address.scheme else files.get(unquote(address.path), "")


def missing(
    given: Mapping[str, str], size: tuple[int, int] | None, first: bool
) -> Iterator[tuple[str, str | int]]:
    """Yield the attributes that a picture lacks; where it has one measure, the other is in proportion."""
    if size and all(size):
        width, height = size
        if "width" not in given and "height" not in given:
            yield from (("width", width), ("height", height))
        elif "height" not in given and PIXELS.fullmatch(given["width"]):
            yield "height", round(int(given["width"]) * height / width)
        elif "width" not in given and PIXELS.fullmatch(given["height"]):
            yield "width", round(int(given["height"]) * width / height)
    if not first and "loading" not in given:
        yield "loading", "lazy"
    if "decoding" not in given:
        yield "decoding", "async"


def complete(content: Any, files: Mapping[str, str]) -> list[Mistake]:
    """Complete the pictures of one post or page, and return a warning for each file that is no picture."""
    root, first = Path(content.settings["PATH"]), True
    mistakes: list[Mistake] = []

    def completed(found: re.Match[str]) -> str:
        nonlocal first
        tag, given = found[0], attributes(found[0])
        name = file_of(content, given.get("src", ""), files)
        if not name or not (root / name).is_file():
            return tag
        try:
            size = size_of(root / name)
        except NotAPicture:
            line = line_of_link(content.source_path, given["src"])
            told = f'The picture "{name}" cannot be read. Save it again, as SVG, JPEG, PNG, WebP or AVIF.'
            mistakes.append(Mistake(shown_path(content.source_path), line, told, warning=True))
            return tag
        more = "".join(f' {name}="{value}"' for name, value in missing(given, size, first))
        first = False
        end = "/>" if tag.endswith("/>") else ">"
        return f"{tag.removesuffix(end).rstrip()}{more}{end}"

    content._content = PICTURE.sub(completed, content._content)
    return mistakes


def complete_all(generators: Sequence[Any]) -> None:
    """Complete the pictures of everything public, before Pelican resolves links; report files that are none."""
    files = copied_files(generators)
    for content in contents_of(generators, PUBLIC):
        report(content.settings, complete(content, files))


def copied_files(generators: Sequence[Any]) -> dict[str, str]:
    """Return the files that are copied, relative to the content folder, by their root-relative address."""
    statics = [one for one in generators if isinstance(one, StaticGenerator)]
    return {address: name for generator in statics for address, name in static_files(generator).items()}


def complete_one(generators: Sequence[Any], content: Any) -> None:
    """Complete the pictures of one text."""
    report(content.settings, complete(content, copied_files(generators)))


setattr(complete_all, FOR_ONE, complete_one)


def register() -> None:
    """Connect this plugin to Pelican (called once by Pelican)."""
    watch()
    signals.all_generators_finalized.connect(complete_all)
