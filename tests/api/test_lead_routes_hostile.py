"""What the doors of the form answer to hostile bodies."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from doors import doors
from examples import ODDITIES
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lead_steps import FORM, JSON, page_of
from starlette.testclient import TestClient

from leadapi.store import Store

ODD = st.text(st.characters(), max_size=80) | st.sampled_from(ODDITIES)
JSON_VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ODD,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ODD, inner, max_size=3),
    max_leaves=6,
)
FIELD = st.sampled_from([*FORM, "company", "marketing_consent", "submission_id", "website", "page", "surprise"])
CALM = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

# For promises of the doors alone, which need no second database.
sqlite_only = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def client(store: Store, tmp_path: Path) -> Iterator[TestClient]:
    with doors(store, tmp_path) as client:
        yield client


@CALM
@given(
    changed=st.dictionaries(FIELD, JSON_VALUE, max_size=4),
    accept=st.sampled_from(["application/json", "text/html"]),
)
def test_no_json_makes_a_server_error(client: TestClient, changed: dict[str, Any], accept: str) -> None:
    """Whatever a program sends, the answer is an acceptance or a refusal with a reason, in the asked form."""
    answer = client.post(
        "/api/leads",
        content=json.dumps(FORM | changed),
        headers={"Content-Type": "application/json", "Accept": accept},
    )
    assert answer.status_code in (202, 303, 400, 409, 413, 422, 429)
    if answer.status_code >= 400:
        assert answer.json()["error"]["message"] if "json" in accept else page_of(answer)


@CALM
@given(changed=st.dictionaries(FIELD, st.binary(max_size=60) | ODD, max_size=4), referer=ODD)
def test_no_form_makes_a_server_error(client: TestClient, changed: dict[str, Any], referer: str) -> None:
    """Whatever bytes a form holds, and wherever it says it comes from, it is taken or refused with a page."""
    data = {
        name: value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
        for name, value in (FORM | changed).items()
    }
    body = "&".join(f"{name}=" + "".join(f"%{byte:02X}" for byte in value) for name, value in data.items())
    answer = client.post(
        "/api/leads",
        content=body,
        headers={
            b"Content-Type": b"application/x-www-form-urlencoded",
            b"Referer": re.sub("[\x00-\x1f\x7f]", "", referer).encode("utf-8", "replace"),
        },
    )
    assert answer.status_code in (303, 409, 422, 429)
    if answer.status_code != 303:
        page_of(answer)


@sqlite_only
@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"x" * 1_000_000, "application/x-www-form-urlencoded", 413),
        (b'{"email": ["a"]}', "application/json", 400),
        (b"[1,2]", "application/json", 400),
        (b"null", "application/json", 400),
        (b"[" * 30_000, "application/json", 400),
        (b'{"a": ' + b"9" * 20_000 + b"}", "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b"not a multipart", "multipart/form-data", 400),
        (b"--x\r\nContent-Disposition: form-data\r\n\r\n", "multipart/form-data; boundary=x", 400),
        (b"hello", "text/plain", 415),
        (b"", "", 415),
        (b"&".join(b"f%d=1" % n for n in range(5_000)), "application/x-www-form-urlencoded", 400),
    ],
    ids=[str(number) for number in range(12)],
)
def test_a_body_that_cannot_be_read_is_refused_by_name(
    client: TestClient, body: bytes, kind: str, status: int
) -> None:
    """Each kind of unreadable body has its own status, and a sentence."""
    headers = JSON | ({"Content-Type": kind} if kind else {})
    answer = client.post("/api/leads", content=body, headers=headers)
    assert answer.status_code == status
    assert answer.json()["error"]["message"].endswith(".")
