# SPDX-License-Identifier: AGPL-3.0-or-later
"""Where we are in a whitepaper's file while it is read, so that a mistake can be told with its line.

Mistune's tree has no line numbers. A node's line is where its text next stands in the file, reading on from
the node before it.
"""

import re
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Any

from plugins.front_matter.header import Header
from plugins.mistakes import Mistake

NOT_IN_TARGET = re.compile(r"[^\w\s-]")

Node = dict[str, Any]


@dataclass(frozen=True)
class Picture:
    """A picture's file, and the line that shows it first."""

    path: Path
    line: int


@dataclass
class Paper:
    """What a Markdown text became: blocks for the template, pictures by the name they have in it, mistakes."""

    blocks: list[Node] = field(default_factory=list)
    pictures: dict[str, Picture] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)
    chapters: list[str] = field(default_factory=list)
    headings: int = 0  # of the two levels that the table of contents can show


@dataclass
class Reading:
    """The state of reading one file: where in it we are, and what later nodes refer to."""

    header: Header
    content: Path
    paper: Paper
    notes: dict[str, list[Node]] = field(default_factory=dict)
    noted: set[str] = field(default_factory=set)
    targets: dict[str, int] = field(default_factory=dict)
    references: list[tuple[str, int]] = field(default_factory=list)
    level: int = 0
    position: int = 0

    def line(self, text: str) -> int:
        """Return the line where a text next stands, and read on from there."""
        first = next(filter(str.strip, text.splitlines()), "").strip()
        found = self.header.body.find(first, self.position) if first else -1
        if found < 0:
            found = self.header.body.find(first) if first else self.position
        if found < 0:
            found = self.position
        self.position = found
        return self.header.body_line + self.header.body.count("\n", 0, found)

    def note_mark(self, key: str) -> str:
        """Return a footnote's mark as it is typed: mistune writes its key in capitals."""
        found = re.search(rf"\[\^{re.escape(key)}\]", self.header.body, re.IGNORECASE)
        return found[0] if found else f"[^{key}]"

    def wrong(self, line: int, text: str) -> None:
        """Note a mistake of the author."""
        self.paper.mistakes.append(Mistake(self.header.path, line, text))


def plain_text(nodes: list[Node]) -> str:
    """Return the words of some nodes without their markup."""
    return "".join(unescape(n["raw"]) if "raw" in n else plain_text(n.get("children", [])) for n in nodes)


def target_of(text: str) -> str:
    """Return what a link within the paper calls a heading: "Step one: agree" is step-one-agree."""
    return "-".join(NOT_IN_TARGET.sub("", text).lower().split())
