"""How often is too often: named limits with their policy in words, counted in the database.

Only what was accepted counts, so that somebody who mistypes is never shut out, and the counting is part of the
transaction that stores what is counted. A network is the unit (an IPv4 /24, an IPv6 /64): a whole address is never
stored, and inside such a network a visitor can change it at will. Windows go by the clock and not by the first
try: one row counts exactly, also for two servers, at the price that across an edge twice as many may pass.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_network

from sqlalchemy import Connection, bindparam, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import ReturningInsert

from leadapi.errors import TooOften
from leadapi.languages import _
from leadapi.tables import rate_limits

LONGEST_SUBJECT = 200
"""Characters of what a limit counts by."""


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `most` in each window of `window` by the clock for one subject; `policy` says so to people."""

    name: str
    most: int
    window: timedelta
    policy: str


LEADS_BY_NETWORK = Limit(
    "leads-by-network",
    60,
    timedelta(minutes=10),
    _(
        "At most 60 requests for a whitepaper are taken from one network in every ten minutes of the clock. "
        "Please try again later."
    ),
)
LEADS_BY_FORM = Limit(
    "leads-by-form",
    300,
    timedelta(minutes=10),
    "At most 300 requests from one form go on in every ten minutes of the clock; the rest waits for the owner.",
)
LEADS_BY_SITE = Limit(
    "leads-by-site",
    1000,
    timedelta(minutes=10),
    "At most 1000 requests from all forms go on in every ten minutes of the clock; the rest waits for the owner.",
)
WAVE = "wave"
"""The mark of a minute in which far more came than usual."""

COMMENTS_BY_NETWORK = Limit(
    "comments-by-network",
    30,
    timedelta(minutes=10),
    _("At most 30 comments are taken from one network in every ten minutes of the clock. Please try again later."),
)
SIGN_INS_BY_NETWORK = Limit(
    "sign-ins-by-network",
    10,
    timedelta(minutes=10),
    _(
        "At most 10 links to sign in are asked for from one network in every ten minutes of the clock. "
        "Please try again later."
    ),
)
PRIVACY_LINKS_BY_NETWORK = Limit(
    "privacy-links-by-network",
    10,
    timedelta(minutes=10),
    _(
        "At most 10 links to what is stored are asked for from one network in every ten minutes of the clock. "
        "Please try again later."
    ),
)


def _counting(insert: sqlite.Insert | postgresql.Insert) -> ReturningInsert[str, int]:
    return insert.on_conflict_do_update(
        index_elements=["name", "subject", "window_start"],
        set_={"taken": rate_limits.c.taken + insert.excluded.taken},
    ).returning(rate_limits.c.subject, rate_limits.c.taken)


_COUNT = {
    "sqlite": _counting(sqlite.insert(rate_limits)),
    "postgresql": _counting(postgresql.insert(rate_limits)),
}
_GIVE_BACK = (
    update(rate_limits)
    .where(
        rate_limits.c.name == bindparam("limit"),
        rate_limits.c.subject == bindparam("of"),
        rate_limits.c.window_start == bindparam("start"),
    )
    .values(taken=rate_limits.c.taken - bindparam("unused"))
)
_MARKED = select(rate_limits.c.taken).where(
    rate_limits.c.name == bindparam("limit"), rate_limits.c.window_start >= bindparam("since")
)
_USED = (
    select(rate_limits.c.taken)
    .where(
        rate_limits.c.name == bindparam("limit"),
        rate_limits.c.window_start == bindparam("start"),
        rate_limits.c.taken >= bindparam("least"),
    )
    .limit(1)
)
_TAKEN = select(rate_limits.c.taken).where(
    rate_limits.c.name == bindparam("limit"),
    rate_limits.c.subject == bindparam("of"),
    rate_limits.c.window_start == bindparam("start"),
)


def network_of(address: IPv4Address | IPv6Address | None) -> str:
    """The network that stands for a client in our tables and logs; "unknown" where there is no address."""
    if address is None:
        return "unknown"
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return str(ip_network((address, 24 if address.version == 4 else 64), strict=False))


def take(connection: Connection, limit: Limit, subject: str, now: datetime) -> None:
    """Count one for the subject. Raises TooOften past the limit; the caller's transaction then stores nothing."""
    if not take_all(connection, limit, {subject: 1}, now)[subject]:
        raise too_often(limit, now)


def take_all(connection: Connection, limit: Limit, takes: Mapping[str, int], now: datetime) -> Counter[str]:
    """Count as many for each subject as `takes` says; answers how many of them are granted, and no more count.

    For the hot rules' batches: a subject that is past its limit costs the others nothing.
    """
    if not takes:
        return Counter()
    counted = connection.execute(
        _COUNT[connection.dialect.name],
        [
            {"name": limit.name, "subject": subject, "window_start": _window(limit, now)[0], "taken": taken}
            for subject, taken in sorted(takes.items())  # in one order, so that two servers cannot deadlock
        ],
    ).all()
    over = Counter({subject: min(takes[subject], max(0, taken - limit.most)) for subject, taken in counted})
    give_back(connection, limit, over, now)
    return Counter(takes) - over


def give_back(connection: Connection, limit: Limit, unused: Mapping[str, int], now: datetime) -> None:
    """Take off the counts, by subject, what was granted in the same transaction and turned out not needed."""
    start = _window(limit, now)[0]
    rows = [
        {"limit": limit.name, "of": subject, "start": start, "unused": count}
        for subject, count in unused.items()
        if count
    ]
    if rows:
        connection.execute(_GIVE_BACK, rows)


class Room:
    """What each of several limits still takes in this window, for a batch; `takes` counts, `give_back` ends it.

    A value names a subject for each limit. Unlike past `take_all` nobody is refused: the caller decides.
    """

    def __init__(
        self, connection: Connection, limits: Sequence[Limit], wanted: Sequence[Sequence[str]], now: datetime
    ) -> None:
        self._connection, self._now = connection, now
        self._left = [
            (limit, take_all(connection, limit, Counter(subjects[place] for subjects in wanted), now))
            for place, limit in enumerate(limits)
        ]

    def takes(self, subjects: Sequence[str]) -> bool:
        """Whether every limit has room for one more, which it then takes."""
        places = [(left, subject) for (_, left), subject in zip(self._left, subjects, strict=True)]
        if not all(left[subject] > 0 for left, subject in places):
            return False
        for left, subject in places:
            left[subject] -= 1
        return True

    def give_back(self) -> None:
        """What was granted and not needed counts for nobody."""
        for limit, left in self._left:
            give_back(self._connection, limit, left, self._now)


def too_often(limit: Limit, now: datetime) -> TooOften:
    """What is said to those past the limit."""
    return TooOften(limit.policy, retry_after=_window(limit, now)[1])


def _window(limit: Limit, now: datetime) -> tuple[datetime, int]:
    """When the window of `now` began, and the whole seconds until the next one."""
    seconds = int(limit.window.total_seconds())
    passed = int(now.timestamp()) % seconds
    return datetime.fromtimestamp(int(now.timestamp()) - passed, UTC), seconds - passed


def mark(connection: Connection, name: str, now: datetime) -> None:
    """Note that something happened in the minute of `now`; for what is only ever asked with marked_since."""
    row = {"name": name, "subject": "", "window_start": now.replace(second=0, microsecond=0), "taken": 1}
    connection.execute(_COUNT[connection.dialect.name], row)


def marked_since(connection: Connection, name: str, since: datetime) -> bool:
    """Whether it was marked in the minute of `since` or later."""
    since = since.replace(second=0, microsecond=0)
    return connection.execute(_MARKED, {"limit": name, "since": since}).first() is not None


def half_used(connection: Connection, limits: Sequence[Limit], now: datetime) -> bool:
    """Whether some subject of some limit has used half of what it may, in the window of `now`."""
    return any(
        connection.execute(
            _USED, {"limit": limit.name, "start": _window(limit, now)[0], "least": limit.most // 2}
        ).first()
        for limit in limits
    )


def left(connection: Connection, limit: Limit, subject: str, now: datetime) -> int:
    """How many the subject may still use in the window of `now`; this counts nothing and waits for nobody."""
    asked = {"limit": limit.name, "of": subject, "start": _window(limit, now)[0]}
    return max(0, limit.most - (connection.execute(_TAKEN, asked).scalar() or 0))


def probe(connection: Connection, now: datetime) -> None:
    """Write one row, whatever there is: whether the database can be written shows only when something is."""
    row = {"name": "readiness", "subject": "", "window_start": _window(LEADS_BY_NETWORK, now)[0], "taken": 1}
    connection.execute(_COUNT[connection.dialect.name], row)


def forget_old(connection: Connection, now: datetime) -> None:
    """Drop the counts that no limit looks at any more."""
    connection.execute(
        delete(rate_limits).where(rate_limits.c.window_start < bindparam("before")),
        {"before": now - timedelta(days=1)},
    )
