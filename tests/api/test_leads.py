"""A lead is confirmed by its owner, served once in the books, and listed with all that is known."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from examples import ALICE, NOW, record, rows

from leadapi import leads, tables
from leadapi.errors import Gone
from leadapi.store import Store


def test_confirming_again_is_as_good_as_once(store: Store) -> None:
    """The first press confirms; all later ones change nothing and answer alike."""
    record(store, ALICE)
    (lead,) = rows(store, tables.leads)
    assert store.write_now(leads.confirm, leads.Press(lead.id, None, NOW)).first_time
    again = store.write_now(leads.confirm, leads.Press(lead.id, None, NOW + timedelta(days=1)))
    assert (again.first_time, again.email) == (False, "Alice@example.com")
    (lead,) = rows(store, tables.leads)
    assert (lead.status, lead.confirmed_at) == ("confirmed", NOW)
    assert [(row.kind, row.subject, row.created_at) for row in rows(store, tables.events)] == [
        ("lead.created", lead.id, NOW),
        ("lead.confirmed", lead.id, NOW),
    ]


def test_an_erased_lead_cannot_confirm(store: Store) -> None:
    """A link whose lead is gone says so in one sentence."""
    with pytest.raises(Gone):
        store.write_now(leads.confirm, leads.Press("nobody", "nothing", NOW))


def test_a_download_is_counted_once_for_each_edition(store: Store) -> None:
    """Ten fetches of one edition are one download, the next edition is another, an unknown lead is none."""
    record(store, ALICE)
    (lead,) = rows(store, tables.leads)
    first = [store.write_now(leads.record_download, (lead.id, "a-paper", "1", NOW)) for _ in range(10)]
    assert first == [True] + [False] * 9
    assert store.write_now(leads.record_download, (lead.id, "a-paper", "2", NOW))
    assert not store.write_now(leads.record_download, ("nobody", "a-paper", "1", NOW))
    assert len(rows(store, tables.downloads)) == 2


def test_the_export_lists_every_lead_with_its_submissions(store: Store) -> None:
    """One line for each lead, held ones too, ready for JSON, with status and ids."""
    record(
        store,
        replace(ALICE, submission_id="one"),
        replace(ALICE, submission_id="two", post=None, marketing_consent=True, now=NOW + timedelta(hours=1)),
        replace(
            ALICE,
            submission_id="three",
            address="bob@example.com",
            name="Bob",
            company="B & Co",
            held_reason="honeypot",
        ),
    )
    listed = store.read_now(lambda connection, _: list(leads.export(connection)), None)
    assert json.loads(json.dumps(listed)) == listed
    by_email = {lead["email"]: lead for lead in listed}
    alice, bob = by_email["Alice@example.com"], by_email["bob@example.com"]
    assert alice["submission_ids"] == ["one", "two"]
    assert (alice["status"], alice["held"], alice["marketing_consent"]) == ("pending", False, False)
    assert alice["submissions"][0]["utm_source"] == "x"
    assert alice["created_at"] == "2026-03-01T09:30:00+00:00"
    assert (bob["name"], bob["company"], bob["held"], bob["submission_ids"]) == ("Bob", "B & Co", True, ["three"])
