"""Who does not come back is forgotten after the months that the owner has chosen, and nobody sooner."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from doors import ORIGIN
from examples import ALICE, BOB, NOW, record, reply, rows
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from leadapi import clock, comment_list, comments, leads, retention, suppressions, tables
from leadapi.app import create_app
from leadapi.settings import Settings
from leadapi.store import Store

LATER = datetime(2028, 3, 1, 9, 30, tzinfo=UTC)  # 24 months after NOW
INSTANT = timedelta(microseconds=1)
PATIENCE = 20.0


def forget(store: Store, now: datetime, months: int = 24) -> int:
    return store.write_now(retention.forget_inactive, (now, months))


def names(store: Store) -> list[str]:
    return sorted(row.email for row in rows(store, tables.leads))


@pytest.mark.parametrize(
    ("moment", "months", "before"),
    [
        ("2026-03-31", 1, "2026-02-28"),
        ("2028-03-31", 1, "2028-02-29"),
        ("2028-02-29", 12, "2027-02-28"),
        ("2028-02-29", 48, "2024-02-29"),
        ("2026-01-15", 1, "2025-12-15"),
        ("2026-12-31", 24, "2024-12-31"),
        ("2026-12-31", 1_200, "1926-12-31"),
    ],
)
def test_months_are_those_of_the_calendar(moment: str, months: int, before: str) -> None:
    """The same day of the month, or its last one."""
    found = retention.months_before(datetime.fromisoformat(f"{moment}T09:30:01+00:00"), months)
    assert found.isoformat() == f"{before}T09:30:01+00:00"


@given(st.timedeltas(timedelta(0), timedelta(days=70_000)), st.integers(0, 1_200))
def test_months_go_back_by_so_many_months(since: timedelta, months: int) -> None:
    """The calendar's months differ by the number, the day is never later, and the time is the same."""
    moment = datetime(2000, 1, 1, tzinfo=UTC) + since
    found = retention.months_before(moment, months)
    assert (moment.year - found.year) * 12 + moment.month - found.month == months
    assert found.day <= moment.day and found.time() == moment.time()


def test_a_lead_is_forgotten_after_the_months_and_not_before(store: Store) -> None:
    """To the instant: after 24 months and a microsecond every row is gone, with the event that says so."""
    record(store, replace(ALICE, marketing_consent=True))
    assert (forget(store, LATER), names(store)) == (0, ["Alice@example.com"])
    assert (forget(store, LATER + INSTANT), names(store)) == (1, [])
    for table in (tables.submissions, tables.consents, tables.outbox, tables.suppressions):
        assert rows(store, table) == []
    assert [(row.kind, row.lead_id) for row in rows(store, tables.events)] == [("lead.erased", None)]
    assert forget(store, LATER + INSTANT) == 0


def test_whoever_does_something_starts_the_months_anew(store: Store) -> None:
    """A form, a button, a download and an answer about consent are activity; to be stored is none."""
    people = ["confirmed", "downloaded", "again", "mind", "silent"]
    submitted = [
        replace(ALICE, address=f"{name}@example.com", now=NOW + timedelta(seconds=n))
        for n, name in enumerate(people)
    ]
    record(store, *submitted)
    ids = {row.email.partition("@")[0]: row.id for row in rows(store, tables.leads)}
    year = NOW + timedelta(days=365)
    store.write_now(leads.confirm, leads.Press(ids["confirmed"], None, year))
    store.write_now(leads.record_download, (ids["downloaded"], "a-paper", "1", year))
    record(store, replace(submitted[2], post="b-post", now=year))
    # An answer alone: the same press with another box, within its ten minutes.
    record(store, replace(submitted[3], marketing_consent=True, now=submitted[3].now + timedelta(minutes=9)))
    soon = LATER + timedelta(minutes=5)
    assert forget(store, soon) == 1
    assert names(store) == [f"{name}@example.com" for name in ("again", "confirmed", "downloaded", "mind")]
    assert forget(store, LATER + timedelta(minutes=10)) == 1
    assert forget(store, LATER + timedelta(days=366)) == 3


def test_zero_months_forget_nobody(store: Store) -> None:
    """An owner may keep everything; so do months that reach back further than anybody is known."""
    record(store, ALICE)
    reply(store, BOB)
    assert [forget(store, LATER + timedelta(days=10_000), months) for months in (0, 1_200)] == [0, 0]
    assert len(names(store)) == 1


def test_a_crowd_is_forgotten_in_small_batches(store: Store) -> None:
    """Each call takes at most a hundred, so that no visitor waits for all of them."""
    for n in range(0, 250, 50):
        record(store, *(replace(ALICE, address=f"a{m}@example.com", network=str(m)) for m in range(n, n + 50)))
    assert [forget(store, LATER + INSTANT) for _ in range(4)] == [100, 100, 50, 0]
    assert len(rows(store, tables.events)) == 250


def test_old_comments_stay_without_their_address(store: Store) -> None:
    """Name and text are part of the page; the address and the fingerprint, which is one of it, go."""
    reply(store, BOB, replace(BOB, body="Newer", now=NOW + timedelta(minutes=1)))
    for row in rows(store, tables.comments):
        store.write_now(comments.decide, (row.id, "approve", NOW))
    before = store.read_now(comment_list.approved, None)
    assert forget(store, LATER + INSTANT) == 1
    assert {row.body: (row.email, row.address_key) for row in rows(store, tables.comments)} == {
        BOB.body: ("", ""),
        "Newer": ("bob@example.com", "bob@example.com"),
    }
    assert [row.fingerprint for row in rows(store, tables.comments) if row.body == BOB.body] == [""]
    assert store.read_now(comment_list.approved, None) == before


def test_who_wanted_no_letters_is_remembered_as_a_hash(store: Store) -> None:
    """What stands on the suppression list outlives the lead; nobody is added to it."""
    record(store, ALICE)
    store.write_now(suppressions.suppress, ("0" * 64, "unsubscribed", NOW))
    assert forget(store, LATER + INSTANT) == 1
    assert [(row.address_hash, row.reason) for row in rows(store, tables.suppressions)] == [
        ("0" * 64, "unsubscribed")
    ]


@pytest.mark.parametrize(
    ("months", "left"), [(24, ["new@example.com"]), (0, ["new@example.com", "old@example.com"])]
)
def test_the_service_forgets_daily_and_at_its_start(
    store: Store, database_url: str, tmp_path: Path, months: int, left: list[str]
) -> None:
    """The running service does it by itself, with the months of its settings."""
    now = clock.now()
    old = replace(ALICE, address="old@example.com", now=now - timedelta(days=800))
    record(store, old)
    record(store, replace(ALICE, address="new@example.com", now=now))
    settings = Settings(
        env="development",
        database_url=database_url,
        site_url=ORIGIN,
        site_dir=tmp_path,
        mail_url=f"file://{tmp_path}/mail",
        mail_from="blog@example.com",
        retention_months=months,
    )
    with TestClient(create_app(settings)):
        deadline = time.monotonic() + PATIENCE
        while names(store) != left:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    assert names(store) == left
