# SPDX-License-Identifier: AGPL-3.0-or-later
"""Takes out of the finished pages what nobody sees: indentation, comments, quotes that HTML does not need.

The tags stay, optional ones too, so that a page is as easy to check and to search as before. Styles and scripts
are not touched: the inline style's bytes are named by the security policy, and data is data.

minify-html takes spaces in a <div>, <form> or <nav> for layout and drops them, which would join the words of two
links; so a space between two pieces of a line is marked first and stays.
"""

import re
from pathlib import Path
from typing import Any

import minify_html
from pelican.plugins import signals

VERBATIM = re.compile(r"(<(pre|textarea|script|style)\b.*?</\2>)", re.DOTALL | re.IGNORECASE)
PIECE = (
    "(?:a|abbr|b|bdi|bdo|button|cite|code|data|del|dfn|em|i|iframe|img|input|ins|kbd|label|mark|meter|output|"
    "picture|progress|q|ruby|s|samp|select|small|span|strong|sub|sup|svg|time|u|var)"
)
SPACE_BETWEEN = re.compile(rf"(</{PIECE}>|<(?:img|input)\b[^<>]*>)\s+(?=<{PIECE}\b)", re.IGNORECASE)
MARK = "\ue000"  # a private character: it means nothing, so it is dropped nowhere


def minified(html: str) -> str:
    """Return the same page in fewer bytes; what is minified already stays as it is."""
    parts = VERBATIM.split(html)  # text, verbatim element, its name, text, ...
    parts[::3] = [SPACE_BETWEEN.sub(rf"\1{MARK}", text) for text in parts[::3]]
    del parts[2::3]
    small = minify_html.minify("".join(parts), keep_closing_tags=True, keep_html_and_head_opening_tags=True)
    return small.replace(MARK, " ")


def minify_page(path: str, **_: Any) -> None:
    """Minify a page that Pelican has just written."""
    if path.endswith(".html"):
        page = Path(path)
        page.write_bytes(minified(page.read_text(encoding="utf-8")).encode())


minify_page.works_on_the_file_alone = True  # type: ignore[attr-defined]  # plugins.incremental.rendering asks


def register() -> None:
    """Connect this plugin to Pelican (called once by Pelican)."""
    signals.content_written.connect(minify_page)
