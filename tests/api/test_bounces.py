"""What mail servers report of our letters, in a mailbox: understood, put on the list once, and nothing breaks."""

import os
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import bounce_mails as mails
import pytest
from bounce_mails import KEY, WRITTEN
from commands import COMMAND, KEYS, Place, opened, serving
from examples import SENDER, rows
from hypothesis import given
from hypothesis import strategies as st
from project_copy import ROOT, clean_environment

from leadapi import letters, suppressions, tables
from leadapi.address_hashes import address_hash
from leadapi.bounces import LARGEST, Noting, Report, note, reports
from leadapi.store import Store

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
ALICE = "alice@example.com"
HARD = {
    name: getattr(mails, name) for name in ("POSTFIX", "EXIM", "EXCHANGE", "GMAIL", "SENDMAIL", "TWO_RECEIVERS")
}


def addresses(raw: bytes) -> set[tuple[str, str]]:
    return {(report.address.lower(), report.reason) for report in reports(raw, NOW, KEY) or ()}


@pytest.mark.parametrize("raw", HARD.values(), ids=HARD.keys())
def test_a_failure_for_good_is_understood_whoever_wrote_it(raw: bytes) -> None:
    """The address that failed, since the day of the report; nobody else who is named in it."""
    assert addresses(raw) == {(ALICE, "bounced")}
    assert {report.at for report in reports(raw, NOW, KEY) or ()} == {WRITTEN}


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (mails.SMTPUTF8, {"älice@example.com"}),
        (mails.XTEXT, {"alice+news@example.com"}),
        (mails.FORWARDED, {ALICE}),
    ],
    ids=["RFC 6533", "xtext", "forwarded"],
)
def test_the_address_that_we_wrote_to_is_found(raw: bytes, found: set[str]) -> None:
    """Beyond ASCII, in the envelope's own writing, and behind a forwarding."""
    assert addresses(raw) == {(address, "bounced") for address in found}


@pytest.mark.parametrize("raw", [mails.ABUSE, mails.HIDDEN_RECEIVER], ids=["named", "hidden"])
def test_a_complaint_is_understood(raw: bytes) -> None:
    """Also where the provider hides who complained, and only our own letter says so."""
    assert addresses(raw) == {(ALICE, "complained")}


@pytest.mark.parametrize(
    "raw", [mails.DELAYED, mails.EXPIRED, mails.BY_POLICY, mails.RECEIPT, mails.NOT_SPAM, mails.DMARC]
)
def test_a_report_that_says_nothing_for_good_of_the_address_changes_nothing(raw: bytes) -> None:
    """A delay, a refusal of our network, a receipt, a complaint taken back, and a report about spoofing."""
    assert reports(raw, NOW, KEY) == []


@pytest.mark.parametrize(
    "raw",
    [mails.FORGED, mails.ANOTHERS, mails.UNSEALED, mails.NOTHING_BACK],
    ids=["forged", "a letter to somebody else", "an id of ours without its seal", "no letter at all"],
)
def test_a_report_of_no_letter_of_ours_changes_nothing(raw: bytes) -> None:
    """Anybody can write to our mailbox that an address bounced; nobody but its owner has seen what proves it."""
    assert reports(raw, NOW, KEY) == []


def test_a_report_counts_only_for_whom_its_letter_went_to() -> None:
    """Whoever got a letter of ours cannot have others put on the list with it."""
    assert addresses(mails.MANY) == {(ALICE, "bounced")}


def test_every_letter_to_a_visitor_is_known_again_when_it_bounces() -> None:
    """Its Message-ID, as it goes out, is the proof: for its address, under our key, and no other."""
    letter = letters.confirmation(replace(SENDER, hash_key=KEY), ALICE, "A paper", "https://x.example/", "0190-1")
    old = f"<{mails.sealed(ALICE)}>".encode()
    raw = mails.POSTFIX.replace(old, letter.message_id.encode())
    assert raw != mails.POSTFIX
    assert addresses(raw) == {(ALICE, "bounced")}
    assert reports(raw, NOW, "another key") == []


@pytest.mark.parametrize("raw", [mails.VACATION, mails.QMAIL, b"", b"\n\n", b"\xff\x00" * 100])
def test_any_other_mail_is_no_report(raw: bytes) -> None:
    """Whatever its text claims."""
    assert reports(raw, NOW, KEY) is None


HOSTILE = [
    b"Content-Type: multipart/report; boundary=a\n\n"
    + b"--a\nContent-Type: multipart/mixed; boundary=a\n\n" * 5_000,
    mails.POSTFIX.replace(b"alice@example.com", b"a" * 10_000 + b"@example.com"),
    mails.POSTFIX.replace(b"alice@example.com", b"\x00\xff@\r"),
    mails.POSTFIX.replace(b"Sun, 01 Mar 2026 09:00:00 +0100", b"Sun, 99 Mar 99999 99:00:00 +9999"),
    mails.POSTFIX.replace(b"Status: 5.1.1", b"Status: 5." + b"1" * 10_000),
    mails.POSTFIX.replace(b"\nFinal-", b"\nContent-Transfer-Encoding: base64\nFinal-"),
    mails.POSTFIX.replace(b"delivery-status\n\n", b"delivery-status\nContent-Transfer-Encoding: base64\n\n"),
    mails.POSTFIX.replace(b"us-ascii", b"no-such-charset"),
    mails.POSTFIX.replace(b"From: MAILER", b"From: =?utf-8?b?!!!?= =?x?q?=ZZ?=" * 500),
    b"Content-Type: message/delivery-status\n\n" + b"Final-Recipient: rfc822; x@y\n" * 20_000,
]


@pytest.mark.parametrize("raw", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_mail_breaks_nothing(raw: bytes, store: Store) -> None:
    """It is read or not understood; what is read of it can be noted."""
    found = reports(raw, NOW, KEY)
    assert found is None or isinstance(found, list)
    store.write_now(note, Noting(found or (), "key", NOW))


@given(
    raw=st.sampled_from([*HARD.values(), mails.ABUSE, mails.SMTPUTF8]),
    cuts=st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=8), st.integers(0, 40)), max_size=6),
)
def test_whatever_a_report_is_changed_into_nothing_breaks(
    raw: bytes, cuts: list[tuple[float, bytes, int]]
) -> None:
    """Bytes are put in and taken out anywhere; what is still understood has an address and a date in the past."""
    for where, put_in, taken in cuts:
        at = int(where * len(raw))
        raw = raw[:at] + put_in + raw[at + taken :]
    for report in reports(raw, NOW, KEY) or ():
        assert "@" in report.address
        assert report.at <= NOW


def test_noting_again_changes_nothing_and_a_newer_bounce_counts_longer(store: Store) -> None:
    """A mailbox may be read every day; old mail in it does not make a bounce last, nor last less."""
    old, new = (Report(ALICE, "bounced", NOW - timedelta(days=days)) for days in (9, 2))
    noted = [
        store.write_now(note, Noting(batch, "key", NOW)) for batch in ((old,), (old, old), (new,), (old, new))
    ]
    assert noted == [1, 0, 1, 0]
    (row,) = rows(store, tables.suppressions)
    assert (row.address_hash, row.reason, row.created_at) == (address_hash(ALICE, "key"), "bounced", new.at)
    complaints = (Report(ALICE, "complained", NOW), Report("Bob@example.com", "complained", NOW))
    assert store.write_now(note, Noting(complaints, "key", NOW)) == 2


def maildir(folder: Path, *raws: bytes) -> Path:
    for room in ("new", "cur", "tmp"):
        (folder / room).mkdir(parents=True)
    for number, raw in enumerate(raws):
        (folder / ("new", "cur")[number % 2] / f"{number}.host:2,S").write_bytes(raw)
    (folder / "tmp" / "half").write_bytes(mails.POSTFIX.replace(b"alice", b"bob"))
    return folder


def mbox(file: Path, *raws: bytes) -> Path:
    file.write_bytes(b"".join(b"From MAILER-DAEMON Sun Mar  1 08:00:00 2026\n" + raw + b"\n" for raw in raws))
    return file


def folder_of_eml(folder: Path, *raws: bytes) -> Path:
    (folder / "deeper").mkdir(parents=True)
    for number, raw in enumerate(raws):
        (folder / "deeper" / f"{number}.eml").write_bytes(raw)
    (folder / "notes.txt").write_bytes(mails.POSTFIX.replace(b"alice", b"bob"))
    return folder


@pytest.mark.parametrize("make", [maildir, mbox, folder_of_eml])
def test_the_command_reads_every_kind_of_mailbox(ready: Place, make: object) -> None:
    """It says what it did and what it did not understand; a second time nothing is new."""
    assert callable(make)
    path = make(ready.folder / "mailbox", mails.POSTFIX, mails.ABUSE, mails.DELAYED, mails.VACATION, mails.GMAIL)
    for news in (2, 0):
        ended = ready.run("bounces", str(path))
        assert ended.lines() == [
            "Mails read: 5.",
            f"Addresses that bounced: 2, that complained: 1; new on the suppression list: {news}.",
            "Reports that change nothing: 1 (a delay, a refusal of us, no complaint, no letter of ours).",
            "Mails that were not understood and changed nothing: 1.",
        ]
    hashed = address_hash(ALICE, KEYS["LEADAPI_HASH_KEY"])
    with opened(ready) as store:
        assert {(row.address_hash, row.reason) for row in rows(store, tables.suppressions)} == {
            (hashed, "bounced"),
            (hashed, "complained"),
        }
        why = store.read_now(lambda connection, _: suppressions.reasons(connection, {hashed}, NOW), None)
        assert suppressions.stops(why[hashed], asked=True)


@pytest.mark.parametrize("given_as", ["one mail", "an mbox"])
def test_the_command_reads_standard_input(ready: Place, given_as: str) -> None:
    """As a mail server's pipe gives one mail, or a backup a whole mailbox."""
    raw = mails.POSTFIX if given_as == "one mail" else mbox(ready.folder / "x", mails.POSTFIX).read_bytes()
    environment = clean_environment(PYTHONPATH=str(ROOT), **ready.good)
    ended = subprocess.run(
        [*COMMAND, "bounces", "-"], input=raw, cwd=ready.folder, env=environment, capture_output=True, timeout=60
    )
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert b"Addresses that bounced: 1," in ended.stdout


def test_a_huge_mail_is_looked_at_in_part(ready: Place) -> None:
    """A mail of many megabytes costs no more than its beginning; the next one in the mbox is found."""
    huge = mails.POSTFIX.replace(b"Hello", b"Hello\n" * LARGEST)
    path = mbox(ready.folder / "mailbox", huge, mails.ABUSE)
    assert "bounced: 1, that complained: 1; new on the suppression list: 2." in ready.run("bounces", str(path)).out


def test_the_command_says_what_is_wrong(ready: Place) -> None:
    """No such mailbox, one that may not be read, no key, and a service that runs: each is one sentence."""
    absent = ready.run("bounces", "nowhere")
    assert (absent.code, absent.err) == (1, "nowhere cannot be read: No such file or directory.\n")
    path = mbox(ready.folder / "mailbox", mails.POSTFIX)
    if os.getuid():
        path.chmod(0)
        assert "Permission denied" in ready.run("bounces", str(path)).err
        path.chmod(0o600)
    keyless = ready.run("bounces", str(path), HASH_KEY="")
    assert (keyless.code, keyless.err.count("LEADAPI_HASH_KEY")) == (1, 1)
    with serving(ready):
        assert "Stop the service first" in ready.run("bounces", str(path)).err
