"""The ledger keeps every answer; what counts is the last no, or the last yes that a mailed button has proven."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from examples import ALICE, CONSENT, NOW, record, rows, sent

from leadapi import leads, rate_limits, suppressions, tables
from leadapi.address_hashes import address_hash
from leadapi.errors import TooOften
from leadapi.store import Store, open_store
from leadapi.submission_rows import Submission
from leadapi.submissions import record_submission

YES = replace(ALICE, marketing_consent=True)


def later(value: Submission, minutes: float) -> Submission:
    return replace(value, now=NOW + timedelta(minutes=minutes))


def ledger(store: Store) -> list[bool]:
    return [row.given for row in sorted(rows(store, tables.consents), key=lambda row: row.created_at)]


def told(store: Store) -> tuple[list[dict[str, Any]], list[bool]]:
    """The export's leads; what export and desk say of their consent, which must be the same."""
    exported = store.read_now(lambda connection, _: list(leads.export(connection)), None)
    desk = {lead["email"]: lead["marketing_consent"] for lead in store.read_now(leads.latest, 100)}
    answers = [lead["marketing_consent"] for lead in exported]
    assert [desk.get(lead["email"], False) for lead in exported] == answers
    return exported, answers


def press(store: Store, number: int = 0) -> None:
    """The button in the letter to the submission (by its place in time) is pressed."""
    submission = sorted(rows(store, tables.submissions), key=lambda row: (row.created_at, row.id))[number]
    store.write_now(leads.confirm, leads.Press(submission.lead_id, submission.id, submission.created_at))


def test_a_tick_counts_once_the_button_in_its_letter_was_pressed(store: Store) -> None:
    """Anybody can tick the box for anybody's address: only who reads that address's mail can prove it."""
    record(store, YES)
    assert told(store)[1] == [False]
    press(store)
    assert told(store)[1] == [True]


def test_a_stranger_cannot_consent_for_a_confirmed_address(store: Store) -> None:
    """A later tick brings a letter that asks; the button there proves it, and nothing else does."""
    record(store, ALICE)
    press(store)
    assert record(store, later(replace(YES, post="b-post"), 1)) == ["recorded"]
    assert (ledger(store), told(store)[1]) == ([False, True], [False])
    letter = sent(store)[-1]
    assert "/api/downloads/" in letter["text"] and "/api/confirm/" in letter["text"]
    press(store)  # the first letter's button again
    assert told(store)[1] == [False]
    press(store, 1)
    assert told(store)[1] == [True]


def test_a_tick_that_was_added_later_is_not_proven_by_the_letter_before(store: Store) -> None:
    """A stranger who repeats the form with the box ticked gains nothing from the button that alice presses."""
    assert record(store, ALICE, later(YES, 1)) == ["recorded", "repeated"]
    press(store)
    assert (ledger(store), told(store)[1]) == ([False, True], [False])


def test_who_agrees_anew_is_off_the_suppression_list(store: Store) -> None:
    """A yes that was given and proven after leaving counts again; pressing an old letter's button does not."""
    hashed = address_hash(ALICE.address, "")
    record(store, YES)
    for reason in ("unsubscribed", "erased", "complained"):
        store.write_now(suppressions.suppress, (hashed, reason, NOW + timedelta(minutes=1)))
    press(store)
    assert len(rows(store, tables.suppressions)) == 3
    store.write_now(suppressions.lift, (hashed, "complained"))
    record(store, later(replace(YES, post="b-post"), 2))
    assert len(rows(store, tables.suppressions)) == 2
    press(store, 1)
    assert rows(store, tables.suppressions) == []


def test_a_changed_text_is_a_new_version_and_old_rows_keep_theirs(store: Store) -> None:
    """What somebody agreed to stays as it was shown, whatever the box says later."""
    record(store, YES)
    record(
        store, later(replace(YES, post="b-post", consent=replace(CONSENT, version="en-2", text="New words.")), 1)
    )
    answers = sorted(rows(store, tables.consents), key=lambda row: row.created_at)
    assert [(row.version, row.text) for row in answers] == [("en-1", CONSENT.text), ("en-2", "New words.")]


def test_a_no_needs_no_proof(store: Store) -> None:
    """Whoever leaves the box empty is not written to, though they said yes before."""
    record(store, YES)
    press(store)
    record(store, later(replace(ALICE, post="b-post"), 1))
    assert (ledger(store), told(store)[1]) == ([True, False], [False])


def test_what_a_robot_ticked_is_no_consent(store: Store) -> None:
    """A held submission under a confirmed address says nothing of its owner's wish, in export or on the desk."""
    record(store, ALICE)
    press(store)
    assert record(store, later(replace(YES, held_reason="honeypot"), 1)) == ["recorded"]
    press(store, 1)
    assert told(store)[1] == [False]


def test_what_a_robot_left_unticked_takes_no_consent_back(store: Store) -> None:
    """A held submission without the tick leaves a person's yes as it is."""
    robot = later(replace(ALICE, held_reason="honeypot"), 1)
    assert record(store, YES, robot) == ["recorded", "recorded"]
    press(store)
    assert told(store)[1] == [True]


def test_a_form_without_the_box_asks_nothing(store: Store) -> None:
    """Where no text was shown nothing is agreed to: no row, and a repeat stays a repeat."""
    assert record(store, replace(ALICE, consent=None), later(replace(ALICE, consent=None), 1)) == [
        "recorded",
        "repeated",
    ]
    assert ledger(store) == []


def test_a_changed_box_is_a_new_answer_of_the_same_submission(store: Store) -> None:
    """A second press with another box adds a row to the ledger, and neither a submission nor a letter."""
    assert record(store, ALICE) == ["recorded"]
    for minutes, value, answers in (
        (1, YES, [False, True]),
        (2, YES, [False, True]),
        (3, ALICE, [False, True, False]),
    ):
        assert record(store, later(value, minutes)) == ["repeated"]
        assert ledger(store) == answers
        ((lead,), said) = told(store)
        assert said == [False]  # its letter was on its way before the first tick
        assert len(lead["submission_ids"]) == len(lead["submissions"]) == 1
    assert len(rows(store, tables.submissions)) == len(sent(store)) == 1
    first, second, third = sorted(rows(store, tables.consents), key=lambda row: row.created_at)
    assert (first.submission_id, first.lead_id) == (second.submission_id, second.lead_id)
    assert (second.text, second.version, third.created_at) == (
        first.text,
        first.version,
        NOW + timedelta(minutes=3),
    )


def test_answers_at_the_same_moment_keep_their_order(store: Store) -> None:
    """Yes and no in one batch, all by the same clock, are no in the end; so are they in two batches."""
    assert record(store, YES, ALICE, YES, ALICE) == ["recorded", "repeated", "repeated", "repeated"]
    press(store)
    assert (ledger(store), told(store)[1]) == ([True, False, True, False], [False])
    assert record(store, YES) == ["repeated"]
    assert ledger(store)[-1]


def test_the_answer_that_counts_is_the_last_of_all_submissions(store: Store) -> None:
    """Yes for one post, no for another, then yes for a third: the last is recorded, and counts once proven."""
    other, third = later(replace(ALICE, post="b-post"), 1), later(replace(YES, post="c-post"), 2)
    assert record(store, YES, other, third) == ["recorded"] * 3
    press(store, 0)
    assert (ledger(store), told(store)[1]) == ([True, False, True], [False])
    press(store, 2)
    assert told(store)[1] == [True]


def test_a_person_repeats_no_robot(store: Store) -> None:
    """A robot's tick is not the answer that a person's second press is compared with."""
    record(store, ALICE, later(replace(YES, held_reason="honeypot"), 1))
    assert record(store, later(ALICE, 2)) == ["repeated"]
    assert record(store, later(YES, 3)) == ["repeated"]
    assert (ledger(store), told(store)[1]) == ([False, True, True], [False])


def test_changed_answers_count_for_the_limit(store: Store) -> None:
    """What adds a row is limited like what adds a submission: nobody fills the ledger by pressing."""
    presses = [later((ALICE, YES)[n % 2], n / 100) for n in range(100)]
    answers = record(store, *presses)
    most = rate_limits.LEADS_BY_NETWORK.most
    assert answers[:most] == ["recorded", *["repeated"] * (most - 1)]
    assert len(rows(store, tables.consents)) == most
    assert {type(answer) for answer in answers[most::2]} == {TooOften}
    assert set(answers[most + 1 :: 2]) == {"repeated"}


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_two_servers_keep_one_ledger(store: Store) -> None:
    """However changes of mind are spread over two servers, the ledger alternates and ends in one answer."""
    other = open_store(store.engine.url.render_as_string(hide_password=False))

    async def press() -> list[Any]:
        doors = [
            (store, other)[n // 2 % 2].write_batched(record_submission, (ALICE, YES)[n % 2]) for n in range(20)
        ]
        return await asyncio.gather(*doors)

    try:
        answers = asyncio.run(press())
    finally:
        other.close()
    assert sorted(answers) == ["recorded"] + ["repeated"] * 19
    said = ledger(store)
    assert all(one != two for one, two in pairwise(said))
    assert len(rows(store, tables.submissions)) == len(sent(store)) == 1
