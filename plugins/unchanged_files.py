# SPDX-License-Identifier: AGPL-3.0-or-later
"""Writes a file only where it would be another one, so that a small change touches few files.

Whatever copies, uploads or asks for the site by a file's time or bytes then has little to do. A file that is left
as it lies belongs to this build all the same, which whoever removes old files has to know: KEPT_FILES in the
settings holds their absolute paths. What is written takes the old file's place in one step: nobody reads half of
it, and a second name that the old file has elsewhere keeps the old bytes.
"""

from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

KEPT = "KEPT_FILES"
"""The setting with the absolute path of each file that this build would have written as it lies there."""


def write_changed(path: Path, data: bytes, settings: MutableMapping[str, Any]) -> bool:
    """Write a file unless it lies there with these very bytes; tell whether it was written.

    To be called by the process that builds, not by a worker of it, whose settings are a copy.
    """
    settings.setdefault(KEPT, set()).add(str(path.absolute()))
    if _holds(path, data):
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_bytes(data)
    fresh.replace(path)
    return True


def _holds(path: Path, data: bytes) -> bool:
    """Whether the file has these bytes; what cannot be read has others."""
    try:
        return path.stat().st_size == len(data) and path.read_bytes() == data
    except OSError:
        return False
