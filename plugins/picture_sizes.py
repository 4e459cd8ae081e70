# SPDX-License-Identifier: AGPL-3.0-or-later
"""Says how large a picture is shown, from the head of its file.

A page that knows it keeps the place free while the picture loads, and no line jumps.
"""

import re
from pathlib import Path

from PIL import Image

ROOT_ELEMENT = re.compile(r"<svg\b[^>]*>")
LENGTH = r"""\s{}\s*=\s*["']\s*(\d+(?:\.\d+)?|\.\d+)(?:px)?\s*["']"""
WIDTH, HEIGHT = (re.compile(LENGTH.format(name)) for name in ("width", "height"))
VIEW_BOX = re.compile(r"""\sviewBox\s*=\s*["']\s*[-+\d.e]+[ ,]+[-+\d.e]+[ ,]+([\d.]+)[ ,]+([\d.]+)\s*["']""")
TURNED = range(5, 9)  # Exif 2.3, orientation: the camera lay on its side
ORIENTATION = 0x0112
WITH_ORIENTATION = ("JPEG", "MPO", "WEBP")  # asking a PNG would read it whole


class NotAPicture(Exception):
    """The file is none that a browser could be expected to show."""


def size_of(path: Path) -> tuple[int, int] | None:
    """Return width and height in CSS pixels, None for a drawing that names none. Raises NotAPicture."""
    if path.suffix.lower() == ".svg":
        return size_of_drawing(path.read_bytes().decode("utf-8", "replace"))
    try:
        with Image.open(path) as image:
            turned = image.format in WITH_ORIENTATION and image.getexif().get(ORIENTATION) in TURNED
            width, height = image.size
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise NotAPicture from error
    return (height, width) if turned else (width, height)


def size_of_drawing(svg: str) -> tuple[int, int] | None:
    """Return the size that an SVG text asks for, else that of its view box. Raises NotAPicture."""
    root = ROOT_ELEMENT.search(svg)
    if root is None:
        raise NotAPicture
    width, height, box = (pattern.search(root[0]) for pattern in (WIDTH, HEIGHT, VIEW_BOX))
    if width and height:
        found = (width[1], height[1])
    elif box:
        found = (box[1], box[2])
    else:
        return None
    return round(float(found[0])), round(float(found[1]))
