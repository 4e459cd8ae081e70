"""A mailed link opens what it was made for, for as long as it was made for, and nothing that was changed."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from string import printable
from typing import Any, get_args

import pytest
import time_machine
from examples import ODDITIES
from itsdangerous import URLSafeTimedSerializer

from leadapi.errors import Forbidden, Gone
from leadapi.signed_links import Purpose, read, sign

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
OLD, NEW = "an old key that nobody ever guesses", "a new key that nobody ever guesses"
WEEK = timedelta(days=7)
ALICE = {"lead": "0195-alice", "whitepaper": "a-paper"}


@pytest.fixture(autouse=True)
def clock() -> Iterator[Any]:
    """A clock that stands still until it is shifted."""
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


def test_a_link_says_what_was_put_in() -> None:
    """The payload comes back as it went in, whatever letters it has, in an address that needs no quoting."""
    payload = {"lead": "Führen & Coachen 👩‍👧", "edition": 3, "list": [1, None]}
    token = sign("confirm", payload, [OLD])
    assert read("confirm", token, [OLD], WEEK) == payload
    assert set(token) <= set(printable[:62] + "-_.")


@pytest.mark.parametrize("payload", [ALICE, {"lead": "a" * 300}], ids=["short", "long enough to be packed"])
def test_a_link_with_one_sign_changed_opens_nothing(payload: dict[str, Any]) -> None:
    """Whatever single sign of a token is changed, left out or put in, it is not ours any more."""
    token = sign("download", payload, [OLD])
    signs = printable[:62] + "-_.=+/ \n"
    changed = {
        token[:place] + put_in + token[place + left_out :]
        for place in range(len(token) + 1)
        for left_out in (0, 1)
        for put_in in (*signs, "")
    } - {token}
    assert len(changed) > 5_000
    for text in changed:
        with pytest.raises(Forbidden):
            read("download", text, [OLD], WEEK)


@pytest.mark.parametrize("text", ["", ".", "..", "a.b.c", "." * 500, "a" * 5_000, *ODDITIES])
def test_what_is_no_link_at_all_is_refused_in_words(text: str) -> None:
    """Any text in the place of a token ends in one sentence, never in an error of ours."""
    with pytest.raises(Forbidden, match="copy it whole"):
        read("confirm", text, [OLD], WEEK)


@pytest.mark.parametrize("purpose", get_args(Purpose))
def test_a_link_for_one_thing_opens_nothing_else(purpose: Purpose) -> None:
    """A token is good for its own purpose and for no other one."""
    token = sign(purpose, ALICE, [OLD])
    assert read(purpose, token, [OLD], WEEK) == ALICE
    for other in set(get_args(Purpose)) - {purpose}:
        with pytest.raises(Forbidden):
            read(other, token, [OLD], WEEK)


def test_a_link_ends_when_its_time_is_over(clock: Any) -> None:
    """A token is good to the last second of its time, then gone; a changed one is never called old."""
    token = sign("confirm", ALICE, [OLD])
    clock.shift(WEEK)
    assert read("confirm", token, [OLD], WEEK) == ALICE
    clock.shift(timedelta(seconds=1))
    with pytest.raises(Gone, match="expired"):
        read("confirm", token, [OLD], WEEK)
    assert read("confirm", token, [OLD], WEEK * 2) == ALICE
    with pytest.raises(Forbidden):
        read("confirm", token[:-1], [OLD], WEEK)


def test_links_outlive_a_change_of_keys_until_the_old_one_is_removed() -> None:
    """The first key signs and all verify; without the old key its links are not ours."""
    old_link = sign("confirm", ALICE, [OLD])
    new_link = sign("confirm", ALICE, [NEW, OLD])
    assert read("confirm", old_link, [NEW, OLD], WEEK) == ALICE
    assert read("confirm", new_link, [NEW], WEEK) == ALICE
    with pytest.raises(Forbidden):
        read("confirm", old_link, [NEW], WEEK)
    with pytest.raises(Forbidden):
        read("confirm", new_link, [OLD], WEEK)


def test_a_signed_text_that_is_no_payload_is_refused() -> None:
    """What our key signed elsewhere, or what is no object, opens nothing."""
    with pytest.raises(Forbidden):
        read("confirm", str(URLSafeTimedSerializer(OLD).dumps(ALICE)), [OLD], WEEK)
    listed: Any = ["alice"]
    with pytest.raises(Forbidden):
        read("confirm", sign("confirm", listed, [OLD]), [OLD], WEEK)
