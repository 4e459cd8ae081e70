# SPDX-License-Identifier: AGPL-3.0-or-later
"""Looks at the order of headings, by which readers who do not see the page find their way through it."""

import re
from collections.abc import Iterator
from typing import Any

from plugins.front_matter.header import read_header
from plugins.mistakes import Mistake, shown_path
from plugins.typed_html import lines_outside_code

HEADING = re.compile(r"h([1-6])")
HASHES = re.compile(r"[ >]*(#{1,6})")
TYPED_TAG = re.compile(r"<h([1-6])\b", re.IGNORECASE)
UNDERLINE = re.compile(r"[ >]*(=+|-+)[ \t]*")


def heading_mistakes(content: Any) -> Iterator[Mistake]:
    """Yield a warning for each heading of a text that leaves out a level or is of the title's level."""
    tags = (HEADING.fullmatch(tag.name) for tag in content.typed_html.tags)
    levels = [int(found[1]) for found in tags if found]
    last = 1
    for place, level in enumerate(levels):
        told = what_is_wrong(level, last)
        if told:
            yield Mistake(
                shown_path(content.source_path), line_of(content.source_path, levels, place), told, warning=True
            )
        last = level


def what_is_wrong(level: int, last: int) -> str:
    """Say why a heading cannot follow one of the level `last`, "" where it can."""
    if level == 1:
        return "This heading is of the same level as the title, which is the page's only one. Write ## before it."
    if level > last + 1:
        return f"A heading of level {level} follows one of level {last}. Write {'#' * (last + 1)} before it."
    return ""


def line_of(path: str, levels: list[int], place: int) -> int:
    """Return the line of a text's heading; where not all can be found, of the first one of its level."""
    found = list(typed_headings(path))
    if [level for _, level in found] == levels:
        return found[place][0]
    return next((number for number, level in found if level == levels[place]), 1)


def typed_headings(path: str) -> Iterator[tuple[int, int]]:
    """Yield line and level of each heading in a Markdown file."""
    begin = read_header(path).body_line
    before = ""
    for number, line in lines_outside_code(path):
        if number < begin:
            continue
        hashes, tag, under = HASHES.match(line), TYPED_TAG.search(line), UNDERLINE.fullmatch(line)
        if hashes:
            yield number, len(hashes[1])
        elif tag:
            yield number, int(tag[1])
        elif under and before.strip() and not before.lstrip().startswith("|"):
            yield number - 1, 1 if under[1].startswith("=") else 2
        before = line
