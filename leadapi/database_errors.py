"""What an error of the database means: it is away, another server crossed us, or the statement is at fault."""

from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from leadapi.errors import StoreUnavailable

_CROSSED, _LATER = ("40001", "40P01"), ("55P03", "57014")
"""SQLSTATEs: given up for another transaction's sake; a lock not to be had, a statement past its time."""

_AWAY = ("08", "28", "3D", "53", "57P", "58", "25006")
"""No statement's fault: connection, sign-in, no database, resources (a full disk), shutdown, I/O, read-only."""

_SQLITE_AWAY = (3, 5, 6, 7, 8, 10, 11, 13, 14, 15, 26)
"""The same of SQLite's: PERM BUSY LOCKED NOMEM READONLY IOERR CORRUPT FULL CANTOPEN PROTOCOL NOTADB."""


class RunAgain(Exception):
    """What a rule raises when another server has changed what it looked at; the store then runs it anew."""


def told(error: Exception) -> Exception:
    """What passes as StoreUnavailable; any other error as it is."""
    if away(error) or crossed(error) or _sqlstate(error) in _LATER:
        unavailable = StoreUnavailable()
        unavailable.__cause__ = error
        return unavailable
    return error


def away(error: Exception) -> bool:
    """Whether the database could not be reached or written at all, whatever was asked of it."""
    if not isinstance(error, DBAPIError):
        return isinstance(error, PoolTimeout)
    if (code := getattr(error.orig, "sqlite_errorcode", None)) is not None:
        return code & 0xFF in _SQLITE_AWAY  # the rest is detail (https://sqlite.org/rescode.html)
    if (state := _sqlstate(error)) is not None:
        return state.startswith(_AWAY)
    return error.connection_invalidated or isinstance(error, OperationalError)  # psycopg's own: no connection


def crossed(error: Exception) -> bool:
    """Whether the same may well succeed when it is simply run again."""
    return isinstance(error, RunAgain) or given_up(error)


def given_up(error: Exception) -> bool:
    """Whether the database gave the transaction up for another one's sake: nothing more can be done in it."""
    return _sqlstate(error) in _CROSSED


def _sqlstate(error: Exception) -> str | None:
    return getattr(error.orig, "sqlstate", None) if isinstance(error, DBAPIError) else None
