"""The commands about letters: what nobody got, and the bounces in a mailbox. Both write; neither sends."""

import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from leadapi import bounces, clock, database_state, dead_letters, mailboxes
from leadapi.settings import Settings
from leadapi.store import open_store

AT_ONCE = 500
"""Reports that are noted in one transaction."""


def show_dead_letters(settings: Settings) -> None:
    """Print each letter and event that could not be delivered, the newest first: id, when, which, why."""
    database_state.require(settings)
    store = open_store(settings.database_url)
    try:
        lost = store.read_now(dead_letters.newest, None)
    except Exception as error:
        sys.exit(f"The letters cannot be read: {database_state.reason(error)}.")
    finally:
        store.close()
    _print(f"{one['id']}  {one['dead_at']:%Y-%m-%d %H:%M}  {_what(one)}  {one['why']}".rstrip() for one in lost)


def _what(one: Mapping[str, Any]) -> str:
    return f"{one['kind']} to {one['receiver']}" if one["receiver"] else one["kind"]


def send_again(settings: Settings) -> None:
    """Let all that could not be delivered wait for the service's next start, as if it were new."""
    with database_state.writing(settings) as store:
        counts = store.write_now(dead_letters.send_again, dead_letters.SendAgain(clock.now()))
    what = dead_letters.counted(*counts) or "Nothing"
    _print([f"{what} will be sent again when the service runs."])


def show_bounce_secret(settings: Settings) -> None:
    """Print the secret with which a mail service signs what it tells POST /api/bounces."""
    if not settings.secret_keys:
        sys.exit("LEADAPI_SECRET_KEYS is not set, and the secret is made of its first key.")
    print(bounces.secret(settings.secret_keys[0]))


def note_bounces(settings: Settings, path: str) -> None:
    """Read a mailbox, put what bounced or complained on the suppression list, and say what was done."""
    if not settings.hash_key:
        sys.exit("LEADAPI_HASH_KEY: is missing. Without it nobody is found on the suppression list again.")
    now = clock.now()
    counts = dict.fromkeys(("mails", "bounced", "complained", "news", "no", "foreign"), 0)
    waiting: list[bounces.Report] = []
    with database_state.writing(settings) as store:

        def note() -> None:
            noting = bounces.Noting(tuple(waiting), settings.hash_key, now)
            counts["news"] += store.write_now(bounces.note, noting)
            waiting.clear()

        try:
            for mail in mailboxes.mails(path, bounces.LARGEST):
                counts["mails"] += 1
                found = bounces.reports(mail, now, settings.hash_key)
                counts["foreign"] += found is None
                counts["no"] += found == []
                for report in found or ():
                    counts[report.reason] += 1
                    waiting.append(report)
                if len(waiting) >= AT_ONCE:
                    note()
        except OSError as error:
            note()
            sys.exit(f"{path} cannot be read: {error.strerror}.")
        note()
    _print(
        [
            f"Mails read: {counts['mails']:,}.",
            f"Addresses that bounced: {counts['bounced']:,}, that complained: {counts['complained']:,}; "
            f"new on the suppression list: {counts['news']:,}.",
            f"Reports that change nothing: {counts['no']:,} "
            "(a delay, a refusal of us, no complaint, no letter of ours).",
            f"Mails that were not understood and changed nothing: {counts['foreign']:,}.",
        ]
    )


def _print(lines: Iterable[str]) -> None:
    """In UTF-8, whatever the terminal speaks; a reader who has seen enough is no mistake."""
    try:
        for line in lines:
            sys.stdout.buffer.write(f"{line}\n".encode())
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
