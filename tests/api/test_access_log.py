"""The log says how the service does, and nothing of who asks."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from doors import doors
from examples import rows, sent
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from leadapi import tables
from leadapi.store import Store

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

FORM = {"email": "alice@example.com", "name": "Alice Liddell", "whitepaper": "a-paper", "post": "a-post"}
COMMENT = {"email": "bob@example.com", "name": "Bob", "post": "a-post", "body": "Well said."}


@pytest.fixture
def client(store: Store, tmp_path: Path) -> Iterator[TestClient]:
    with doors(store, tmp_path) as client:
        client.headers["X-Forwarded-For"] = "192.0.2.77"
        yield client


@pytest.fixture
def logs() -> Iterator[list[Any]]:
    with capture_logs() as logs:
        yield logs


def tokens(store: Store) -> list[str]:
    """The token of each link in each letter."""
    return [
        word.rpartition("/")[2] for letter in sent(store) for word in letter["text"].split() if "/api/" in word
    ]


def test_each_answer_is_one_line_of_route_and_status(client: TestClient, logs: list[Any]) -> None:
    """The route's template stands for the address, and every line has the same five words."""
    asked = [
        ("GET", "/api/confirm/a-token", "/api/confirm/{token}", 403),
        ("POST", "/api/confirm/a-token", "/api/confirm/{token}", 403),
        ("GET", "/api/downloads/a-token", "/api/downloads/{token}", 403),
        ("PUT", "/api/moderate/a-token", "/api/moderate/{token}", 405),
        ("GET", "/api/comments/a-post", "/api/comments/{post}", 200),
        ("POST", "/api/leads", "/api/leads", 415),
        ("GET", "/nothing?email=alice@example.com", "site", 404),
        ("GET", "/public-index.json", "site", 200),
    ]
    for method, path, _, _ in asked:
        client.request(method, path)
    lines = [line for line in logs if line["event"] == "answered"]
    assert [(line["method"], line["route"], line["status"]) for line in lines] == [
        (m, r, s) for m, _, r, s in asked
    ]
    assert {frozenset(line) for line in lines} == {
        frozenset({"event", "log_level", "method", "route", "status", "ms"})
    }
    assert all(0 <= line["ms"] < 60_000 for line in lines)


def test_no_line_names_anybody(client: TestClient, store: Store, logs: list[Any]) -> None:
    """After the whole journey, with errors on the way, no log holds a token, a name, an address or a whole IP."""
    client.post("/api/leads", data=FORM)
    client.post("/api/leads", data=FORM | {"email": "alice@"}, headers={"Referer": "http://evil.example.com/?x=y"})
    client.post("/api/comments", data=COMMENT)
    secrets = tokens(store)
    assert len(secrets) == 3  # to confirm, never to be written to again, to moderate
    for token in secrets:
        for path in (f"/api/confirm/{token}", f"/api/moderate/{token}", f"/api/downloads/{token}x"):
            for method in ("GET", "POST", "PUT"):
                client.request(method, path, data={"decision": "approve"} if method == "POST" else None)
    told = json.dumps(logs, default=str)
    assert len(logs) > 15
    named = ["alice", "Liddell", "bob@", "Bob", "192.0.2.77", "127.0.0.1", "testclient", "evil.example.com"]
    assert [word for word in [*secrets, *named] if word in told] == []
    assert [lead.status for lead in rows(store, tables.leads)] == ["confirmed"]


def test_a_fault_is_logged_by_its_route_and_with_its_trace(client: TestClient, logs: list[Any]) -> None:
    """The trace is in the log and not on the page; the token is in neither."""

    async def fail(token: str) -> None:
        raise LookupError("what went wrong")

    client.app.router.add_api_route("/api/faults/{token}", fail)  # type: ignore[attr-defined] # FastAPI's own router
    answer = client.get("/api/faults/a-token")
    assert answer.status_code == 500
    assert "what went wrong" not in answer.text
    assert "Traceback" not in answer.text
    fault, line = logs
    assert (fault["event"], fault["route"]) == ("unforeseen_error", "/api/faults/{token}")
    assert repr(fault["exc_info"]) == "LookupError('what went wrong')"
    assert (line["event"], line["route"], line["status"]) == ("answered", "/api/faults/{token}", 500)
    assert "a-token" not in json.dumps(logs, default=str)
