# SPDX-License-Identifier: AGPL-3.0-or-later
"""Finds the characters that the paper's fonts cannot show, before Typst has to.

Typst refuses them too (PDF/UA forbids a glyph that means nothing), but can name neither the file nor the line.
"""

import struct
import unicodedata
from collections.abc import Iterator
from functools import cache
from html import unescape
from pathlib import Path

FONTS = Path(__file__).parent / "fonts"
WORKING_FACES = "SourceSerif4-*.ttf"  # every text may be set in any of these; the others fall back on them


def code_points(font: Path) -> set[int]:
    """Return the characters a TrueType file has a glyph for (OpenType 1.9, cmap, format 12)."""
    data = font.read_bytes()
    (tables,) = struct.unpack_from(">H", data, 4)
    records = (struct.unpack_from(">4sIII", data, 12 + 16 * number) for number in range(tables))
    cmap = next(offset for tag, _, offset, _ in records if tag == b"cmap")
    (subtables,) = struct.unpack_from(">H", data, cmap + 2)
    for number in range(subtables):
        _, _, offset = struct.unpack_from(">HHI", data, cmap + 4 + 8 * number)
        kind, _, _, _, groups = struct.unpack_from(">HHIII", data, cmap + offset)
        if kind == 12:
            starts = (cmap + offset + 16 + 12 * group for group in range(groups))
            ranges = (struct.unpack_from(">II", data, start) for start in starts)
            return {point for first, last in ranges for point in range(first, last + 1)}
    raise ValueError(f"{font.name} has no character map in format 12")


@cache
def known_characters() -> frozenset[int]:
    """Return the characters that every working face has."""
    return frozenset(set.intersection(*map(code_points, FONTS.glob(WORKING_FACES))))


def unknown_characters(text: str) -> Iterator[tuple[int, str]]:
    """Yield, for each line (from 1) with characters that no font shows, these as '"日" (CJK ...)'."""
    for number, line in enumerate(text.split("\n"), 1):
        unknown = {char for char in unescape(line) if ord(char) not in known_characters() and char not in "\t\r"}
        if unknown:
            named = (f'"{char}" ({unicodedata.name(char, f"U+{ord(char):04X}")})' for char in sorted(unknown))
            yield number, ", ".join(named)
