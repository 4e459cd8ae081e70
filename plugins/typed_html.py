# SPDX-License-Identifier: AGPL-3.0-or-later
"""Reads what Markdown made of a text: its links, its words outside code, and the tags that browsers act on.

Authors may write HTML too, with attributes in any order and quotes of any kind, so a parser reads it and not a
pattern. Code and comments are examples and remarks: nothing in them counts.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape
from html.parser import HTMLParser
from pathlib import Path

LINKS = ("href", "src", "poster", "srcset", "data", "cite")
CODE = ("code", "pre", "script", "style", "textarea")
FENCE = re.compile(r"[ >]*(?:`{3,}|~{3,})")
INLINE_CODE = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)")


@dataclass(frozen=True)
class Tag:
    """An opening tag; an attribute without a value has "" for one."""

    name: str
    attributes: dict[str, str]

    def links(self) -> Iterator[str]:
        """Yield the addresses that the tag names, as they were typed."""
        for name in LINKS:
            value = self.attributes.get(name)
            if value is not None and name == "srcset":
                yield from (part.split()[0] for part in value.split(",") if part.split())
            elif value is not None:
                yield value.strip()


@dataclass
class TypedHtml:
    """What a text holds."""

    tags: list[Tag] = field(default_factory=list)
    words: str = ""


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found = TypedHtml()
        self.code: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found.tags.append(Tag(tag, {name: value or "" for name, value in reversed(attributes)}))
        if tag in CODE:
            self.code.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attributes)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self.code:
            self.code.remove(tag)

    def handle_data(self, data: str) -> None:
        if not self.code:
            self.found.words += data


def read_html(html: str) -> TypedHtml:
    """Return what a piece of HTML holds."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.found


def lines_outside_code(path: str) -> Iterator[tuple[int, str]]:
    """Yield the lines of a Markdown file, from 1, without fenced blocks and with inline code taken out."""
    fenced = ""
    for number, line in enumerate(Path(path).read_text(encoding="utf-8-sig").splitlines(), 1):
        fence = FENCE.match(line)
        mark = fence[0].lstrip(" >") if fence else ""
        if fenced:
            fenced = "" if mark.startswith(fenced) else fenced
        elif mark:
            fenced = mark
        else:
            yield number, INLINE_CODE.sub("", line)


def line_of_link(path: str, address: str) -> int:
    """Return the line that an address stands in, as a whole if it can be; 1 where it cannot be found."""
    typed = [text for text in dict.fromkeys((address, escape(address))) if text]
    whole = re.compile(
        "|".join(rf"""(?<![\w/.-]){re.escape(text)}(?![\w/.-])""" for text in typed) or r"\]\(\s*\)"
    )
    lines = list(lines_outside_code(path))
    found = [number for number, line in lines if whole.search(line)]
    return next(iter(found + [number for number, line in lines if any(text in line for text in typed)]), 1)


def line_of_tag(path: str, name: str, text: str = "") -> int:
    """Return the line of the first tag of some name that holds a text; 1 where it cannot be found."""
    opened = re.compile(rf"<{re.escape(name)}\b[^>]*{re.escape(text)}", re.IGNORECASE)
    return next((number for number, line in lines_outside_code(path) if opened.search(line)), 1)
