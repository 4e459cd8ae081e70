"""A service that has never seen its site cannot know which posts are there, and says nothing false of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from doors import doors
from examples import rows
from lead_steps import FORM, JSON, page_of
from starlette.testclient import TestClient

from leadapi import tables
from leadapi.store import Store

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

REPLY = {"post": "a-post", "name": "Bob", "email": "bob@example.com", "body": "Well *said*."}


@contextmanager
def without_site(store: Store, folder: Path) -> Iterator[TestClient]:
    """The doors before the first build."""
    with doors(store, folder) as client:
        for name in ("public-index.json", "page-shell.html"):
            (folder / "site" / name).unlink()
        yield client


@pytest.mark.parametrize("as_json", [True, False])
def test_a_lead_is_told_that_nothing_was_saved(store: Store, tmp_path: Path, as_json: bool) -> None:
    """Nothing is said to be missing that may be there: 503, nothing saved, and what was typed is still there."""
    with without_site(store, tmp_path) as client:
        answer = client.post("/api/leads", data=FORM, headers=JSON if as_json else {})
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
        assert "Nothing was saved" in answer.text and "do not have" not in answer.text
        assert as_json or "alice@example.com" in answer.text
        if not as_json:
            page_of(answer)
    assert rows(store, tables.submissions) == []


def test_a_reply_is_told_that_nothing_was_saved(store: Store, tmp_path: Path) -> None:
    """No post is said to be gone that may be there: 503, nothing saved, and what was typed is still there."""
    with without_site(store, tmp_path) as client:
        for headers in (JSON, {}):
            answer = client.post("/api/comments", data=REPLY, headers=headers)
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
            assert "Nothing was saved" in answer.text and "no longer here" not in answer.text
            assert headers or REPLY["email"] in answer.text
        listed = client.get("/api/comments/a-post")
        assert (listed.status_code, listed.headers["retry-after"]) == (503, "10")
        assert client.get("/api/comments").status_code == 200
    assert rows(store, tables.comments) == []
