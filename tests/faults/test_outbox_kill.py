"""A service that is killed while it sends letters, again and again."""

import random
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime

from commands import Place, opened, serving, wait_until
from examples import rows
from slow_mail import SlowMailbox
from sqlalchemy import Connection, update

from leadapi import outbox, tables

EACH_TIME = 12


def put(place: Place, run: int) -> set[str]:
    """Letters that wait before the service starts."""
    ids = {f"<{run}.{number}@blog.example.com>" for number in range(EACH_TIME)}

    def rule(connection: Connection, _: None) -> None:
        now = datetime.now(UTC)
        letter = {"to": "alice@example.com", "subject": "Hello", "text": "Hello\n", "html": "<p>Hello</p>\n"}
        outbox.enqueue_many(
            connection, [outbox.Row("letter", letter | {"message_id": name}, name, now) for name in ids]
        )

    with opened(place) as store:
        store.write_now(rule, None)
    return ids


def end_leases(place: Place) -> None:
    """As if the two minutes were over, for which on PostgreSQL another service might still be at work."""
    if place.good["LEADAPI_DATABASE_URL"].startswith("postgresql"):
        with opened(place) as store:
            store.write_now(
                lambda connection, _: connection.execute(update(tables.outbox).values(leased_until=None)), None
            )


def test_every_letter_goes_out_at_most_once_more_for_each_kill(
    place: Place, mailbox: SlowMailbox, counts: Callable[[int, int], int]
) -> None:
    """A service that was killed in mid-sending sends that again, under the same Message-ID, and loses nothing."""
    mail = {"MAIL_URL": mailbox.address}
    wanted: set[str] = set()
    kills = counts(3, 100)
    for run in range(kills):
        wanted |= put(place, run)
        mailbox.run = run
        with serving(place, **mail) as service:
            enough = len(mailbox.arrived) + random.randint(1, EACH_TIME)
            wait_until(lambda enough=enough: len(mailbox.arrived) >= enough, "letters arrive")
            time.sleep(random.uniform(0, 0.05))  # a moment of no meaning: within a letter, or between two
            service.process.send_signal(signal.SIGKILL)
            service.process.wait()
        end_leases(place)
    mailbox.run = kills
    with serving(place, **mail) as service, opened(place) as store:
        wait_until(lambda: all(row.done_at for row in rows(store, tables.outbox)), "all letters are done")
        service.stop()
    arrived = [letter for letter, _ in mailbox.arrived]
    assert set(arrived) == wanted
    assert len(set(mailbox.of_run)) == len(mailbox.of_run), "one service sent a letter twice"
    print(f"{kills} kills, {len(wanted)} letters, {len(arrived) - len(wanted)} sent once more")
