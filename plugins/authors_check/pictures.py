# SPDX-License-Identifier: AGPL-3.0-or-later
"""Finds pictures that are heavier than a page may be: a phone on a train waits for them, and pays."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from plugins.content_pictures import file_of
from plugins.front_matter.author_rules import IMAGE_BUDGET
from plugins.mistakes import Mistake, shown_path
from plugins.typed_html import line_of_link


def heavy_pictures(
    contents: Iterable[Any], files: Mapping[str, str], settings: dict[str, Any]
) -> Iterator[Mistake]:
    """Yield a warning for each picture over its budget, at the first text that shows it.

    `files` are those that are copied, relative to the content folder, by their root-relative address.
    """
    root, budget = Path(settings["PATH"]), settings.get("IMAGE_BUDGET", IMAGE_BUDGET)
    seen: set[str] = set()
    for content in contents:
        for source in shown(content):
            name = file_of(content, source, files)
            if not name or name in seen or not (root / name).is_file():
                continue
            seen.add(name)
            size = (root / name).stat().st_size
            if size > budget:
                told = (
                    f'The picture "{name}" has {size / 1000:,.0f} kB, and {budget / 1000:,.0f} kB is the most. '
                    "Make it smaller, or save it as WebP or AVIF."
                )
                line = line_of_link(content.source_path, source)
                yield Mistake(shown_path(content.source_path), line, told, warning=True)


def shown(content: Any) -> Iterator[str]:
    """Yield what the pictures in a text are, as it was typed."""
    for tag in content.typed_html.tags:
        if tag.name in ("img", "source"):
            yield from tag.links()
