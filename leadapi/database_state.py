"""The database as a command finds it: there, up to date, free, writable; and how it is brought up to date."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError

from leadapi import clock, database_lock, dead_letters, migrations, rate_limits
from leadapi.errors import StoreUnavailable
from leadapi.settings import Problem, Settings
from leadapi.start_checks import problems
from leadapi.store import Store, open_store

IN_USE = "another process serves or migrates this database. Stop the service first, or use PostgreSQL for several."
NOT_UP_TO_DATE = "the database is not up to date. Run: python -m leadapi migrate"


class Unusable(Exception):
    """A command cannot go on; the message is one line for the operator."""


def require(settings: Settings) -> None:
    """Raises Unusable where the address is wrong, or where SQLite has no file yet."""
    _require_address(settings)
    if absent := _absent(settings):
        raise Unusable(_line(f"{absent}."))


def prepare(settings: Settings) -> None:
    """Make the database this process's own until it ends: in development brought up to date, then examined.

    Raises Unusable.
    """
    if settings.development:
        upgrade(settings, keep=True)
    elif absent := _absent(settings):  # told before a lock is left beside nothing
        raise Unusable(_line(f"{absent}. Run: python -m leadapi migrate"))
    else:
        _take(settings)
    if found := [str(problem) for problem in examined(settings, ours=True) if problem.fatal]:
        raise Unusable("\n".join(found))


@contextmanager
def writing(settings: Settings) -> Iterator[Store]:
    """The door for a command that writes, as the only writer, while the block runs. Raises Unusable."""
    require(settings)
    lock = _take(settings)
    try:
        store = open_store(settings.database_url)
        try:
            if not migrations.current(store.engine):
                raise Unusable(_line(NOT_UP_TO_DATE))
            yield store
        finally:
            store.close()
    except (SQLAlchemyError, StoreUnavailable) as error:
        raise Unusable(_line(f"the database cannot be written: {reason(error)}.")) from None
    finally:
        lock.release()


def upgrade(settings: Settings, *, keep: bool = False) -> None:
    """Bring it to the newest version as its only writer, and `keep` others out until this process ends.

    Raises Unusable.
    """
    _require_address(settings)
    try:
        with database_lock.turn(settings.database_url):
            lock = _take(settings)
            store = open_store(settings.database_url)
            try:
                migrations.upgrade(store.engine)
            finally:
                store.close()
            if not keep:
                lock.release()
    except migrations.Unknown:
        raise Unusable(
            _line("the tables are not known here. A newer version of this program made them.")
        ) from None
    except (SQLAlchemyError, OSError) as error:
        raise Unusable(_line(f"the database cannot be written: {reason(error)}.")) from None


def examined(settings: Settings, *, ours: bool) -> list[Problem]:
    """All that is wrong; written to, harmlessly, only if it is `ours`: no service has it."""
    if absent := _absent(settings):
        return [Problem("DATABASE_URL", f"{absent}. Run: python -m leadapi migrate")]
    try:
        store = open_store(settings.database_url)
        try:
            return _examined(store, ours)
        finally:
            store.close()
    except Exception as error:
        return [Problem("DATABASE_URL", f"the database cannot be written: {reason(error)}.")]


def _examined(store: Store, ours: bool) -> list[Problem]:
    if not migrations.current(store.engine):
        return [Problem("DATABASE_URL", NOT_UP_TO_DATE)]
    if ours:
        store.write_now(rate_limits.probe, clock.now())
    lost = store.read_now(dead_letters.told, None)
    how = "`python -m leadapi dead-letters` says why, and sends them again."
    return [Problem("MAIL_URL", f"{lost} {how}", fatal=False)] if lost else []


def reason(error: BaseException) -> str:
    """The innermost cause in one line, without the statement that it happened in."""
    while error.__cause__ is not None:
        error = error.__cause__
    return " ".join(str(getattr(error, "orig", None) or error).split()).rstrip(".") or type(error).__name__


def _take(settings: Settings) -> database_lock.Lock:
    try:
        lock = database_lock.take(settings.database_url)
    except OSError as error:
        raise Unusable(_line(f"the database cannot be written: {reason(error)}.")) from None
    if lock is None:
        raise Unusable(_line(IN_USE))
    return lock


def _require_address(settings: Settings) -> None:
    if fatal := [str(problem) for problem in problems(settings) if problem.variable == "DATABASE_URL"]:
        raise Unusable("\n".join(fatal))


def _absent(settings: Settings) -> str:
    """What is said where SQLite has no file yet: opening it would make an empty one."""
    address = make_url(settings.database_url)
    there = address.get_backend_name() != "sqlite" or Path(address.database or "").exists()
    return "" if there else f"there is no database at {address.database}"


def _line(sentence: str) -> str:
    return str(Problem("DATABASE_URL", sentence))
