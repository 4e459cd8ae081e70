"""An error becomes a status, a sentence and nothing else, in the form that was asked for."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from doors import doors
from examples import rows
from fastapi import FastAPI
from sqlalchemy.exc import DBAPIError
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from leadapi import error_responses, errors, tables
from leadapi.index_reading import IndexFromFolder
from leadapi.public_index import PublicIndex
from leadapi.signed_links import sign
from leadapi.store import Store

LEAD = {"email": "alice@example.com", "name": "Alice", "whitepaper": "a-paper", "post": "a-post"}
COMMENT = {"email": "bob@example.com", "name": "Bob", "post": "a-post", "body": "Well said."}
JSON = {"Accept": "application/json"}
KEYS = ("the first key that nobody guesses",)


@pytest.fixture
def client(store: Store, tmp_path: Path) -> Iterator[TestClient]:
    with doors(store, tmp_path) as client:
        yield client


sqlite_only = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def every_error() -> list[type[errors.AppError]]:
    return [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.AppError)]


def test_every_error_of_ours_has_a_status_and_a_title() -> None:
    """No error is left without an answer: each has a status, each status a heading, each a code of its own."""
    kinds = [kind for kind in every_error() if kind is not errors.AppError]
    assert set(error_responses.STATUS) == set(kinds)
    assert len({kind.code for kind in kinds}) == len(kinds)
    assert set(error_responses.STATUS.values()) <= set(error_responses.TITLES)


ADDRESSES = [
    ("/api/leads", {"POST"}),
    ("/api/comments", {"GET", "HEAD", "POST"}),
    ("/api/comments/a-post", {"GET", "HEAD"}),
    ("/api/confirm/x", {"GET", "HEAD", "POST"}),
    ("/api/downloads/x", {"GET", "HEAD"}),
    ("/api/moderate/x", {"GET", "HEAD", "POST"}),
    ("/healthz", {"GET", "HEAD"}),
    ("/readyz", {"GET", "HEAD"}),
]


@sqlite_only
@pytest.mark.parametrize(("path", "allowed"), ADDRESSES)
@pytest.mark.parametrize(
    "method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"]
)
def test_a_wrong_method_is_told_every_right_one(
    client: TestClient, path: str, allowed: set[str], method: str
) -> None:
    """405 with Allow, which names all that this address can do (RFC 9110, 15.5.6), and a sentence that says so."""
    answer = client.request(method, path, headers=JSON)
    if method in allowed:
        assert answer.status_code != 405
        return
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) == allowed
    if method != "HEAD":
        error = answer.json()["error"]
        assert (error["code"], error["fields"]) == ("wrong_method", {})
        assert error["message"] == f"{method} is not possible here; {answer.headers['allow']} is."


@pytest.mark.parametrize(("path", "form"), [("/api/leads", LEAD), ("/api/comments", COMMENT)])
def test_without_the_database_a_form_says_that_nothing_was_saved(
    client: TestClient, store: Store, path: str, form: dict[str, str]
) -> None:
    """503 with Retry-After: one sentence for a script, and for a reader the form with all that was typed."""
    store.close()
    answer = client.post(path, data=form, headers=JSON)
    assert (answer.status_code, int(answer.headers["retry-after"]) > 0) == (503, True)
    error = answer.json()["error"]
    assert (error["code"], error["fields"]) == ("unavailable", {})
    assert error["message"].startswith("Nothing was saved")
    page = client.post(path, data=form)
    assert (page.status_code, int(page.headers["retry-after"]) > 0) == (503, True)
    assert "Nothing was saved" in page.text
    assert form["email"] in page.text


@sqlite_only
def test_while_another_program_holds_the_database_it_is_told_and_then_taken(
    client: TestClient, store: Store, tmp_path: Path
) -> None:
    """A lock is waited for only so long; the same form is taken once it is gone, and is one submission."""
    other = sqlite3.connect(tmp_path / "leadapi.sqlite3", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with capture_logs() as logs:
        assert client.post("/api/leads", data=LEAD, headers=JSON).status_code == 503
    assert [line["reason"] for line in logs if line["event"] == "store_unavailable"] == ["OperationalError"]
    assert client.get("/api/comments").status_code == 200  # reading goes on
    other.execute("ROLLBACK")
    other.close()
    assert client.post("/api/leads", data=LEAD, headers=JSON).status_code == 202
    assert len(rows(store, tables.submissions)) == 1


@sqlite_only
@pytest.mark.parametrize("purpose", ["confirm", "moderate"])
def test_without_the_database_a_link_can_be_tried_again(client: TestClient, store: Store, purpose: str) -> None:
    """A button that could not be written is a 503 page with Retry-After, in the blog's shell."""
    payload = {"lead": "x", "comment": "x", "whitepaper": "a-paper", "edition": "1"}
    token = sign("confirm" if purpose == "confirm" else "moderate", payload, KEYS)
    store.close()
    answer = client.post(f"/api/{purpose}/{token}", data={"decision": "approve"})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "<h1>Nothing was saved</h1>" in answer.text
    assert "<header>The Blog</header>" in answer.text


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_a_fault_of_ours_is_a_sentence_and_a_trace_in_the_log(
    client: TestClient, store: Store, accept: str
) -> None:
    """A lost table is a 500 that shows nothing of the inside."""
    store.write_now(
        lambda connection, _: connection.exec_driver_sql("ALTER TABLE submissions RENAME TO away"), None
    )
    with capture_logs() as logs:
        answer = client.post("/api/leads", data=LEAD, headers={"Accept": accept})
    assert answer.status_code == 500
    [fault] = [line for line in logs if line["event"] == "unforeseen_error"]
    assert fault["route"] == "/api/leads" and isinstance(fault["exc_info"], DBAPIError)
    assert not [word for word in ("Traceback", "SELECT", "sqlite", "submissions", "File ") if word in answer.text]
    assert rows(store, tables.leads) == []


class Unreadable(IndexFromFolder):
    """A site that breaks whoever looks at it."""

    async def current(self) -> PublicIndex:
        raise MemoryError("the site is too large")


@sqlite_only
@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_a_fault_in_what_answers_are_made_of_is_still_answered(
    client: TestClient, tmp_path: Path, accept: str
) -> None:
    """When the page itself cannot be made, a plain one is sent, with the headers of every answer."""
    app = client.app
    assert isinstance(app, FastAPI)
    app.state.index = Unreadable(tmp_path / "site")
    with capture_logs() as logs:
        answer = client.get(
            "/api/confirm/" + sign("confirm", {"whitepaper": "a-paper"}, KEYS), headers={"Accept": accept}
        )
    assert answer.status_code == 500
    assert "Something went wrong on our side. Please try again." in answer.text
    assert "too large" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "private, no-store"
    assert any("the site is too large" in repr(line.get("exc_info")) for line in logs)


@sqlite_only
def test_a_site_that_was_never_built_has_plain_answers(store: Store, tmp_path: Path) -> None:
    """Before the first build errors are whole pages of our own."""
    with doors(store, tmp_path) as client:
        for name in ("public-index.json", "page-shell.html"):
            (tmp_path / "site" / name).unlink()
        answer = client.get("/api/confirm/x")
    assert answer.status_code == 403
    assert answer.text.startswith("<!doctype html>") and "<h1>Not allowed</h1>" in answer.text


@sqlite_only
def test_what_an_error_says_is_never_markup(client: TestClient) -> None:
    """A method or a field's name that a program made up comes back as text."""
    page = client.request("<SCRIPT>ALERT(1)", "/api/leads")
    assert page.status_code == 405
    assert "&lt;SCRIPT&gt;ALERT(1)" in page.text and "<SCRIPT>" not in page.text
    typed = {"<script>": []}
    refused = client.post("/api/leads", json=typed, headers={"Accept": "text/html"})
    assert "&lt;script&gt;" in refused.text and "<script>" not in refused.text
