# SPDX-License-Identifier: AGPL-3.0-or-later
"""Files in content/ that Pelican passes over without a word.

Whoever saves a post as `a-post.txt` or `a-post.MD` expects to see it. A file that a post links to is an
attachment; any other one is told, and stops the build where it can only be a post.
"""

import os
import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any
from urllib.parse import quote

from plugins.front_matter.header import ENDINGS, Header
from plugins.mistakes import Mistake, shown_path

WORD = re.compile(r"""[^\s()<>\[\]{}"'/]+""")


def loose_files(settings: dict[str, Any]) -> Iterator[Path]:
    """Yield the files below content/ that are no posts, pages or the like, nor copied as they are."""
    root = Path(settings["PATH"])
    copied = {root / path for path in settings["STATIC_PATHS"]}
    for parent, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if Path(parent, name) not in copied and shown(name, settings))
        for name in sorted(files):
            if shown(name, settings) and not name.endswith(tuple(f".{ending}" for ending in ENDINGS)):
                yield Path(parent, name)


def shown(name: str, settings: dict[str, Any]) -> bool:
    """Whether a name is not one of those that editors and systems leave behind."""
    return not any(fnmatch(name, pattern) for pattern in settings["IGNORE_FILES"])


def misnamed(paths: Iterable[Path]) -> Iterator[Mistake]:
    """Yield a mistake for each post whose ending is in capital letters."""
    for path in paths:
        if path.suffix[1:].lower() in ENDINGS:
            told = f"The name ends in {path.suffix}, so this is not published. Rename it {path.stem}.md."
            yield Mistake(shown_path(str(path)), 1, told)


def unused(paths: Iterable[Path], headers: list[Header]) -> Iterator[Mistake]:
    """Yield a note for each file that no text names."""
    texts = "\n".join(header.body for header in headers)
    words = set(WORD.findall(texts))  # names of one word, most of them, are found in one step
    for path in paths:
        names = {path.name, quote(path.name)}
        named = names & words or any(name in texts for name in names)
        if path.suffix[1:].lower() not in ENDINGS and not named:
            told = "This is not published: no post links to it, and its name does not end in .md as a post's does."
            yield Mistake(shown_path(str(path)), 1, told)
