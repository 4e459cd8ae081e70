"""How often is too often: counted for a network and a window, in the transaction of what is counted."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address

import pytest
from examples import NOW, rows
from sqlalchemy import Connection

from leadapi import rate_limits, tables
from leadapi.errors import TooOften
from leadapi.rate_limits import Limit, forget_old, give_back, network_of, take, take_all
from leadapi.store import Store, open_store

WINDOW = timedelta(minutes=10)
LIMIT = Limit("tries", 3, WINDOW, "At most 3 tries in ten minutes. Please try again later.")
OTHER = Limit("other-tries", 3, WINDOW, "At most 3 other tries in ten minutes.")
ALL = [limit for limit in vars(rate_limits).values() if isinstance(limit, Limit)]
START = NOW  # 09:30, where a window of ten minutes begins


def took(store: Store, subject: str = "192.0.2.0/24", limit: Limit = LIMIT, seconds: float = 0) -> int:
    """Take one, `seconds` after START: 0 when it was granted, else the seconds to wait."""
    now = START + timedelta(seconds=seconds)
    try:
        store.write_now(lambda connection, _: take(connection, limit, subject, now), None)
    except TooOften as error:
        assert error.message == limit.policy
        return error.retry_after
    return 0


def counted(store: Store) -> dict[str, int]:
    return {row.subject: row.taken for row in rows(store, tables.rate_limits)}


def test_the_most_are_granted_and_then_none(store: Store) -> None:
    """Three of three are granted; the fourth and all later ones are told when to come again."""
    assert [took(store, seconds=second) for second in range(6)] == [0, 0, 0, 597, 596, 595]


def test_the_wait_that_is_told_is_enough(store: Store) -> None:
    """Who comes again after it is granted; a second earlier is too early; it is never nothing."""
    assert [took(store, seconds=599.9) for _ in range(4)] == [0, 0, 0, 1]
    assert [took(store, seconds=600 + second) for second in (0, 1, 2)] == [0, 0, 0]
    wait = took(store, seconds=700)
    assert took(store, seconds=700 + wait - 1) == 1
    assert took(store, seconds=700 + wait) == 0


def test_networks_and_limits_do_not_count_for_each_other(store: Store) -> None:
    """Somebody else's tries, or tries at something else, shut nobody out."""
    assert [took(store) for _ in range(4)][3]
    assert took(store, "198.51.100.0/24") == 0
    assert took(store, limit=OTHER) == 0


def test_what_was_refused_does_not_count(store: Store) -> None:
    """A refusal is no try: the count stays at the most, however often it is asked."""
    for _ in range(10):
        took(store)
    assert [row.taken for row in rows(store, tables.rate_limits)] == [3]


def test_what_failed_does_not_count(store: Store) -> None:
    """A transaction that stores nothing takes nothing."""

    def fail(connection: Connection, _: None) -> None:
        take(connection, LIMIT, "192.0.2.0/24", START)
        raise ValueError("the form was wrong")

    for _ in range(5):
        with pytest.raises(ValueError):
            store.write_now(fail, None)
    assert took(store) == 0


def test_a_batch_counts_each_network_by_its_own(store: Store) -> None:
    """Many at once count as many; a network gets what is left of its limit, and that costs the others nothing."""

    def all_of(**takes: int) -> dict[str, int]:
        return store.write_now(lambda connection, _: take_all(connection, LIMIT, takes, START), None)

    assert all_of() == {}
    assert all_of(alice=2, bob=3) == {"alice": 2, "bob": 3}
    assert all_of(alice=2, bob=1, carol=1, dave=9) == {"alice": 1, "carol": 1, "dave": 3}
    assert all_of(alice=1, carol=2)["carol"] == 2
    assert counted(store) == {"alice": 3, "bob": 3, "carol": 3, "dave": 3}


def test_what_is_given_back_is_granted_again(store: Store) -> None:
    """What was granted and not needed counts no more; a count above a limit now stricter grants nothing."""

    def take_and_give(connection: Connection, _: None) -> None:
        take_all(connection, LIMIT, {"alice": 3, "bob": 2}, START)
        give_back(connection, LIMIT, {"alice": 1, "bob": 0}, START)
        give_back(connection, LIMIT, {}, START)

    store.write_now(take_and_give, None)
    assert counted(store) == {"alice": 2, "bob": 2}
    assert [took(store, "alice") for _ in range(2)] == [0, 600]
    stricter = replace(LIMIT, most=1)
    assert took(store, "alice", stricter) == 600


def test_a_window_goes_by_the_clock(store: Store) -> None:
    """The words say so: just before an edge and just after it the most are granted each."""
    assert [took(store, seconds=599) for _ in range(4)] == [0, 0, 0, 1]
    assert [took(store, seconds=601) for _ in range(4)] == [0, 0, 0, 599]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_two_services_share_one_count(store: Store, database_url: str) -> None:
    """However many servers there are, no more than the most are granted."""

    async def granted(doors: list[Store]) -> list[object]:
        def one(connection: Connection, _: None) -> None:
            take(connection, LIMIT, "192.0.2.0/24", START)

        return await asyncio.gather(*(door.write(one, None) for door in doors * 5), return_exceptions=True)

    second = open_store(database_url)
    try:
        answers = asyncio.run(granted([store, second]))
    finally:
        second.close()
    assert answers.count(None) == 3
    assert {type(answer) for answer in answers if answer} == {TooOften}


def test_old_counts_are_dropped_and_the_others_stay(store: Store) -> None:
    """A day later nothing is known of a network any more; what still counts goes on counting."""
    took(store)
    for _ in range(3):
        took(store, seconds=24 * 3600)
    store.write_now(forget_old, START + timedelta(days=1, seconds=1))
    assert [(row.window_start, row.taken) for row in rows(store, tables.rate_limits)] == [
        (START + timedelta(days=1), 3)
    ]
    assert took(store, seconds=24 * 3600)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("255.255.255.255", "255.255.255.0/24"),
        ("::ffff:192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("::1", "::/64"),
        ("fe80::1%eth0", "fe80::/64"),
    ],
)
def test_a_network_stands_for_an_address(address: str, network: str) -> None:
    """An IPv4 /24, an IPv6 /64, and what is IPv4 in IPv6's clothes; a whole address is never kept."""
    assert network_of(ip_address(address)) == network


def test_without_an_address_there_is_one_network_for_all() -> None:
    """Behind a socket without addresses everybody counts as one."""
    assert network_of(None) == "unknown"


@pytest.mark.parametrize("limit", ALL, ids=lambda limit: limit.name)
def test_a_limit_says_its_own_numbers(limit: Limit) -> None:
    """What people read is what is counted, and it fits into the table."""
    assert len(ALL) >= 3
    assert f"At most {limit.most} " in limit.policy
    assert "in every ten minutes of the clock" in limit.policy and limit.window == WINDOW
    assert len(limit.name) <= 64
    assert len({other.name for other in ALL}) == len(ALL)
