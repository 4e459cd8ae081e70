# SPDX-License-Identifier: AGPL-3.0-or-later
"""Takes out of the finished pages what nobody sees: indentation, comments, quotes that HTML does not need.

The tags stay, optional ones too, so that a page is as easy to check and to search as before. Styles and scripts
are not touched: the inline style's bytes are named by the security policy, and data is data.
"""

from pathlib import Path
from typing import Any

import minify_html
from pelican.plugins import signals


def minified(html: str) -> str:
    """Return the same page in fewer bytes; what is minified already stays as it is."""
    return minify_html.minify(html, keep_closing_tags=True, keep_html_and_head_opening_tags=True)


def minify_page(path: str, **_: Any) -> None:
    """Minify a page that Pelican has just written."""
    if path.endswith(".html"):
        page = Path(path)
        page.write_bytes(minified(page.read_text(encoding="utf-8")).encode())


def register() -> None:
    """Connect this plugin to Pelican (called once by Pelican)."""
    signals.content_written.connect(minify_page)
