"""The mail server comes back, and nobody gets all that waited at once: late letters keep to the caps too."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from examples import ALICE, NOW, record, rows
from hypothesis import given
from hypothesis import strategies as st

from leadapi import leads, outbox, tables, visitor_letters
from leadapi.outbox import Claim, Delivery, Failure
from leadapi.store import Store, open_store
from leadapi.visitor_letters import CAPS, LATE

PAPERS = 9


def asks(*minutes: float) -> list[Any]:
    return [
        replace(ALICE, whitepaper=f"paper-{n}", submission_id=f"id-{n}", now=NOW + timedelta(minutes=minute))
        for n, minute in enumerate(minutes)
    ]


def confirmed_with_letters_waiting(store: Store) -> None:
    """A confirmed address has asked for all papers; their letters are planned over two days."""
    first, *others = asks(*range(PAPERS))
    record(store, first)
    (lead,) = rows(store, tables.leads)
    store.write_now(leads.confirm, leads.Press(lead.id, None, NOW))
    record(store, *others)


def leave(store: Store, now: datetime) -> int:
    """What a worker does at this moment with all that is due; how many letters left."""
    gone = 0
    for delivery in store.write_now(outbox.claim, Claim("", now, most=50)):
        if visitor_letters.waited(delivery, now) and not store.write_now(
            visitor_letters.take_turn, (delivery, now)
        ):
            continue
        store.write_now(outbox.finish, (delivery.id, now))
        gone += 1
    return gone


def keeps_to_the_caps(left: list[datetime]) -> bool:
    return all(
        sum(start <= moment < start + length for moment in left) <= most for start in left for length, most in CAPS
    )


def test_letters_that_waited_for_the_mail_server_leave_as_the_caps_allow(store: Store) -> None:
    """After two days without a server three leave, two more in an hour, the rest a day later; none is lost."""
    confirmed_with_letters_waiting(store)
    back = NOW + timedelta(days=2)
    left = {hours: gone for hours in range(60) if (gone := leave(store, back + timedelta(hours=hours)))}
    assert left == {0: 3, 1: 2, 24: 3, 25: 1}
    assert all(row.done_at and not row.dead_at for row in rows(store, tables.outbox))


def test_a_new_letter_and_late_ones_share_the_caps(store: Store) -> None:
    """Two late ones and what is asked for just now are three; the next that is asked for waits."""
    record(store, *asks(0, 0))
    (lead,) = rows(store, tables.leads)
    store.write_now(leads.confirm, leads.Press(lead.id, None, NOW))
    back = NOW + timedelta(hours=6)
    assert leave(store, back) == 2
    for n, planned in ((8, back), (9, back + timedelta(hours=1))):
        record(store, replace(ALICE, whitepaper=f"paper-{n}", submission_id=f"id-{n}", now=back))
        assert max(row.planned_at for row in rows(store, tables.outbox)) == planned


def test_taking_a_turn_is_no_try(store: Store) -> None:
    """A letter that has to wait was not tried, so its pauses do not grow; its next moment is its turn."""
    record(store, *asks(0, 0, 0))
    (lead,) = rows(store, tables.leads)
    store.write_now(leads.confirm, leads.Press(lead.id, None, NOW))
    record(store, *[replace(one, submission_id=f"again-{n}") for n, one in enumerate(asks(60, 61))])
    back = NOW + timedelta(hours=12)
    claimed = store.write_now(outbox.claim, Claim("", back, most=9))
    taken = [store.write_now(visitor_letters.take_turn, (one, back)) for one in claimed]
    assert taken == [True, True, True, False, False]
    waiting = [row for row in rows(store, tables.outbox) if row.run_at > back]
    assert {(row.attempts, row.leased_until, row.run_at) for row in waiting} == {
        (0, None, back + timedelta(hours=1))
    }


def test_a_letter_that_leaves_almost_on_time_takes_no_new_turn(store: Store) -> None:
    """A moment is nothing; and what nobody counts, as the owner's letters, is never late."""
    record(store, *asks(0))
    (delivery,) = store.write_now(outbox.claim, Claim("", NOW))
    assert not visitor_letters.waited(delivery, NOW + LATE)
    assert visitor_letters.waited(delivery, NOW + LATE + timedelta(seconds=1))
    assert not visitor_letters.waited(replace(delivery, planned_at=None), NOW + timedelta(days=1))


@given(
    asked=st.lists(st.integers(0, 2_000), min_size=1, max_size=10),
    away=st.integers(0, 3_000),
    pauses=st.lists(st.integers(1, 900), min_size=20, max_size=20),
)
def test_whenever_the_server_is_back_no_hour_and_no_day_holds_more(
    asked: list[int], away: int, pauses: list[int]
) -> None:
    """Whenever letters were asked for, however long the server was away, whenever the worker looks."""
    with TemporaryDirectory() as folder, closing(open_store(f"sqlite:///{folder}/db.sqlite3")) as store:
        store.write_now(lambda connection, _: tables.metadata.create_all(connection), None)
        first, *others = asks(0, *sorted(asked))
        record(store, first)
        (lead,) = rows(store, tables.leads)
        store.write_now(leads.confirm, leads.Press(lead.id, None, NOW))
        record(store, *others)
        now, left = NOW + timedelta(minutes=away), list[datetime]()
        for pause in pauses:
            left += [now] * leave(store, now)
            now += timedelta(minutes=pause)
    assert left
    assert keeps_to_the_caps(left)


def test_a_worker_that_took_too_long_changes_nothing_of_what_another_holds(store: Store) -> None:
    """Its failure comes after its lease ended: the row stays with who claimed it since, and done stays done."""
    record(store, *asks(0))
    (slow,) = store.write_now(outbox.claim, Claim("", NOW))
    later = NOW + outbox.LEASE
    (quick,) = store.write_now(outbox.claim, Claim("", later))
    store.write_now(outbox.fail, Failure(slow, later, "TimeoutError: ", final=True))
    (row,) = rows(store, tables.outbox)
    assert (row.leased_until, row.dead_at) == (later + outbox.LEASE, None)
    store.write_now(outbox.finish, (quick.id, later))
    store.write_now(outbox.fail, Failure(quick, later, "TimeoutError: ", final=True))
    (row,) = rows(store, tables.outbox)
    assert (row.done_at, row.dead_at, row.last_error) == (later, None, None)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_two_servers_take_the_turns_of_one_address_one_after_the_other(store: Store) -> None:
    """However the late letters of one address are spread over two workers at one moment, three leave."""
    confirmed_with_letters_waiting(store)
    back = NOW + timedelta(days=2)
    other = open_store(store.engine.url.render_as_string(hide_password=False))
    try:
        claimed = store.write_now(outbox.claim, Claim("", back, most=50))

        def take(door_and_one: tuple[Store, Delivery]) -> bool:
            door, one = door_and_one
            return door.write_now(visitor_letters.take_turn, (one, back))

        with ThreadPoolExecutor(2) as both:
            taken = list(both.map(take, [((store, other)[n % 2], one) for n, one in enumerate(claimed)]))
    finally:
        other.close()
    assert (len(claimed), sum(taken)) == (PAPERS, 3)
