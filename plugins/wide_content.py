# SPDX-License-Identifier: AGPL-3.0-or-later
"""Lets people who use a keyboard read tables and code that are wider than the page.

Such content scrolls sideways, and a browser scrolls by arrow keys only what has the focus (WCAG 2.2, 2.1.1). Code
can take it itself. A table that scrolls would be no table any more for a screen reader, so it stands in a place
that does (.scroll), which is called as the table is: a group and not a region, for a page has few landmarks.
"""

import re
from collections.abc import Sequence
from html import escape, unescape
from textwrap import shorten
from typing import Any

from pelican.plugins import signals

from plugins.hidden_posts import PUBLIC, contents_of
from plugins.incremental.own_page import FOR_ONE

TABLE = re.compile(r"<table\b[^>]*>(?:(?!<table\b).)*?</table>", re.DOTALL | re.IGNORECASE)
CAPTION = re.compile(r"<caption\b[^>]*>(.*?)</caption>", re.DOTALL | re.IGNORECASE)
ROW = re.compile(r"<tr\b[^>]*>(.*?)</tr>", re.DOTALL | re.IGNORECASE)
HEADING = re.compile(r"<th\b[^>]*>(.*?)</th>", re.DOTALL | re.IGNORECASE)
CODE = re.compile(r"<pre\b(?![^>]*\stabindex)", re.IGNORECASE)
TAG = re.compile(r"<[^>]*>")
LONGEST_NAME = 100


def name_of(table: str) -> str:
    """Return what a table is called: its caption, else the headings of its first row, else "Table"."""
    caption, row = CAPTION.search(table), ROW.search(table)
    parts = [caption[1]] if caption else HEADING.findall(row[1]) if row else []
    words = (" ".join(unescape(TAG.sub("", part)).split()) for part in parts)
    return shorten(", ".join(filter(None, words)), LONGEST_NAME, placeholder=" …") or "Table"


def scrollable(html: str) -> str:
    """Return the same text with its tables and code in reach of the keyboard."""

    def placed(found: re.Match[str]) -> str:
        place = f'<div class="scroll" role="group" aria-label="{escape(name_of(found[0]))}" tabindex="0">'
        return f"{place}{found[0]}</div>"

    return CODE.sub('<pre tabindex="0"', TABLE.sub(placed, html))


def open_to_keyboards(generator: Any) -> None:
    """Change the texts of one generator's posts or pages, before Pelican remembers them."""
    for content in contents_of([generator], PUBLIC):
        open_one([generator], content)


def open_one(_: Sequence[Any], content: Any) -> None:
    """Change one text."""
    content._content = scrollable(content._content)


setattr(open_to_keyboards, FOR_ONE, open_one)


def register() -> None:
    """Connect this plugin to Pelican (called once by Pelican)."""
    signals.article_generator_finalized.connect(open_to_keyboards)
    signals.page_generator_finalized.connect(open_to_keyboards)
