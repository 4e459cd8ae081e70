# SPDX-License-Identifier: AGPL-3.0-or-later
"""Tells which files one page is, among all that a writer has written: its set is not copied for each page."""

from collections.abc import Iterator
from typing import Any


class FilesOfOnePage:
    """Stands in for a writer's set of the files it has written, and tells those of one page from all others."""

    def __init__(self, writer: Any) -> None:
        self._writer, self._all = writer, writer._written_files
        self.new: set[str] = set()

    def __enter__(self) -> None:
        self._writer._written_files = self

    def __exit__(self, *_: object) -> None:
        self._writer._written_files = self._all

    def __contains__(self, file: object) -> bool:
        return file in self._all

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def add(self, file: str) -> None:
        """Note a file, as a set's add does."""
        self._all.add(file)
        self.new.add(file)
