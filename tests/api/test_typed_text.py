"""What may be typed, and what is said where it may not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadapi import typed_text

ANY_TEXT = st.text(st.characters(), max_size=300)  # unpaired surrogates too


def _address(text: str) -> tuple[str, dict[str, str]]:
    errors: dict[str, str] = {}
    return typed_text.address({"email": text}, "email", errors), errors


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (" alice@example.com\n", "alice@example.com"),
        ("Alice@Example.COM", "Alice@example.com"),
        ("o'brien+tag@example.com", "o'brien+tag@example.com"),
        ("bob@bücher.example", "bob@xn--bcher-kva.example"),
    ],
)
def test_an_address_that_mail_can_reach_is_taken(typed: str, kept: str) -> None:
    """The domain becomes ASCII and lower case; the part before the @ stays as typed."""
    assert _address(typed) == (kept, {})


UNREACHABLE = [
    "",
    "alice",
    "alice@",
    "alice@example",
    "a b@example.com",
    "alice@example.com,bob@example.com",
    "Alice <alice@example.com>",
    "alice@[127.0.0.1]",
    "alice@example.com\r\nBcc: x@example.com",
    "alice\x00@example.com",
    "alice@exa\ud800mple.com",
    "älice@example.com",
    "a@" + "b." * 1000 + "com",
    "x" * 65 + "@example.com",
    "x" * 1_000_000,
]


@pytest.mark.parametrize("typed", UNREACHABLE, ids=[str(n) for n in range(len(UNREACHABLE))])
def test_an_address_that_mail_cannot_reach_is_refused_with_one_sentence(typed: str) -> None:
    """The sentence says what to do and repeats nothing that was typed."""
    _, errors = _address(typed)
    assert errors["email"].startswith("Please ")
    assert errors["email"].endswith(".")
    assert len(errors["email"]) < 120


def test_one_person_is_one_key() -> None:
    """Case never makes a second lead of one person; dots and tags stay, since they may be two people."""
    assert typed_text.address_key("Alice@Example.com") == typed_text.address_key("alice@example.com")
    assert typed_text.address_key("a.lice@example.com") != typed_text.address_key("alice@example.com")


@given(ANY_TEXT)
def test_a_name_is_kept_as_typed_or_refused(text: str) -> None:
    """No name is changed, apart from spaces around it, and a name that is taken can be stored anywhere."""
    errors: dict[str, str] = {}
    kept = typed_text.line({"name": text}, "name", "your name", errors)
    assert errors or kept == text.strip(" \t\r\n")
    if not errors:
        kept.encode()
        assert "\x00" not in kept
        assert "\n" not in kept


@pytest.mark.parametrize("text", ["a\x00b", "a\nb", "a\tb", "a\x1bb", "a\x85b", "a\ud800b", "x" * 201])
def test_a_name_that_cannot_be_printed_on_one_line_is_refused(text: str) -> None:
    """Control characters, unpaired surrogates and more than 200 characters are told, not swallowed."""
    errors: dict[str, str] = {}
    typed_text.line({"name": text}, "name", "your name", errors)
    assert "your name" in errors["name"]


@pytest.mark.parametrize("text", ["", "  ", "\u200b\u2060", "\u202e", "\x00", "\u00a0"])
def test_a_name_that_nobody_can_see_is_missing(text: str) -> None:
    """Invisible signs alone are no name; where the field may be empty they are empty."""
    errors: dict[str, str] = {}
    typed_text.line({"name": text}, "name", "your name", errors)
    assert errors == {"name": "Please enter your name."}
    assert typed_text.line({"company": text}, "company", "the company", {}, required=False) == ""


@pytest.mark.parametrize("text", ["Zoë 👩‍👩‍👧", "李小龍", "أليس", "O'Brien; DROP TABLE leads", "<b>", "${7*7}"])
def test_names_of_all_kinds_are_taken(text: str) -> None:
    """Accents, emoji, other scripts and punctuation are names."""
    errors: dict[str, str] = {}
    assert typed_text.line({"name": text}, "name", "your name", errors) == text
    assert not errors


def test_a_text_box_counts_a_line_end_once() -> None:
    """A browser's CR LF and a script's LF give the same text and the same length."""
    errors: dict[str, str] = {}
    lines = "\r\n".join(["x"] * 2000) + "\r\n"
    kept = typed_text.text_box({"body": lines}, "body", "your reply", 3_999, errors)
    assert not errors
    assert kept == "\n".join(["x"] * 2000)
    typed_text.text_box({"body": "x" * 4_001}, "body", "your reply", 4_000, errors)
    assert errors["body"] == "Please shorten your reply to 4,000 characters; it has 4,001."


@given(ANY_TEXT)
def test_anything_can_be_shown_again(text: str) -> None:
    """A refused form can show every text: what no page can carry is replaced."""
    shown = typed_text.printable(text)
    shown.encode()
    assert "\x00" not in shown
    assert len(shown) == len(text)


@given(ANY_TEXT)
def test_a_remark_is_never_a_reason_to_refuse(text: str) -> None:
    """A remark is cut and cleaned until it can be stored."""
    kept = typed_text.remark(text, 64)
    assert kept is None or 0 < len(kept) <= 64


def test_a_submission_id_is_a_short_plain_word() -> None:
    """A UUID is an id, an absent one is none, and a strange one is told."""
    errors: dict[str, str] = {}
    uuid = "0b1c9c9e-6a3e-4d9a-8f0e-2a1d2a5ad1f7"
    assert typed_text.submission_id({"submission_id": uuid}, errors) == uuid
    assert typed_text.submission_id({}, errors) is None
    assert not errors
    typed_text.submission_id({"submission_id": "a\x00b"}, errors)
    assert "submission_id" in errors
