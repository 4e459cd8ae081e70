"""The one door to the database: `await store.write(rule, value)` and `await store.read(query, value)`.

A rule is a plain function over a SQLAlchemy connection. All that waits to be written is run by one thread, in
one transaction, with one commit, and only then is everybody answered: many durable writes for one disk sync.
On SQLite that thread is the only writer by construction (WAL, synchronous=FULL; with NORMAL a power cut loses
acknowledged rows); on PostgreSQL the same door stands before psycopg's pool, and several processes may write.
When a batch fails it runs again value by value, each in a savepoint, so that one bad value harms nobody.
"""

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import QueuePool

from leadapi.errors import StoreUnavailable

Value = TypeVar("Value")
Answer = TypeVar("Answer")

LARGEST_BATCH = 256
"""Values in one transaction at most: it bounds how long the first of them waits for the last."""

BUSY_SECONDS = 2
"""How long SQLite waits for a lock that somebody else holds before the caller is told."""

READERS = 4


@dataclass(slots=True)
class _Write:
    rule: Callable[[Connection, Any], Any]
    value: Any
    batched: bool
    done: Future[Any] = field(default_factory=Future)


class Store:
    """The door; made by open_store, closed once."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._writing = engine.execution_options(writes=True)
        self._waiting: SimpleQueue[_Write | None] = SimpleQueue()
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="store-reader")
        self._closed = False
        self._writer = threading.Thread(target=self._write_all, name="store-writer", daemon=True)
        self._writer.start()

    async def write(self, rule: Callable[[Connection, Value], Answer], value: Value) -> Answer:
        """Run `rule(connection, value)`; answers after the commit that holds it. Raises StoreUnavailable."""
        answer: Answer = await self._enqueue(_Write(rule, value, batched=False))
        return answer

    async def write_batched(
        self, rule: Callable[[Connection, Sequence[Value]], Sequence[Answer]], value: Value
    ) -> Answer:
        """As write, for a hot rule `rule(connection, values) -> answers` that takes all that waits."""
        answer: Answer = await self._enqueue(_Write(rule, value, batched=True))
        return answer

    async def read(self, query: Callable[[Connection, Value], Answer], value: Value) -> Answer:
        """Run `query(connection, value)` in a reading thread. Raises StoreUnavailable."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self.read_now, query, value)

    def read_now(self, query: Callable[[Connection, Value], Answer], value: Value) -> Answer:
        """As read, for callers without an event loop: commands and tests."""
        try:
            with self.engine.connect() as connection:
                return query(connection, value)
        except Exception as error:
            told = _told(error)
            if told is error:
                raise
            raise told from error

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
        while (first := self._waiting.get()) is not None:
            batch, last = [first], False
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
            if last:
                return

    def _commit(self, batch: list[_Write]) -> None:
        """Answer every write of the batch: after one commit for all, or each by its own fate."""
        try:
            with self._writing.begin() as connection:
                answers = _together(connection, batch)
        except Exception as error:
            if len(batch) == 1 or isinstance(_told(error), StoreUnavailable):
                for write in batch:
                    write.done.set_exception(_told(error))
            else:
                self._commit_one_by_one(batch)
        else:
            for write, answer in zip(batch, answers, strict=True):
                write.done.set_result(answer)

    def _commit_one_by_one(self, batch: list[_Write]) -> None:
        fates: list[tuple[_Write, Any, Exception | None]] = []
        try:
            with self._writing.begin() as connection:
                for write in batch:
                    try:
                        with connection.begin_nested():
                            fates.append((write, _together(connection, [write])[0], None))
                    except Exception as error:
                        if isinstance(_told(error), StoreUnavailable):
                            raise
                        fates.append((write, None, error))
        except Exception as error:
            for write in batch:
                write.done.set_exception(_told(error))
            return
        for write, answer, failure in fates:
            if failure is None:
                write.done.set_result(answer)
            else:
                write.done.set_exception(failure)


def open_store(url: str) -> Store:
    """Open the door to `sqlite:///path` or `postgresql://…`. Nothing is created but SQLite's folder."""
    address = make_url(url)
    if address.get_backend_name() == "postgresql":
        return Store(
            create_engine(
                address.set(drivername="postgresql+psycopg"),
                pool_size=READERS + 1,
                max_overflow=0,
                pool_timeout=5,
                pool_pre_ping=True,
                hide_parameters=True,
                connect_args={"connect_timeout": 5, "options": "-c statement_timeout=5000 -c timezone=UTC"},
            )
        )
    if address.database:
        Path(address.database).absolute().parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        address.set(drivername="sqlite+pysqlite"),
        poolclass=QueuePool,
        pool_size=READERS + 1,
        max_overflow=0,
        hide_parameters=True,
        connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return Store(engine)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions are begun below, not guessed by the driver
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    # A writer takes the lock at once: one that reads first and writes later can fail without waiting.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("writes") else "BEGIN")


def _together(connection: Connection, batch: Sequence[_Write]) -> list[Any]:
    answers: list[Any] = [None] * len(batch)
    hot: dict[Callable[[Connection, Any], Any], list[int]] = {}
    for place, write in enumerate(batch):
        if write.batched:
            hot.setdefault(write.rule, []).append(place)
        else:
            answers[place] = write.rule(connection, write.value)
    for rule, places in hot.items():
        values = [batch[place].value for place in places]
        for place, answer in zip(places, rule(connection, values), strict=True):
            answers[place] = answer
    return answers


def _told(error: Exception) -> Exception:
    """A failure of the database as StoreUnavailable; any other error as it is."""
    if isinstance(error, DBAPIError | PoolTimeout) and not isinstance(
        error, IntegrityError | DataError | ProgrammingError
    ):
        unavailable = StoreUnavailable()
        unavailable.__cause__ = error
        return unavailable
    return error
