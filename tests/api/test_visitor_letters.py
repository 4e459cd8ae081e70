"""However often an address is named, its owner gets a few letters; a confirmed one loses none."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from examples import ALICE, NOW, SENDER, record, rows, sent
from hypothesis import given
from hypothesis import strategies as st

from leadapi import leads, suppressions, tables
from leadapi.address_hashes import address_hash
from leadapi.store import Store
from leadapi.submission_rows import Submission
from leadapi.visitor_letters import CAPS, next_turn

Counts = Callable[[int, int], int]
HASH = address_hash(ALICE.address, SENDER.hash_key)


def asks(whitepaper: str, minutes: float, **changed: object) -> Submission:
    return replace(
        ALICE,
        whitepaper=whitepaper,
        submission_id=f"{whitepaper}-{minutes}",
        now=NOW + timedelta(minutes=minutes),
        **changed,  # type: ignore[arg-type]  # fields of Submission
    )


def planned(store: Store) -> list[tuple[str, datetime]]:
    """Of each letter, what it is about and when it leaves."""
    letters = sorted(rows(store, tables.outbox), key=lambda row: row.run_at)
    return [(row.topic, row.run_at) for row in letters]


def confirm(store: Store) -> None:
    (lead,) = rows(store, tables.leads)
    store.write_now(leads.confirm, leads.Press(lead.id, None, NOW))


def test_ten_thousand_posts_naming_one_victim_are_three_letters(
    store: Store, counts: Callable[[int, int], int]
) -> None:
    """Whoever asks, from wherever, under whatever name: three letters, and nothing in them was typed."""
    most = counts(500, 10_000)
    for start in range(0, most, 100):
        record(
            store,
            *(
                asks(f"paper-{n}", 0, name="MARKED", company="MARKED", network=f"10.{n // 256}.{n % 256}.0/24")
                for n in range(start, start + 100)
            ),
        )
    assert len(rows(store, tables.submissions)) == most
    assert len(sent(store)) == 3
    assert "MARKED" not in str(sent(store))


def test_other_spellings_of_one_mailbox_are_no_way_around(store: Store) -> None:
    """Subaddresses, and at Gmail dots too, arrive at one victim: three letters in all. Others' dots are others."""
    for n in range(20):
        local, domain = (
            ".".join("victim"[: n % 6 + 1]) + "victim"[n % 6 + 1 :],
            ("gmail.com", "GoogleMail.com")[n % 2],
        )
        record(store, asks(f"paper-{n}", 0, address=f"{local}+{n}@{domain}"))
    assert len(rows(store, tables.leads)) == 20
    assert len(sent(store)) == 3
    for n, address in enumerate(("v.ictim@example.com", "victim@example.com", "victim+1@example.com")):
        record(store, asks(f"elsewhere-{n}", 0, address=address))
    assert len(sent(store)) == 6


def test_two_people_at_one_mailbox_each_get_what_they_asked_for(store: Store) -> None:
    """Two confirmed subaddresses ask for the same papers: what is past the cap waits, for each of them."""
    both = ("alice+work@example.com", "alice+home@example.com")
    for n, address in enumerate(both):
        record(store, asks("paper-0", n, address=address))
    for lead in rows(store, tables.leads):
        store.write_now(leads.confirm, leads.Press(lead.id, None, NOW))
    for n in range(2):
        record(store, *(asks(f"paper-{n + 1}", n + 2 + m / 2, address=address) for m, address in enumerate(both)))
    letters = sorted(rows(store, tables.outbox), key=lambda row: row.run_at)
    assert [row.topic for row in letters] == ["paper-0"] * 2 + ["paper-1"] * 2 + ["paper-2"] * 2
    assert sorted(row.payload["to"] for row in letters) == sorted(both * 3)


def test_letters_to_an_unconfirmed_address_past_the_cap_are_dropped(store: Store) -> None:
    """Three in an hour, five in a day, counted back from each letter; the sixth day's first goes out again."""
    for n in range(8):
        record(store, asks(f"paper-{n}", n))
    assert [topic for topic, _ in planned(store)] == ["paper-0", "paper-1", "paper-2"]
    record(store, asks("early", 59.9), asks("next", 60), asks("more", 61), asks("sixth", 200))
    assert [topic for topic, _ in planned(store)][3:] == ["next", "more"]
    record(store, asks("next-day", 24 * 60))
    assert planned(store)[-1] == ("next-day", NOW + timedelta(days=1))


def test_letters_to_a_confirmed_address_past_the_cap_wait_for_their_turn(store: Store) -> None:
    """Nobody loses a download: each whitepaper's letter leaves when the cap allows, once for each paper."""
    record(store, asks("paper-0", 0))
    confirm(store)
    for n in range(1, 7):
        record(store, asks(f"paper-{n}", n))
    record(store, asks("paper-6", 8), asks("paper-3", 9))
    assert planned(store) == [
        ("paper-0", NOW),
        ("paper-1", NOW + timedelta(minutes=1)),
        ("paper-2", NOW + timedelta(minutes=2)),
        ("paper-3", NOW + timedelta(minutes=60)),
        ("paper-4", NOW + timedelta(minutes=61)),
        ("paper-5", NOW + timedelta(days=1)),
        ("paper-6", NOW + timedelta(days=1, minutes=1)),
    ]


def test_who_refused_our_letters_gets_none(store: Store) -> None:
    """The submission is stored and answered as ever; no letter is written."""
    store.write_now(suppressions.suppress, (HASH, "refused", NOW))
    assert record(store, asks("a-paper", 0)) == ["recorded"]
    assert sent(store) == []
    store.write_now(suppressions.lift, (HASH, "refused"))
    record(store, asks("b-paper", 1))
    assert len(sent(store)) == 1


def test_who_unsubscribed_or_was_erased_is_still_answered(store: Store) -> None:
    """Those stop what nobody asked for, not the whitepaper that its reader asks for."""
    for reason in ("unsubscribed", "erased"):
        store.write_now(suppressions.suppress, (HASH, reason, NOW))
    record(store, asks("a-paper", 0))
    assert len(sent(store)) == 1


def test_an_address_that_bounced_is_tried_again_after_a_month(store: Store) -> None:
    """Mailboxes are mended: a bounce stops letters for thirty days, counted from the last one."""
    store.write_now(suppressions.suppress, (HASH, "bounced", NOW - timedelta(days=40)))
    store.write_now(suppressions.suppress, (HASH, "bounced", NOW))
    record(store, asks("a-paper", 24 * 60 * 29))
    assert sent(store) == []
    record(store, asks("a-paper", 24 * 60 * 30))
    assert len(sent(store)) == 1
    store.write_now(suppressions.forget_old, NOW + timedelta(days=30))
    assert rows(store, tables.suppressions) == []


MINUTES = st.lists(st.integers(0, 3_000), max_size=12)


@given(MINUTES, st.integers(0, 3_000))
def test_no_hour_and_no_day_ever_holds_more_letters_than_the_caps(asked: list[int], now: int) -> None:
    """Whenever letters are asked for, their turns keep to every cap, and none comes before it was asked for."""
    turns: list[datetime] = []
    for minutes in [*asked, now]:
        moment = NOW + timedelta(minutes=minutes)
        turn = next_turn(turns, moment)
        assert turn >= moment
        turns.append(turn)
    for length, most in CAPS:
        assert all(sum(start <= turn < start + length for turn in turns) <= most for start in turns)
