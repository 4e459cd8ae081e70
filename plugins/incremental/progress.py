# SPDX-License-Identifier: AGPL-3.0-or-later
"""Says how far a long piece of work has come: a bar on a terminal, a few plain lines in a log.

What is done in a moment is done silently.
"""

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

Result = TypeVar("Result")

LEAST = 300
"""Pieces of which anything is said."""

LINES = 4
"""In a log, from the beginning to the end."""


def told(what: str, total: int, results: Iterable[Result], console: Console | None = None) -> Iterator[Result]:
    """Yield the results as they come, and say how many of how many there are and how long the rest will take."""
    if total < LEAST:
        yield from results
        return
    console = console or Console(stderr=True)
    yield from (_with_bar if console.is_terminal else _with_lines)(what, total, results, console)


def _with_bar(what: str, total: int, results: Iterable[Result], console: Console) -> Iterator[Result]:
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(what, total=total)
        for result in results:
            yield result
            bar.advance(task)


def _with_lines(what: str, total: int, results: Iterable[Result], console: Console) -> Iterator[Result]:
    begun = time.monotonic()
    for count, result in enumerate(results, 1):
        yield result
        if count * LINES // total > (count - 1) * LINES // total:
            left = (time.monotonic() - begun) * (total - count) / count
            more = f", about {left:.0f} s left" if count < total else ""
            console.print(f"{what}: {count:,} of {total:,}{more}", highlight=False)
