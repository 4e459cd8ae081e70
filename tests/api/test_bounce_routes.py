"""A mail service tells of bounces and complaints: signed, once, and nothing from a stranger."""

import json
from base64 import b64decode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from doors import doors
from examples import rows
from standardwebhooks import Webhook
from starlette.testclient import TestClient

from leadapi import bounces, tables
from leadapi.address_hashes import address_hash
from leadapi.store import Store

KEY = "a key for hashes that nobody guesses"
KEYS = ("the newest key that nobody guesses", "the key before that nobody guesses")
NEW, OLD, FOREIGN = map(bounces.secret, (*KEYS, "a key of somebody else"))
ALICE, BOB = (
    {"type": kind, "address": f"{who}@example.com"} for kind, who in (("bounce", "Alice"), ("complaint", "bob"))
)


@pytest.fixture
def client(store: Store, tmp_path: Path) -> Iterator[TestClient]:
    with doors(store, tmp_path, hash_key=KEY, secret_keys=KEYS) as client:
        yield client


def tell(client: TestClient, body: Any, secret: str = NEW, at: datetime | None = None, **headers: str) -> Any:
    text = body if isinstance(body, str) else json.dumps(body)
    at = at or datetime.now(UTC)
    signed = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign("msg_1", at, text),
        "content-type": "application/json",
    }
    return client.post("/api/bounces", content=text.encode(), headers=signed | headers)


def reasons(store: Store) -> set[tuple[str, str]]:
    return {(row.address_hash, row.reason) for row in rows(store, tables.suppressions)}


def test_what_is_signed_is_noted_once(client: TestClient, store: Store) -> None:
    """One report or a list; what comes again changes nothing, and other types are passed over."""
    assert tell(client, ALICE).json() == {"status": "noted", "reports": 1, "new": 1, "passed_over": 0}
    at = datetime.now(UTC) - timedelta(minutes=1)
    soft = ALICE | {"address": "carol@example.com", "hard": False}
    both = [ALICE, BOB, BOB, soft, {"type": "delivery"}]
    for news in (1, 0):
        answer = tell(client, both, OLD, at)
        assert answer.json() == {"status": "noted", "reports": 3, "new": news, "passed_over": 2}
    assert reasons(store) == {
        (address_hash("alice@example.com", KEY), "bounced"),
        (address_hash("bob@example.com", KEY), "complained"),
    }


@pytest.mark.parametrize(
    "headers",
    [
        {"webhook-signature": "v1,AAAA"},
        {"webhook-signature": "nonsense"},
        {"webhook-signature": "v1,%%%"},
        {"webhook-signature": ""},
        {"webhook-id": "msg_2"},
        {"webhook-timestamp": "nan"},
        {"webhook-timestamp": "1e400"},
        {"webhook-timestamp": "-1"},
    ],
    ids=str,
)
def test_what_is_not_signed_as_it_stands_is_refused(
    client: TestClient, store: Store, headers: dict[str, str]
) -> None:
    """A wrong signature, id or time is a 403, and nothing is noted."""
    assert tell(client, ALICE, **headers).status_code == 403
    assert reasons(store) == set()


def test_a_foreign_secret_and_an_old_request_are_refused(client: TestClient, store: Store) -> None:
    """Neither another's signature nor one of ten minutes ago counts, nor a body that was changed."""
    assert tell(client, ALICE, FOREIGN).status_code == 403
    assert tell(client, ALICE, at=datetime.now(UTC) - timedelta(minutes=10)).status_code == 403
    assert client.post("/api/bounces", json=ALICE).json()["error"]["code"] == "bad_signature"
    assert client.post("/api/bounces", content=b"\xff").status_code == 403
    assert reasons(store) == set()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("{", 400),
        ("[" * 20_000, 400),
        ("null", 422),
        ("[1]", 422),
        ({"type": "bounce"}, 422),
        ({"type": "bounce", "address": "nobody"}, 422),
        ({"type": "bounce", "address": ["alice@example.com"]}, 422),
        ({"type": 7, "address": "alice@example.com"}, 422),
        ([ALICE, {"type": "complaint", "address": "a\nb@example.com"}], 422),
        ('{"type": "bounce", "address": "\\ud800@example.com"}', 422),
        ([], 200),
    ],
)
def test_what_cannot_be_understood_is_told_in_a_sentence(
    client: TestClient, store: Store, body: Any, status: int
) -> None:
    """Well signed, but no report: all of it is refused, so that nothing is noted by half."""
    answer = tell(client, body)
    assert answer.status_code == status
    assert status == 200 or answer.json()["error"]["message"].endswith(".")
    assert reasons(store) == set()


def test_the_secret_is_no_key_and_each_key_has_its_own() -> None:
    """What a mail service is given signs nothing else, and is as long as Standard Webhooks asks."""
    assert len({NEW, OLD, FOREIGN}) == 3
    assert all(secret.startswith("whsec_") and len(b64decode(secret[6:])) == 32 for secret in (NEW, OLD))
    assert not {NEW, OLD} & set(KEYS)


def test_a_bounce_counts_from_when_it_was_signed(client: TestClient, store: Store) -> None:
    """So a delivery that comes twice within its five minutes does not make it last longer."""
    with time_machine.travel(datetime(2026, 3, 1, 9, 30, tzinfo=UTC), tick=False) as clock:
        at = datetime.now(UTC)
        tell(client, ALICE)
        clock.shift(240)
        assert tell(client, ALICE, at=at).json()["new"] == 0
    assert rows(store, tables.suppressions)[0].created_at == at
