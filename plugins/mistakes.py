# SPDX-License-Identifier: AGPL-3.0-or-later
"""Tells authors' mistakes plainly and stops the build.

Pelican goes on after most errors and exits with 0, and what it cannot bear it shows as a traceback in
columns. An author needs one line a mistake: the file, the line, what is wrong and how to mend it; and a
build server needs an exit code. What is wrong with the content is gathered by `findings` and raised together, as
`ContentMistakes`; what is wrong with the site itself is raised at once. What does not stop the build is told in
the same plain way, by `tell` and `note`.
"""

import logging
import os
import sys
from collections.abc import Collection, Iterable
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Mistake:
    """One mistake in one file; `line` counts from 1; `text` says what is wrong and how to mend it.

    An error stops the build; a `warning` does so only where the site is strict (CHECK_STRICT).
    """

    path: str
    line: int
    text: str
    warning: bool = False

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {'Warning: ' * self.warning}{self.text}"


class ContentMistakes(Exception):
    """Mistakes of authors, all that were found, warnings too; its text is the whole message, one line for each."""

    exitcode = 1  # Pelican's command line reads it

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = sorted(mistakes)
        super().__init__("\n".join([*map(str, self.mistakes), f"{sum_up(self.mistakes)}. Nothing was built."]))


def sum_up(mistakes: Collection[Mistake]) -> str:
    """Return "2 mistakes and 1 warning in the content"."""
    warnings = sum(mistake.warning for mistake in mistakes)
    counts = ((len(mistakes) - warnings, "mistake"), (warnings, "warning"))
    told = " and ".join(f"{count} {what}{'s' * (count > 1)}" for count, what in counts if count)
    return f"{told or 'No mistake'} in the content"


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
