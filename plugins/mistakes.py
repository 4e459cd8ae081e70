# SPDX-License-Identifier: AGPL-3.0-or-later
"""Tells authors' mistakes plainly and stops the build.

Pelican goes on after most errors and exits with 0, and what it cannot bear it shows as a traceback in
columns. An author needs one line a mistake: the file, the line, what is wrong and how to mend it; and a
build server needs an exit code. Plugins gather `Mistake`s and raise them together as `ContentMistakes`. What does
not stop the build is told in the same plain way, by `tell` and `note`.
"""

import logging
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Mistake:
    """One mistake in one file; `line` counts from 1; `text` says what is wrong and how to mend it."""

    path: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text}"


class ContentMistakes(Exception):
    """Mistakes of authors, all that were found; its text is the whole message, one line for each."""

    exitcode = 1  # Pelican's command line reads it

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = sorted(mistakes)
        count = len(self.mistakes)
        sum_up = f"{count} mistake{'s' * (count > 1)} in the content. Nothing was built."
        super().__init__("\n".join([*map(str, self.mistakes), sum_up]))


class PlainLine(str):
    """A line that is shown as it is, wherever the build's messages go."""


def tell(text: str) -> None:
    """Say one line that stops nothing."""
    logging.getLogger("pelican").warning("%s", PlainLine(text))


def note(about: Mistake) -> None:
    """Tell what is odd in a file, and leave it to the author."""
    tell(f"{about.path}:{about.line}: Note: {about.text}")


def shown_path(path: str) -> str:
    """Return a path as the author types it: from the current folder where it lies below it."""
    relative = os.path.relpath(path)
    return path if relative.startswith(os.pardir) else relative


class PlainMessage(logging.Filter):
    """Prints mistakes and notes to stderr as they are, in place of Pelican's traceback or its wrapped log line.

    Both `pelican` (which then exits) and `pelican -r` (which then waits for the next save) log the
    exception itself. With `-D` Pelican's own report, traceback included, is shown as well.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        args = record.args if isinstance(record.args, tuple) else ()
        told = [arg for arg in args if isinstance(arg, ContentMistakes | PlainLine)]
        for message in told:
            print(message, file=sys.stderr, flush=True)
        if any(isinstance(message, PlainLine) for message in told):
            return False
        return not told or logging.getLogger("pelican").isEnabledFor(logging.DEBUG)


PLAIN_MESSAGE = PlainMessage()


def print_mistakes_plainly() -> None:
    """Make Pelican print `ContentMistakes` plainly; may be called any number of times."""
    logger = logging.getLogger("pelican")
    if PLAIN_MESSAGE not in logger.filters:
        logger.filters.insert(0, PLAIN_MESSAGE)  # before Pelican's own, which swallows repeated messages
