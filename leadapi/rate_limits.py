"""How often is too often: named limits with their policy in words, counted in the database.

Only what was accepted counts, so that somebody who mistypes is never shut out, and the counting is part of the
transaction that stores what is counted. A network is the unit (an IPv4 /24, an IPv6 /64): a whole address is never
stored, and inside such a network a visitor can change it at will.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_network

from sqlalchemy import Connection, bindparam, delete
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import ReturningInsert

from leadapi.errors import TooOften
from leadapi.tables import rate_limits


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `most` in each window of `window` for one subject; `policy` says so to people."""

    name: str
    most: int
    window: timedelta
    policy: str


LEADS_BY_NETWORK = Limit(
    "leads-by-network",
    60,
    timedelta(minutes=10),
    "At most 60 requests for a whitepaper in ten minutes come from one network. Please try again later.",
)
COMMENTS_BY_NETWORK = Limit(
    "comments-by-network",
    30,
    timedelta(minutes=10),
    "At most 30 comments in ten minutes come from one network. Please try again later.",
)
SIGN_INS_BY_NETWORK = Limit(
    "sign-ins-by-network",
    10,
    timedelta(minutes=10),
    "At most 10 links to sign in are asked for in ten minutes from one network. Please try again later.",
)


def _counting(insert: sqlite.Insert | postgresql.Insert) -> ReturningInsert[int]:
    return insert.on_conflict_do_update(
        index_elements=["name", "subject", "window_start"],
        set_={"taken": rate_limits.c.taken + insert.excluded.taken},
    ).returning(rate_limits.c.taken)


_COUNT = {
    "sqlite": _counting(sqlite.insert(rate_limits)),
    "postgresql": _counting(postgresql.insert(rate_limits)),
}


def network_of(address: IPv4Address | IPv6Address | None) -> str:
    """The network that stands for a client in our tables and logs; "unknown" where there is no address."""
    if address is None:
        return "unknown"
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return str(ip_network((address, 24 if address.version == 4 else 64), strict=False))


def take(connection: Connection, limit: Limit, subject: str, now: datetime) -> None:
    """Count one for the subject. Raises TooOften past the limit; the caller's transaction then stores nothing."""
    take_all(connection, limit, {subject: 1}, now)


def take_all(connection: Connection, limit: Limit, takes: Mapping[str, int], now: datetime) -> None:
    """As take, for as many of each subject as `takes` says, in one statement: for the hot rules' batches."""
    if not takes:
        return
    seconds = int(limit.window.total_seconds())
    start = datetime.fromtimestamp(int(now.timestamp()) // seconds * seconds, UTC)
    counted = connection.execute(
        _COUNT[connection.dialect.name],
        [
            {"name": limit.name, "subject": subject, "window_start": start, "taken": taken}
            for subject, taken in sorted(takes.items())  # in one order, so that two servers cannot deadlock
        ],
    )
    if any(taken > limit.most for taken in counted.scalars()):
        raise TooOften(limit.policy, retry_after=max(1, seconds - int(now.timestamp()) % seconds))


def forget_old(connection: Connection, now: datetime) -> None:
    """Drop the counts that no limit looks at any more."""
    connection.execute(
        delete(rate_limits).where(rate_limits.c.window_start < bindparam("before")),
        {"before": now - timedelta(days=1)},
    )
