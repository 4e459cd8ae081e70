# SPDX-License-Identifier: AGPL-3.0-or-later
"""Finds the characters that the paper's fonts cannot show, before Typst has to.

Typst refuses them too (PDF/UA forbids a glyph that means nothing), but can name neither the file nor the line.
"""

import unicodedata
from collections.abc import Iterator
from functools import cache
from html import unescape
from pathlib import Path

FONTS = Path(__file__).parent / "fonts"
WORKING_FACES = "SourceSerif4-*.ttf"  # every text may be set in any of these; the others fall back on them


def code_points(font: Path) -> set[int]:
    """Return the characters that a font has a glyph for."""
    from fontTools.ttLib import TTFont  # here, so that only who asks waits for it

    with TTFont(font, lazy=True) as face:
        return set(face.getBestCmap())


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
