# SPDX-License-Identifier: AGPL-3.0-or-later
"""Finds pages that are heavier than their text makes them: each reader loads what stands around it, on every page.

What authors and readers write may be long, so a post's own text and its comments are left out of the count. Pages
can be weighed only when they are written; the build that replaces the site stands beside it until it has ended
well, so a page over its budget (PAGE_BUDGET) keeps the old site up as any other finding does.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pelican.plugins import signals

from plugins.findings import decide, watch
from plugins.minify import minified
from plugins.mistakes import Mistake, shown_path

BUDGET = 40_000
"""Bytes, where the site does not say."""

COMMENTS = re.compile(r"""<section\b[^>]*\bid=["']?comments\b.*?</section>""", re.DOTALL)
KINDS = {
    "article": ("articles", "translations", "hidden_articles", "hidden_translations"),
    "page": ("pages", "translations", "hidden_pages", "hidden_translations"),
}


def weight(page: str, text: str) -> int:
    """Return the bytes of a page without its comments and without the text that is its own."""
    around = COMMENTS.sub("", page)
    own = text if text in around else minified(text)
    return len(around.encode()) - len(own.encode())


def heavy_pages(contents: Sequence[Any], output: Path, budget: int) -> Iterator[Mistake]:
    """Yield a warning for each page over the budget; only a large file is read."""
    for content in contents:
        file = output / content.save_as
        if not file.is_file() or file.stat().st_size <= budget:
            continue
        found = weight(file.read_text(encoding="utf-8"), content.content)
        if found > budget:
            told = (
                f"The page has {found / 1000:,.0f} kB beside its text and comments, and {budget / 1000:,.0f} kB "
                "is the most. Shorten what stands around: title, summary, tags, the author's own text."
            )
            yield Mistake(shown_path(content.source_path), 1, told, warning=True)


def weigh(generator: Any, kind: str) -> None:
    """Decide on the pages that a generator has written."""
    settings = generator.settings
    contents = [one for name in KINDS[kind] for one in getattr(generator, name)]
    found = heavy_pages(contents, Path(generator.output_path), settings.get("PAGE_BUDGET", BUDGET))
    decide(found, settings)


def weigh_articles(generator: Any, **_: Any) -> None:
    """Decide on the posts' pages."""
    weigh(generator, "article")


def weigh_pages(generator: Any, **_: Any) -> None:
    """Decide on the other pages."""
    weigh(generator, "page")


def register() -> None:
    """Connect this plugin to Pelican (called once by Pelican)."""
    watch()
    signals.article_writer_finalized.connect(weigh_articles)
    signals.page_writer_finalized.connect(weigh_pages)
