# SPDX-License-Identifier: AGPL-3.0-or-later
"""Lets whatever is written in a folder be written to a new file, never into one that somebody may be reading.

Pelican and its plugins open a file and write over what it holds. A reader who began a large picture two builds ago
would get the half of one and the half of another. So a file that is about to be emptied is first taken out of its
folder, by Python's own account of what is opened (PEP 578): its readers keep it, and the writer gets a new one.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

_folder = ""
_installed = False


@contextmanager
def written_anew(folder: str) -> Iterator[None]:
    """Let no file below a folder be written over while the block runs, in forked processes neither."""
    global _folder, _installed
    if not _installed:
        sys.addaudithook(_hear)  # there is no way to take it away again
        _installed = True
    outer, _folder = _folder, f"{folder}{os.sep}"
    try:
        yield
    finally:
        _folder = outer


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    if event != "open" or not _folder:
        return
    path, _, flags = arguments
    if flags & os.O_TRUNC and isinstance(path, str | bytes | os.PathLike):
        name = os.path.abspath(os.fsdecode(path))  # noqa: PTH100 - called for every file that is opened
        if name.startswith(_folder):
            with suppress(OSError):
                os.unlink(name)  # noqa: PTH108
