# SPDX-License-Identifier: AGPL-3.0-or-later
"""Finds code blocks that are opened and never closed.

From there on the text is shown as it is typed, and a later block turns inside out. What opens and closes a block
is decided as the Markdown extension of this site decides it (pymdownx.superfences): by the very same marks, as
many of them, as far in.
"""

import re
from collections.abc import Iterator, Sequence

from pymdownx.superfences import RE_NESTED_FENCE_START  # type: ignore[import-untyped]  # published without types

PREFIX = re.compile(r"[> \t]*")
HOLDS_BLOCKS = re.compile(r"[> \t]*(?:[-*+]\s|\d+[.)]\s|:\s|!!!|\?\?\?|\[\^)")  # what an indented block belongs to
CODE_INDENT = 4
MARKS = ("```", "~~~")


def unclosed_fences(text: str) -> Iterator[tuple[int, str]]:
    """Yield the line, from 0, and the mark of each fence in a Markdown text that is not closed."""
    if not any(mark in text for mark in MARKS):
        return
    lines = text.split("\n")
    opened = 0
    fence = prefix = ""
    for number, line in enumerate(lines):
        if fence:
            ended = closes(line, fence, prefix)
            if ended is False:
                yield opened, fence
            fence = fence if ended is None else ""
            continue
        prefix = PREFIX.match(line)[0]  # type: ignore[index]  # it matches "" too
        found = RE_NESTED_FENCE_START.match(line, len(prefix))
        if found and not found["unrecognized"] and not is_indented_code(lines, number, prefix):
            opened, fence = number, found["fence"]
    if fence:
        yield opened, fence


def closes(line: str, fence: str, prefix: str) -> bool | None:
    """Whether a line ends a block, True, or breaks it off, False; None where it belongs to it."""
    width, level = len(prefix.expandtabs(CODE_INDENT)), prefix.count(">")
    own = PREFIX.match(line.expandtabs(CODE_INDENT))[0][:width]  # type: ignore[index]  # it matches "" too
    rest = line.expandtabs(CODE_INDENT)[len(own) :]
    if not line.strip(" \t>" if level else " \t"):
        return None
    if own.count(">") > level or (len(own) != width and not level) or (level and not own.count(">")):
        return False
    return True if re.fullmatch(rf"{fence}[ \t]*", rest) else None


def is_indented_code(lines: Sequence[str], number: int, prefix: str) -> bool:
    """Whether a line stands so far in, below no list or the like, that it is an example of a fence."""
    width = len(prefix.expandtabs(CODE_INDENT))
    if width < CODE_INDENT or ">" in prefix:
        return False
    for line in reversed(lines[:number]):
        own = len(line.expandtabs(CODE_INDENT)) - len(line.expandtabs(CODE_INDENT).lstrip())
        if line.strip() and own < width:
            return not HOLDS_BLOCKS.match(line)
    return True
