"""The only way by which a visitor is written to: at most 3 letters an hour and 5 a day to one address.

A form on a public page lets anybody make us write to anybody, so the number of letters goes by the mailbox that
gets them (typed_text.mailbox_key: alice+1@ and alice+2@ are one), whoever asks. Nothing of this shows in an
answer. Past the cap an unconfirmed address gets nothing: its owner never asked. A confirmed one loses nothing: the
letter waits for its turn, one for each whitepaper.

The hours are counted back from each letter (planned_at) and not by the clock, so that no edge lets twice as many
pass. A letter that had to wait, for its turn or for the mail server, is counted once more when it may leave
(take_turn): else all that waited while the server was away would arrive at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, or_, select, update

from leadapi import outbox, suppressions
from leadapi.address_hashes import address_hash
from leadapi.letters import Letter
from leadapi.tables import outbox as outbox_table
from leadapi.typed_text import mailbox_key

CAPS = ((timedelta(hours=1), 3), (timedelta(days=1), 5))
"""At most so many letters to one address in any such time."""

LATE = timedelta(seconds=5)
"""How long after it was asked for a letter may leave without being counted once more."""

_Planned = list[tuple[datetime, tuple[str, str | None] | None]]
"""When each letter leaves or left; of one that still waits, its address's hash and what it is about."""


@dataclass(frozen=True, slots=True)
class VisitorLetter:
    """A letter that should go: `topic` is the whitepaper (or what else it is about), `asked` whether it answers
    what was just asked for, `confirmed` whether the address was proven. A letter that nobody asked for has a link
    to `unsubscribe` (letters.Sender.unsubscribe_link)."""

    letter: Letter
    hash_key: str
    topic: str
    confirmed: bool
    dedupe_key: str
    now: datetime
    asked: bool = True
    until: datetime | None = None
    unsubscribe: str = ""

    @property
    def address_hash(self) -> str:
        """What stands for the address on the suppression list."""
        return address_hash(self.letter.to, self.hash_key)

    @property
    def mailbox_hash(self) -> str:
        """What stands for its mailbox in the counts."""
        return address_hash(mailbox_key(self.letter.to), self.hash_key)


_RECENT = (
    select(
        outbox_table.c.mailbox_hash,
        outbox_table.c.address_hash,
        outbox_table.c.planned_at,
        outbox_table.c.topic,
        outbox_table.c.done_at.is_(None).label("waits"),
    )
    .where(
        outbox_table.c.mailbox_hash.in_(bindparam("mailboxes", expanding=True)),
        outbox_table.c.planned_at > bindparam("since"),
    )
    .order_by(outbox_table.c.planned_at)
)


def send_many(connection: Connection, wanted: Sequence[VisitorLetter]) -> None:
    """Put each letter into the outbox, now or when its turn comes, or nowhere: a few statements for all."""
    if not wanted:
        return
    hashes = {letter: (letter.address_hash, letter.mailbox_hash) for letter in wanted}
    now = min(letter.now for letter in wanted)
    suppressed = suppressions.reasons(connection, {address for address, _ in hashes.values()}, now)
    planned: dict[str, _Planned] = {}
    since = now - max(length for length, _ in CAPS)
    mailboxes = sorted({mailbox for _, mailbox in hashes.values()})
    for row in connection.execute(_RECENT, {"mailboxes": mailboxes, "since": since}):
        waits = (row.address_hash, row.topic) if row.waits else None
        planned.setdefault(row.mailbox_hash, []).append((row.planned_at, waits))
    rows = []
    for letter, (address, mailbox) in hashes.items():
        if suppressions.stops(suppressed.get(address, ()), asked=letter.asked):
            continue
        others = planned.setdefault(mailbox, [])
        about = address, letter.topic
        leaves = _turn(others, letter, about)
        if leaves is not None:
            others.append((leaves, about))
            rows.append(_row(letter, address, mailbox, leaves))
    outbox.enqueue_many(connection, rows)


def _turn(others: _Planned, letter: VisitorLetter, about: tuple[str, str]) -> datetime | None:
    """When the letter may leave; None when it is not to be sent, or one like it waits for its turn already."""
    leaves = next_turn([planned for planned, _ in others], letter.now)
    if leaves > letter.now:
        waits = any(waiting == about and planned > letter.now for planned, waiting in others)
        if waits or not letter.confirmed:
            return None
    return leaves


_OTHERS = (
    select(
        outbox_table.c.id,
        outbox_table.c.planned_at,
        outbox_table.c.done_at,
        outbox_table.c.last_error,
    )
    .where(
        outbox_table.c.mailbox_hash == bindparam("mailbox"),
        outbox_table.c.dead_at.is_(None),
        or_(outbox_table.c.done_at.is_(None), outbox_table.c.done_at > bindparam("since")),
    )
    .order_by(outbox_table.c.id)
    .with_for_update()  # PostgreSQL: two servers take the turns of one address one after the other
)
_PLAN = update(outbox_table).where(outbox_table.c.id == bindparam("row")).values(planned_at=bindparam("leaves"))


def waited(delivery: outbox.Delivery, now: datetime) -> bool:
    """Whether this is a visitor's letter that had to wait, and so has to take its turn."""
    planned = delivery.planned_at
    return planned is not None and (planned > delivery.created_at or now - planned > LATE)


def take_turn(connection: Connection, value: tuple[outbox.Delivery, datetime]) -> bool:
    """Whether a letter that waited (delivery, now) leaves now; else it is planned anew, after those that left.

    Letters that wait themselves are not in its way: each takes its own turn.
    """
    delivery, now = value
    since = now - max(length for length, _ in CAPS)
    times = [
        row.done_at or row.planned_at
        for row in connection.execute(_OTHERS, {"mailbox": delivery.mailbox_hash, "since": since})
        if row.id != delivery.id
        and (not row.last_error if row.done_at else row.planned_at and now - LATE <= row.planned_at <= now)
    ]
    leaves = next_turn(times, now)
    if leaves > now:
        outbox.postpone(connection, (delivery, leaves))
        return False
    connection.execute(_PLAN, {"row": delivery.id, "leaves": now})
    return True


def next_turn(planned: Sequence[datetime], now: datetime) -> datetime:
    """The first moment from `now` on at which one letter more keeps to every cap."""
    times = sorted(planned)
    moments = [now, *sorted(time + length for time in times for length, _ in CAPS if time + length > now)]
    return next(moment for moment in moments if all(_fits(times, moment, *cap) for cap in CAPS))


def _fits(times: Sequence[datetime], moment: datetime, length: timedelta, most: int) -> bool:
    """Whether no span of this length that holds the moment has more than `most` with it."""
    near = [time for time in times if moment - length < time < moment + length]
    starts = [moment - length, *(time - length for time in near if time > moment)]
    return all(sum(start < time <= start + length for time in near) < most for start in starts)


def _row(letter: VisitorLetter, address: str, mailbox: str, leaves: datetime) -> outbox.Row:
    payload: dict[str, Any] = letter.letter.payload()
    if letter.until:
        payload["until"] = letter.until.isoformat()
    if not letter.asked:
        payload["unsubscribe"] = letter.unsubscribe
    return outbox.Row(
        "letter",
        payload,
        letter.dedupe_key,
        letter.now,
        address_hash=address,
        mailbox_hash=mailbox,
        topic=letter.topic,
        run_at=leaves,
        planned_at=leaves,
    )
