"""What one server erases while another writes of the same person is erased or new, and nobody meets a fault."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from examples import ALICE, NOW, record, rows

from leadapi import leads, retention, tables
from leadapi.erasing import Erase, erase
from leadapi.errors import Gone
from leadapi.store import Store, open_store
from leadapi.submissions import record_submission

ROUNDS = 15


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("how", ["asked for", "inactive"])
def test_erasing_may_cross_everything_that_a_visitor_does(store: Store, how: str) -> None:
    """A form, a button and a download at the same moment, on two servers: every row left has its lead."""
    other = open_store(store.engine.url.render_as_string(hide_password=False))

    async def cross(number: int, lead: Any, submission: str) -> list[Any]:
        again = replace(ALICE, submission_id=f"again-{number}", now=NOW + timedelta(days=1_000))
        doors = [
            store.write(erase, Erase("alice@example.com", "a key", NOW))
            if how == "asked for"
            else store.write(retention.forget_inactive, (again.now, 24)),
            other.write(leads.confirm, leads.Press(lead, submission, again.now)),
            other.write(leads.record_download, (lead, "a-paper", "1", again.now)),
            other.write_batched(record_submission, again),
        ]
        return await asyncio.gather(*doors, return_exceptions=True)

    try:
        for number in range(ROUNDS):
            record(store, replace(ALICE, submission_id=f"first-{number}"))
            row = next(row for row in rows(store, tables.submissions) if row.submission_id == f"first-{number}")
            answers = asyncio.run(cross(number, row.lead_id, row.id))
            faults = [one for one in answers if isinstance(one, Exception) and not isinstance(one, Gone)]
            assert faults == []
            assert answers[3] == "recorded"
            known = {lead.id for lead in rows(store, tables.leads)}
            for table in (tables.submissions, tables.downloads, tables.confirmations, tables.consents):
                assert {row.lead_id for row in rows(store, table)} <= known
            if how == "inactive":
                assert f"again-{number}" in {row.submission_id for row in rows(store, tables.submissions)}
            store.write_now(erase, Erase("alice@example.com", "a key", NOW))
    finally:
        other.close()
