"""The one door to the database: `await store.write(rule, value)` and `await store.read(query, value)`.

A rule is a plain function over a SQLAlchemy connection. All that waits to be written is run by one thread, in
one transaction, with one commit, and only then is everybody answered: many durable writes for one disk sync.
On SQLite that thread is the only writer by construction (WAL, synchronous=FULL; with NORMAL a power cut loses
acknowledged rows); on PostgreSQL the same door stands before SQLAlchemy's pool, and several processes may write.
When a batch fails it runs again piece by piece, each in a savepoint, so that one bad value harms nobody. Only a
database that is away (gone, full, read-only, locked by another program) is told to all. Where two servers cross
(a deadlock, RunAgain), the whole batch is simply run again: nobody has been answered yet.

A rule that erases says so (leave_no_trace). SQLite's log is then emptied before anybody is answered, and its file
is written anew as soon as nothing waits, since that takes a second or two where there are 100,000 leads.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, make_url

from leadapi import sqlite_engine
from leadapi.database_errors import RunAgain, away, crossed, given_up, told
from leadapi.errors import StoreUnavailable

Value = TypeVar("Value")
Answer = TypeVar("Answer")

LARGEST_BATCH = 256
"""Values in one transaction at most: it bounds how long the first of them waits for the last."""

READERS = 4

TRIES = 5
"""How often a batch is run while other servers cross it."""

PATIENCE_SECONDS = 10.0
"""How long a failed batch may go on piece by piece; values whose turn has not come by then are not tried."""

CLEAN_AGAIN_SECONDS = 10.0
"""When the file is tried to be written anew once more, where it could not be: the disk is full, somebody reads."""


def leave_no_trace(connection: Connection) -> None:
    """What this transaction deletes must not be left in SQLite's files. (PostgreSQL's are its own affair.)"""
    if connection.dialect.name == "sqlite":
        connection.info["erased"] = True


@dataclass(slots=True)
class _Write:
    rule: Callable[[Connection, Any], Any]
    value: Any
    batched: bool
    done: Future[Any] = field(default_factory=Future)


_Piece = list[_Write]
"""Writes that are run at once: all values of one hot rule, or a single value."""


class Store:
    """The door; made by open_store, closed once."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._writing = engine.execution_options(writes=True)
        postgresql = engine.dialect.name == "postgresql"  # a read sees one state; on SQLite each does by itself
        self._reading = engine.execution_options(isolation_level="REPEATABLE READ") if postgresql else engine
        self._waiting: SimpleQueue[_Write | None] = SimpleQueue()
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="store-reader")
        self._closed = False
        self._to_clean = False
        self._writer = threading.Thread(target=self._write_all, name="store-writer", daemon=True)
        self._writer.start()

    async def write(self, rule: Callable[[Connection, Value], Answer], value: Value) -> Answer:
        """Run `rule(connection, value)`; answers after the commit that holds it. Raises StoreUnavailable."""
        answer: Answer = await self._enqueue(_Write(rule, value, batched=False))
        return answer

    async def write_batched(
        self, rule: Callable[[Connection, Sequence[Value]], Sequence[Answer | Exception]], value: Value
    ) -> Answer:
        """As write, for a hot rule `rule(connection, values) -> answers` that takes all that waits.

        An answer that is an exception is raised to its caller, so that one refusal costs the others nothing.
        """
        answer: Answer = await self._enqueue(_Write(rule, value, batched=True))
        return answer

    async def read(self, query: Callable[[Connection, Value], Answer], value: Value) -> Answer:
        """Run `query(connection, value)` in a reading thread. Raises StoreUnavailable."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self.read_now, query, value)

    def read_now(self, query: Callable[[Connection, Value], Answer], value: Value) -> Answer:
        """As read, for callers without an event loop: commands and tests."""
        try:
            with self._reading.connect() as connection:
                return query(connection, value)
        except Exception as error:
            meaning = told(error)
            if meaning is error:
                raise
            raise meaning from error

    def write_now(self, rule: Callable[[Connection, Value], Answer], value: Value) -> Answer:
        """As write, for callers without an event loop: commands and tests."""
        write = _Write(rule, value, batched=False)
        self._put(write)
        answer: Answer = write.done.result()
        return answer

    def close(self) -> None:
        """Finish what waits, then let go of the database. May be called twice."""
        if not self._closed:
            self._closed = True
            self._waiting.put(None)
            self._writer.join()
            self._readers.shutdown()
            self.engine.dispose()

    async def _enqueue(self, write: _Write) -> Any:
        self._put(write)
        return await asyncio.shield(asyncio.wrap_future(write.done))

    def _put(self, write: _Write) -> None:
        if self._closed:
            raise StoreUnavailable()
        self._waiting.put(write)

    def _write_all(self) -> None:
        last = False
        while not last and (first := self._next()) is not None:
            batch = [first]
            try:
                while len(batch) < LARGEST_BATCH:
                    following = self._waiting.get_nowait()
                    if following is None:
                        last = True
                        break
                    batch.append(following)
            except Empty:
                pass
            self._commit(batch)
        if self._to_clean:
            sqlite_engine.write_anew(self.engine)

    def _next(self) -> _Write | None:
        """What is to be written next; whenever nothing waits, a file that has traces is cleaned."""
        patience = 0.0
        while self._to_clean:
            try:
                return self._waiting.get(patience > 0, patience or None)
            except Empty:
                self._to_clean = not sqlite_engine.write_anew(self.engine)
                patience = CLEAN_AGAIN_SECONDS
        return self._waiting.get()

    def _commit(self, batch: list[_Write]) -> None:
        """Answer every write of the batch, after the commit: all together, or each by its own fate."""
        pieces = _pieces(batch)
        try:
            try:
                fates = self._tried(_together, pieces)
            except Exception as error:
                if len(batch) == 1 or away(error):
                    raise
                fates = self._tried(_apart, pieces)
        except Exception as error:
            fates = [told(error) for _ in batch]
        for write, fate in zip((write for piece in pieces for write in piece), fates, strict=True):
            if isinstance(fate, Exception):
                write.done.set_exception(fate)
            else:
                write.done.set_result(fate)

    def _tried(
        self, run: Callable[[Connection, list[_Piece]], list[Any]], pieces: list[_Piece], tries: int = TRIES
    ) -> list[Any]:
        try:
            with self._writing.begin() as connection:
                fates = run(connection, pieces)
                erased = connection.info.pop("erased", False)
        except Exception as error:
            if tries == 1 or not crossed(error):
                raise
            return self._tried(run, pieces, tries - 1)
        if erased:
            self._to_clean = True
            sqlite_engine.empty_log(self.engine)
        return fates


def open_store(url: str) -> Store:
    """Open the door to `sqlite:///path` or `postgresql://…`. Nothing is created but SQLite's folder."""
    address = make_url(url)
    common: dict[str, Any] = {"pool_size": READERS + 1, "max_overflow": 0, "hide_parameters": True}
    if address.get_backend_name() == "postgresql":
        return Store(
            create_engine(
                address.set(drivername="postgresql+psycopg"),
                **common,
                pool_timeout=5,
                pool_pre_ping=True,
                connect_args={"connect_timeout": 5, "options": "-c statement_timeout=5000 -c timezone=UTC"},
            )
        )
    return Store(sqlite_engine.open_engine(address, **common))


def _pieces(batch: Sequence[_Write]) -> list[_Piece]:
    """The batch in the order in which it is run: by what it is and not by who came first.

    Two servers that are sent the same then lock in the same order, and wait in turn instead of in a circle.
    """
    hot: dict[Callable[[Connection, Any], Any], _Piece] = {}
    plain: list[_Write] = []
    for write in batch:
        (hot.setdefault(write.rule, []) if write.batched else plain).append(write)
    plain.sort(key=lambda write: (_name(write.rule), repr(write.value)))
    return [hot[rule] for rule in sorted(hot, key=_name)] + [[write] for write in plain]


def _name(rule: Callable[[Connection, Any], Any]) -> str:
    return f"{rule.__module__}.{getattr(rule, '__qualname__', type(rule))}"


def _together(connection: Connection, pieces: Sequence[_Piece]) -> list[Any]:
    return [answer for piece in pieces for answer in _run(connection, piece)]


def _run(connection: Connection, piece: _Piece) -> list[Any]:
    rule = piece[0].rule
    if not piece[0].batched:
        return [rule(connection, piece[0].value)]
    return [answer for _, answer in zip(piece, rule(connection, [write.value for write in piece]), strict=True)]


def _apart(connection: Connection, pieces: Sequence[_Piece]) -> list[Any]:
    """As _together, but a piece that fails is run value by value, and a value that fails is its own error."""
    late = time.monotonic() + PATIENCE_SECONDS
    return [fate for piece in pieces for fate in _fates(connection, piece, late)]


def _fates(connection: Connection, piece: _Piece, late: float) -> list[Any]:
    failure: Exception = StoreUnavailable()
    tries = TRIES
    while tries and time.monotonic() < late:
        try:
            with connection.begin_nested():
                return _run(connection, piece)
        except Exception as error:
            if away(error) or given_up(error):
                raise
            failure, tries = error, tries - 1 if isinstance(error, RunAgain) else 0
    if len(piece) == 1:
        return [told(failure)]
    return [fate for write in piece for fate in _fates(connection, [write], late)]
