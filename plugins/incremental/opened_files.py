# SPDX-License-Identifier: AGPL-3.0-or-later
"""Knows which files a piece of work has read, by Python's own account of what is opened (PEP 578).

A text may take in others: a snippet, a table, a line of source. Nobody declares them, so they are seen.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from zoneinfo import TZPATH

CODE = (".py", ".pyc", ".so", ".pyd")
"""What is opened to be run: code counts by code_stamp."""

OF_THE_SYSTEM = (sys.prefix, sys.base_prefix, *TZPATH)
"""What comes with Python and with the system: its own code, and the rules of time zones."""

_heard: set[str] | None = None
_installed = False


@contextmanager
def opened() -> Iterator[set[str]]:
    """Hold the absolute paths of the files that are read while the block runs, code and Python's own left out."""
    global _heard, _installed
    if not _installed:
        sys.addaudithook(_hear)  # there is no way to take it away again
        _installed = True
    outer, _heard = _heard, set()
    try:
        yield _heard
    finally:
        if outer is not None:
            outer |= _heard
        _heard = outer


@contextmanager
def unheard() -> Iterator[None]:
    """Leave out what is read while the block runs: a post that is fetched from where it is kept is still that
    post."""
    global _heard
    outer, _heard = _heard, None
    try:
        yield
    finally:
        _heard = outer


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    if event != "open" or _heard is None:
        return
    path, _, flags = arguments
    if isinstance(path, str | bytes | os.PathLike) and (flags & os.O_ACCMODE) == os.O_RDONLY:
        name = os.path.abspath(os.fsdecode(path))  # noqa: PTH100 - called for every file that is opened
        if not name.endswith(CODE) and not name.startswith(OF_THE_SYSTEM):
            _heard.add(name)
