"""The export says everything of every lead, to programs exactly and to spreadsheets harmlessly."""

import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from commands import KEYS, Place, opened, with_tables
from examples import ALICE, NOW, record, rows
from hypothesis import given
from hypothesis import strategies as st
from project_copy import ROOT, clean_environment

from leadapi import lead_export, leads, suppressions, tables
from leadapi.address_hashes import address_hash
from leadapi.attribution import Source
from leadapi.store import Store

Counts = Callable[[int, int], int]
FULL = replace(
    ALICE,
    name='=HYPERLINK("http://evil.example";"Alice")',
    company="+49 ; Führer, “Co”\u2028KG",
    first=Source("/b-post/?utm_source=news", "search.example", (("utm_source", "news"),)),
    answers=(("job_title", "@boss"), ("phone", "-1")),
    marketing_consent=True,
)


def exported(place: Place, *arguments: str) -> str:
    """What the command prints, with the database's address alone."""
    ended = place.run(
        "export-leads", *arguments, only={"LEADAPI_DATABASE_URL": place.good["LEADAPI_DATABASE_URL"]}
    )
    assert (ended.code, ended.err) == (0, "")
    return ended.out


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def agree(store: Store, **changed: Any) -> None:
    """Sign up with the box ticked, and press the button in the letter."""
    record(store, replace(ALICE, marketing_consent=True, **changed))
    row = max(rows(store, tables.submissions), key=lambda row: row.id)
    store.write_now(leads.confirm, leads.Press(row.lead_id, row.id, NOW))


def test_the_three_formats_hold_the_same(ready: Place) -> None:
    """Lines, array and CSV tell of the same leads; JSON as they were typed, CSV with formulas made harmless."""
    with opened(ready) as store:
        record(store, FULL, replace(FULL, post="b-post", now=NOW + timedelta(minutes=1)))
        robot = replace(ALICE, address="bob@example.com", held_reason="honeypot", post=None)
        record(store, replace(robot, now=NOW + timedelta(minutes=2)))
    lines = [json.loads(line) for line in exported(ready).splitlines()]
    assert lines == [json.loads(line) for line in exported(ready, "--format", "jsonl").splitlines()]
    assert lines == json.loads(exported(ready, "--format", "json"))
    alice, bob = lines
    assert (alice["name"], alice["company"]) == (FULL.name, FULL.company)
    assert alice["submissions"][0]["answers"] == {"job_title": "@boss", "phone": "-1"}
    one, two, three = table(exported(ready, "--format", "csv"))
    assert tuple(one) == lead_export.COLUMNS
    assert one["name"] == "'" + FULL.name
    assert one["company"] == "'" + FULL.company
    assert (one["job_title"], one["phone"], one["country"]) == ("'@boss", "'-1", "")
    assert (one["post"], two["post"], three["post"]) == ("a-post", "b-post", "")
    assert (one["page"], one["utm_source"]) == ("/a-post/?utm_source=x", "x")
    assert (one["first_page"], one["first_utm_source"]) == ("/b-post/?utm_source=news", "news")
    assert [(row["status"], row["held"], row["marketing_consent"]) for row in (one, three)] == [
        ("pending", "false", "false"),
        ("pending", "true", "false"),
    ]
    assert [one["submission_id"], two["submission_id"]] == alice["submission_ids"]
    assert bob["email"] == three["email"] == "bob@example.com"


def test_an_empty_export_is_a_whole_document(ready: Place) -> None:
    """Without leads: no line, an empty array, and a header alone."""
    assert exported(ready) == ""
    assert json.loads(exported(ready, "--format", "json")) == []
    assert table(exported(ready, "--format", "csv")) == []
    assert exported(ready, "--format", "csv").startswith('"email","name"')


SIGNS = "=+-@\t\r\n＝＋－＠"  # as spreadsheets take them for the beginning of a formula
BEFORE = st.text(st.sampled_from(" \"'\ufeff\u200b\u00a0"), max_size=4)


@given(BEFORE, st.sampled_from(SIGNS), st.text(max_size=20))
def test_no_cell_begins_like_a_formula(before: str, sign: str, rest: str) -> None:
    """Whatever invisible signs or quotes stand before it: the cell gets an apostrophe and keeps its text."""
    lead = dict.fromkeys((*lead_export.COLUMNS, "created_at"), "") | {"name": before + sign + rest}
    one = dict.fromkeys(leads.EXPORTED) | {"submission_id": "1", "created_at": "now", "held": False, "answers": {}}
    text = "".join(lead_export.written([lead | {"submissions": [one]}], "csv"))
    (row,) = table(text)
    assert row["name"] == "'" + before + sign + rest


@given(st.text())
def test_every_other_text_comes_back_from_csv_and_json(name: str) -> None:
    """One lead is one row and one line, whatever was typed; without a formula nothing is added."""
    lead = dict.fromkeys(lead_export.COLUMNS) | {"name": name, "submissions": []}
    one = dict.fromkeys(leads.EXPORTED) | {"submission_id": "1", "created_at": "now", "held": False, "answers": {}}
    lead["submissions"] = [one]
    (row,) = table("".join(lead_export.written([lead], "csv")))
    assert row["name"] in (name, "'" + name)
    assert json.loads("".join(lead_export.written([lead], "jsonl"))) == lead
    assert json.loads("".join(lead_export.written([lead], "json"))) == [lead]


@pytest.mark.parametrize("reason", ["unsubscribed", "erased", "refused", "complained", "bounced"])
def test_the_list_for_marketing_has_only_who_agreed_and_may_be_written_to(ready: Place, reason: Any) -> None:
    """A yes that was proven, and an address that is on the suppression list for nothing."""
    with opened(ready) as store:
        for n, name in enumerate(("alice", "bob")):
            agree(store, address=f"{name}@example.com", now=NOW + timedelta(seconds=n))
        record(store, replace(ALICE, address="carol@example.com", marketing_consent=True))  # never proven
        hashed = address_hash("bob@example.com", KEYS["LEADAPI_HASH_KEY"])
        store.write_now(suppressions.suppress, (hashed, reason, NOW.replace(year=NOW.year + 1)))
    only = {name: ready.good[name] for name in ("LEADAPI_DATABASE_URL", "LEADAPI_HASH_KEY")}
    ended = ready.run("export-leads", "--marketing", only=only)
    assert [json.loads(line)["email"] for line in ended.out.splitlines()] == ["alice@example.com"]
    assert (ended.code, ended.err) == (0, "")


def test_without_the_key_there_is_no_list_for_marketing(ready: Place) -> None:
    """Nobody is written to by mistake: the command says which setting it needs."""
    ended = ready.run(
        "export-leads", "--marketing", only={"LEADAPI_DATABASE_URL": ready.good["LEADAPI_DATABASE_URL"]}
    )
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("LEADAPI_HASH_KEY: is not set")


def test_a_form_that_there_is_not_is_one_sentence(ready: Place) -> None:
    """Another format is refused with those that there are."""
    ended = ready.run("export-leads", "--format", "xml")
    assert ended.code == 2
    assert "jsonl" in ended.err and "csv" in ended.err


MEASURE = """
import os, sys, threading
import resource
from leadapi import __main__
sys.stdout = open(os.devnull, "w")
for form in sys.argv[1:]:
    sys.argv = ["leadapi", "export-leads", "--format", form]
    __main__.main()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
"""


def test_an_export_takes_no_more_memory_for_more_leads(tmp_path: Path, database_url: str, counts: Counts) -> None:
    """Ten times as many leads cost a few megabytes at most, in every format: they are written as they are read."""
    place = Place(tmp_path, database_url)
    with_tables(database_url)
    peaks = []
    done = 0
    for total in (counts(150, 10_000), counts(1_500, 100_000)):
        with opened(place) as store:
            for start in range(done, total, 100):
                record(
                    store,
                    *(
                        replace(FULL, address=f"alice{n}@example.com", network=str(n), submission_id=f"s{n}")
                        for n in range(start, min(start + 100, total))
                    ),
                )
        done = total
        measured = subprocess.run(
            [sys.executable, "-c", MEASURE, *lead_export.FORMATS],
            env=clean_environment(PYTHONPATH=str(ROOT), LEADAPI_DATABASE_URL=database_url),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        peaks.append(int(measured.stderr))
    print(f"\n{database_url.partition(':')[0]}: {done:,} leads, peak {peaks[0]:,} then {peaks[1]:,} kB")
    assert peaks[1] - peaks[0] < 12_000
