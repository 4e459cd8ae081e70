"""What the index names fits into the database, or is left out with the reason: no visitor meets a fault."""

import json
from pathlib import Path
from typing import Any

import pytest
from doors import INDEX, PAPER, SHELL, doors
from examples import rows
from structlog.testing import capture_logs

from leadapi import tables
from leadapi.public_index import parse
from leadapi.store import Store
from leadapi.typed_text import address

POST = INDEX["posts"]["a-post"]  # type: ignore[index]
LONG, TOO_LONG = "p" * 200, "p" * 201


def index_text(**kinds: Any) -> str:
    """The index, its posts or whitepapers with those given on top."""
    return json.dumps(INDEX | {kind: INDEX[kind] | more for kind, more in kinds.items()})  # type: ignore[operator]


def test_the_longest_names_are_known() -> None:
    """A slug of 200 characters and an edition of 32 are taken as they are."""
    with capture_logs() as logs:
        index = parse(index_text(posts={LONG: POST}, whitepapers={LONG: PAPER | {"edition": "9" * 32}}), SHELL)
    assert (LONG in index.posts, index.whitepapers[LONG]["edition"], logs) == (True, "9" * 32, [])


@pytest.mark.parametrize(
    ("kind", "slug", "entry", "reason"),
    [
        ("posts", TOO_LONG, POST, "its slug has 201 characters; at most 200 can be stored"),
        ("whitepapers", TOO_LONG, PAPER, "its slug has 201 characters; at most 200 can be stored"),
        (
            "whitepapers",
            "c-paper",
            PAPER | {"edition": "9" * 33},
            "its edition has 33 characters; at most 32 can be stored",
        ),
        ("posts", "a\x00post", POST, "its slug holds a sign that cannot be stored"),
        ("whitepapers", "c-paper", PAPER | {"edition": "1\x00"}, "its edition holds a sign that cannot be stored"),
    ],
)
def test_an_entry_that_cannot_be_stored_is_left_out(kind: str, slug: str, entry: Any, reason: str) -> None:
    """It is logged with the reason, and all others of the site stay."""
    with capture_logs() as logs:
        index = parse(index_text(**{kind: {slug: entry}}), SHELL)
    assert dict(getattr(index, kind)) == INDEX[kind]  # type: ignore[index]
    assert [(log["event"], log["kind"], log["reason"]) for log in logs] == [("index_entry_left_out", kind, reason)]
    assert len(logs[0]["slug"]) <= 80


def test_what_a_visitor_sends_of_the_longest_names_is_stored(store: Store, tmp_path: Path) -> None:
    """A sign-up, a download link and a reply go through where slug and edition are as long as can be."""
    with doors(store, tmp_path) as client:
        (tmp_path / "site" / "public-index.json").write_text(
            index_text(
                posts={LONG: POST, TOO_LONG: POST},
                whitepapers={LONG: PAPER | {"edition": "9" * 32}, TOO_LONG: PAPER},
            )
        )
        person = {"email": "bob@example.com", "name": "Bob"}
        for post, status in ((LONG, 303), (TOO_LONG, 422)):
            reply = person | {"post": post, "body": f"Well said {status}."}
            lead = person | {"post": post, "whitepaper": post, "cta": "c" * 900}
            assert client.post("/api/comments", data=reply).status_code == status
            assert client.post("/api/leads", data=lead).status_code == status
    (submission,) = rows(store, tables.submissions)
    assert (submission.post, submission.whitepaper, submission.edition) == (LONG, LONG, "9" * 32)


@pytest.mark.parametrize(
    "domain", ["ü" * 50 + ".example.com", ".".join(["ü" * 40] * 4) + ".com", "ü" * 200 + ".com"]
)
def test_an_address_is_measured_as_it_is_stored(domain: str) -> None:
    """A domain that grows by its ASCII form (IDNA) is refused where the column could not hold it."""
    errors: dict[str, str] = {}
    stored = address({"email": f"{'a' * 60}@{domain}"}, "email", errors)
    assert errors or len(stored) <= tables.leads.c.email.type.length  # type: ignore[attr-defined]
