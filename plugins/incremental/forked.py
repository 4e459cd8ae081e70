# SPDX-License-Identifier: AGPL-3.0-or-later
"""Does one kind of work many times on all cores.

The workers are forked: they begin with all that this process has read and taught itself, and only what comes back
is copied. Python lets one process use one core. A worker logs nothing: whoever gives out the work hears of what
went wrong, and tells it once.
"""

import gc
import logging
import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

BATCH = 16
"""Pieces of work that a worker takes at a time: few enough that all end together, enough to talk seldom."""

LEAST = 32
"""Pieces for which it is worth forking."""

Piece = TypeVar("Piece")
Result = TypeVar("Result")

_work: Callable[[Any], Any]


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def worth_it(pieces: Sequence[Any]) -> bool:
    """Whether there is enough to do for several processes, and more than one core to do it on."""
    return len(pieces) >= LEAST and cores() > 1 and "fork" in multiprocessing.get_all_start_methods()


def each(work: Callable[[Piece], Result], pieces: Sequence[Piece]) -> Iterator[Result]:
    """Yield the result of each piece, in whatever order they are ready; what `work` raises is raised here."""
    gc.freeze()  # what is shared is not looked at, so its pages are not copied
    try:
        workers = max(1, min(cores(), len(pieces) // BATCH))
        with multiprocessing.get_context("fork").Pool(workers, _begin, (work,)) as pool:
            yield from pool.imap_unordered(_do, pieces, chunksize=BATCH)
    finally:
        gc.unfreeze()


def _begin(work: Callable[[Any], Any]) -> None:
    global _work
    _work = work
    for logger in (logging.root, *logging.root.manager.loggerDict.values()):
        if isinstance(logger, logging.Logger):
            logger.handlers.clear()


def _do(piece: Any) -> Any:
    return _work(piece)
