"""What the owner is told by mail: each new lead and each new comment, at once or once a day, and never more than
ten letters an hour.

A comment's letter holds the button that decides about it, so it always goes at once; a new lead's goes as the
owner likes. Past ten in one hour of the clock no letter is made: what it would have told is in a digest, sent when
the hour is over. A digest is a row of the outbox that holds no more than a span of time; what it tells is read
from the events when it is sent. So it costs next to nothing, survives restarts, and tells of nobody who was
erased.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Connection, Select, bindparam, func, literal, select

from leadapi import letters, outbox, rate_limits
from leadapi.letters import Letter
from leadapi.tables import events
from leadapi.tables import outbox as outbox_table

Mode = Literal["instant", "daily", "off"]
Kind = Literal["lead.created", "comment.created"]

LIMIT = rate_limits.Limit("owner-letters", 10, timedelta(hours=1), "Past ten letters in an hour comes a digest.")
DAILY_HOUR = 7
"""UTC: when the letter of the day is written."""

GRACE = timedelta(minutes=1)
"""How long a digest waits after its span: by then all that was stored in it can be read, or was never stored."""

MOST_LISTED = 50
"""Of each kind in one digest; the rest is a number."""

_KEYS: dict[Kind, str] = {"lead.created": "lead:", "comment.created": "comment:"}
"""What the outbox's dedupe keys begin with; the id of the lead or comment follows."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Whom to write to, and how they want to hear of new leads."""

    email: str
    mode: Mode = "instant"


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to tell of: `subject` is the id of the lead or comment, `letter` makes its letter."""

    kind: Kind
    subject: str
    letter: Callable[[], Letter]
    now: datetime
    daily: bool = False


@dataclass(frozen=True, slots=True)
class Digest:
    """A digest that is due: its row's payload, who writes to whom, and the titles of posts and whitepapers."""

    payload: Mapping[str, Any]
    sender: letters.Sender
    owner: Owner
    titles: Mapping[str, str]


def tell_many(connection: Connection, notices: Sequence[Notice]) -> None:
    """Put a letter for each into the outbox, or see that a digest tells it: a few statements for all."""
    if not notices:
        return
    now = notices[0].now
    rows = [_digest_row("daily", *_day(notice.now), notice.now) for notice in notices if notice.daily]
    at_once = [notice for notice in notices if not notice.daily]
    granted = _granted(connection, len(at_once), now)
    for notice in at_once[:granted]:
        key = f"{_KEYS[notice.kind]}{notice.subject}"
        rows.append(outbox.Row("letter", notice.letter().payload(), key, notice.now))
    rows += [_digest_row("hourly", *_hour(notice.now), notice.now) for notice in at_once[granted:]]
    outbox.enqueue_many(connection, list({row.dedupe_key: row for row in rows}.values()))


def _granted(connection: Connection, asked: int, now: datetime) -> int:
    """How many letters may go in this hour; once it is full nothing is counted, and no server waits."""
    asked = min(asked, rate_limits.left(connection, LIMIT, "owner", now)) if asked else 0
    return rate_limits.take_all(connection, LIMIT, {"owner": asked}, now)["owner"] if asked else 0


def _hour(now: datetime) -> tuple[datetime, datetime]:
    since = now.replace(minute=0, second=0, microsecond=0)
    return since, since + timedelta(hours=1)


def _day(now: datetime) -> tuple[datetime, datetime]:
    """From one letter of the day to the next."""
    since = now.replace(hour=DAILY_HOUR, minute=0, second=0, microsecond=0)
    since -= timedelta(days=1) if since > now else timedelta()
    return since, since + timedelta(days=1)


def _digest_row(name: str, since: datetime, until: datetime, now: datetime) -> outbox.Row:
    payload = {"name": name, "since": since.isoformat(), "until": until.isoformat()}
    return outbox.Row("digest", payload, f"digest:{name}:{until:%Y%m%d%H}", now, run_at=until + GRACE)


def _untold(kind: Kind) -> tuple[Select[Any], Select[Any]]:
    """The events of a span that have no letter of their own, and how many they are."""
    key = literal(_KEYS[kind]) + events.c.subject
    meant = (
        events.c.kind == kind,
        events.c.created_at >= bindparam("since"),
        events.c.created_at < bindparam("until"),
        ~select(outbox_table.c.id).where(outbox_table.c.dedupe_key == key).exists(),
    )
    listed = select(events).where(*meant).order_by(events.c.created_at, events.c.id).limit(MOST_LISTED)
    return listed, select(func.count()).select_from(events).where(*meant)


_UNTOLD: dict[Kind, tuple[Select[Any], Select[Any]]] = {kind: _untold(kind) for kind in _KEYS}


def digest(connection: Connection, value: Digest) -> Letter | None:
    """The letter of a digest that is due; None where there is nothing left to tell."""
    name = value.payload["name"]
    since, until = (datetime.fromisoformat(value.payload[edge]) for edge in ("since", "until"))
    found: dict[str, list[dict[str, Any]]] = {"lead.created": [], "comment.created": []}
    counts = dict.fromkeys(found, 0)
    kinds: Sequence[Kind] = ("lead.created",) if name == "daily" else ("lead.created", "comment.created")
    for kind in kinds:
        if kind == "lead.created" and name == "hourly" and value.owner.mode != "instant":
            continue  # the day's letter tells of them
        listed, counted = _UNTOLD[kind]
        span = {"since": since, "until": until}
        counts[kind] = connection.execute(counted, span).scalar_one()
        rows = connection.execute(listed, span).mappings()
        found[kind] = [_told(row, value) for row in rows if row["data"]]
    if not any(counts.values()):
        return None
    return letters.digest(
        value.sender,
        value.owner.email,
        leads=found["lead.created"],
        lead_count=counts["lead.created"],
        comments=found["comment.created"],
        comment_count=counts["comment.created"],
        since=since,
        until=until,
        number=f"{name}.{until:%Y%m%d%H}",
    )


def _told(event: Mapping[Any, Any], value: Digest) -> dict[str, Any]:
    """One line of a digest."""
    data = event["data"]
    told = {name: data.get(name) or "" for name in ("name", "email", "company", "body")}
    told["about"] = value.titles.get(data.get("whitepaper") or data.get("post") or "", "")
    if event["kind"] == "comment.created":
        told["link"] = value.sender.link("moderate", {"comment": event["subject"]})
    return told
