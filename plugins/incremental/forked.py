# SPDX-License-Identifier: AGPL-3.0-or-later
"""Does one kind of work many times on all cores.

The workers are forked: they begin with all that this process has read and taught itself, and only what comes back
is copied. Python lets one process use one core. What a worker logs is logged by this process instead, whose
handlers know what to do with it.
"""

import gc
import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from logging.handlers import QueueHandler
from multiprocessing.connection import wait
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


def can() -> bool:
    """Whether this system has processes that begin where another one is."""
    return "fork" in multiprocessing.get_all_start_methods()


def worth_it(pieces: Sequence[Any]) -> bool:
    """Whether there is enough to do for several processes, and more than one core to do it on."""
    return len(pieces) >= LEAST and cores() > 1 and can()


def each(
    work: Callable[[Piece], Result], pieces: Sequence[Piece], *, batch: int = BATCH, aloud: bool = True
) -> Iterator[Result]:
    """Yield the result of each piece, in whatever order they are ready; what `work` raises is raised here.

    What is logged meanwhile is left out where it is not to be said `aloud`.
    """
    if not pieces:
        return
    gc.freeze()  # what is shared is not looked at, so its pages are not copied
    try:
        workers = max(1, min(cores(), len(pieces) // batch))
        with _workers(workers, work) as pool:
            for result, records in pool.imap_unordered(_do, pieces, chunksize=batch):
                for record in records if aloud else ():
                    logging.getLogger(record.name).handle(record)
                yield result
    finally:
        gc.unfreeze()


def _workers(count: int, work: Callable[[Any], Any]) -> Any:
    """A pool of workers that leave Ctrl-C to this process, which ends them: one that is hit while it sends its
    results, or before it has begun, would keep the others waiting for ever."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return multiprocessing.get_context("fork").Pool(count, _begin, (work,))
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Said(QueueHandler):
    """Holds what a worker logs, ready to be sent to another process."""

    def __init__(self) -> None:
        super().__init__(None)  # type: ignore[arg-type]  # nothing is queued: see enqueue
        self.records: list[logging.LogRecord] = []

    def enqueue(self, record: logging.LogRecord) -> None:
        self.records.append(record)


_said = _Said()


def _begin(work: Callable[[Any], Any]) -> None:
    global _work
    _work = work
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    threading.Thread(target=_end_with_parent, daemon=True).start()
    for logger in logging.root.manager.loggerDict.values():
        if isinstance(logger, logging.Logger):
            logger.handlers.clear()
    logging.root.handlers = [_said]


def _end_with_parent() -> None:
    """A build that is killed leaves no worker that waits for ever."""
    parent = multiprocessing.parent_process()
    if parent:
        wait([parent.sentinel])
        os._exit(1)


def _do(piece: Any) -> tuple[Any, list[logging.LogRecord]]:
    _said.records = []
    return _work(piece), _said.records
