# SPDX-License-Identifier: AGPL-3.0-or-later
"""Stops the build where a post or page links to a file that is not there.

Pelican says so in a line that scrolls by, and publishes the page with a dead link or a hole where a picture
should be. What is not out yet may still name files that are to come.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pelican.plugins import signals

from plugins.front_matter.values import did_you_mean
from plugins.hidden_posts import PUBLIC, TO_FILES, contents_of, source_path
from plugins.mistakes import ContentMistakes, Mistake, line_with, shown_path


def broken_links(content: Any, root: Path) -> Iterator[Mistake]:
    """Yield a mistake for each `{filename}`, `{static}` or `{attach}` link of a post that leads to no file."""
    for link in content._get_intrasite_link_regex().finditer(content._content):
        if link["what"] not in TO_FILES or not link["value"]:
            continue
        path = source_path(content, link["value"])
        if not (root / path).is_file():
            known = sorted(one.relative_to(root).as_posix() for one in root.rglob("*") if one.is_file())
            told = f'There is no file "{path}" in {shown_path(str(root))}/.{did_you_mean(path, known)}'
            yield Mistake(shown_path(content.source_path), line_with(content.source_path, link["value"]), told)


def check(generator: Any) -> None:
    """Raise all mistakes of one generator's posts or pages together."""
    root = Path(generator.settings["PATH"])
    found = [mistake for one in contents_of([generator], PUBLIC) for mistake in broken_links(one, root)]
    if found:
        raise ContentMistakes(found)


def register() -> None:
    """Connect this plugin to Pelican (called once by Pelican)."""
    signals.article_generator_finalized.connect(check)
    signals.page_generator_finalized.connect(check)
