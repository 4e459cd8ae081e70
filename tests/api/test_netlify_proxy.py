"""Behind Netlify's proxy every visitor counts for himself, and nobody else's word is believed."""

import tomllib
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import jwt
import pytest
from doors import doors
from examples import ODDITIES, by_network
from project_copy import ROOT
from starlette.datastructures import Headers

from leadapi.netlify_proxy import visitor
from leadapi.store import Store

SECRET = "vJ8sW0pZq3tYb6nXe1rKd5mHc9gUa2fL"
OTHER = "h4RkT7yQw2NcZx9VbLs6Jd1PfGm3Ae8U"
NOW = datetime.now(UTC)
CLAIMS = {
    "deploy_context": "production",
    "netlify_id": "a-site",
    "site_url": "https://blog.example.com",
    "iss": "netlify",
    "iat": NOW,
    "exp": NOW + timedelta(days=1),  # Netlify says minutes; a run of all tests takes longer
}
VISITOR, EDGE, PROXY = "198.51.100.7", "203.0.113.9", "127.0.0.1"


def signed(secret: str = SECRET, algorithm: str = "HS256", **changed: Any) -> str:
    """What Netlify sends as X-Nf-Sign; a claim that is changed to None is left out."""
    claims = {name: value for name, value in (CLAIMS | changed).items() if value is not None}
    return jwt.encode(claims, secret, algorithm)


def headers(*signatures: str, address: str = VISITOR) -> Headers:
    raw = [(b"x-nf-sign", signature.encode("latin-1")) for signature in signatures]
    return Headers(raw=[*raw, (b"x-nf-client-connection-ip", address.encode())])


def test_netlifys_word_is_believed() -> None:
    """With a good signature the address is the one that Netlify saw; clocks may differ by some seconds."""
    assert visitor(headers(signed()), SECRET) == VISITOR
    assert visitor(headers(signed(iat=NOW + timedelta(seconds=20))), SECRET) == VISITOR


@pytest.mark.parametrize(
    "signatures",
    [
        [],
        [signed(OTHER)],
        [signed(exp=NOW - timedelta(minutes=2))],
        [signed(exp=None)],
        [signed(iss="mallory")],
        [signed(iss=None)],
        [signed("", "none")],
        [signed(SECRET * 2, "HS512")],
        [signed()[:-4] + "AAAA"],
        [signed(), signed()],
        [""],
        ["a.b.c"],
        ["\xff\xfe"],
    ],
    ids=[
        "none",
        "other key",
        "expired",
        "for ever",
        "other issuer",
        "no issuer",
        "unsigned",
        "other way",
        "cut",
        "twice",
        "empty",
        "nonsense",
        "no text",
    ],
)
def test_nobody_elses_word_is(signatures: list[str]) -> None:
    """Unsigned, signed by somebody else or in another way, expired, for ever, twice: all are nothing."""
    assert visitor(headers(*signatures), SECRET) is None


def test_without_a_secret_nothing_is_believed() -> None:
    """An empty key signs nothing, and a visitor who sends two addresses is none of Netlify's."""
    assert visitor(headers(signed()), "") is None
    doubled = Headers(raw=[*headers(signed()).raw, (b"x-nf-client-connection-ip", b"192.0.2.1")])
    assert visitor(doubled, SECRET) is None


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("sent", "network"),
    [
        ({"X-Nf-Sign": signed(), "X-Nf-Client-Connection-Ip": VISITOR}, "198.51.100.0/24"),
        ({"X-Nf-Sign": signed(), "X-Nf-Client-Connection-Ip": "2001:db8::7"}, "2001:db8::/64"),
        ({"X-Nf-Sign": signed(), "X-Nf-Client-Connection-Ip": "nonsense"}, "203.0.113.0/24"),
        ({"X-Nf-Sign": signed()}, "203.0.113.0/24"),
        ({"X-Nf-Client-Connection-Ip": VISITOR}, "203.0.113.0/24"),
        ({"X-Nf-Sign": signed(OTHER), "X-Nf-Client-Connection-Ip": VISITOR}, "203.0.113.0/24"),
        (
            {"X-Nf-Sign": signed(exp=NOW - timedelta(hours=1)), "X-Nf-Client-Connection-Ip": VISITOR},
            "203.0.113.0/24",
        ),
    ],
)
def test_a_visitor_behind_two_proxies_counts_for_his_network(
    store: Store, tmp_path: Path, sent: dict[str, str], network: str
) -> None:
    """Through Netlify and a proxy of ours the visitor counts; what is not signed counts for Netlify."""
    form = {"email": "alice@example.com", "name": "Alice", "whitepaper": "a-paper", "post": "a-post"}
    with doors(store, tmp_path, trusted_proxies=(ip_network(PROXY),), netlify_secret=SECRET) as client:
        client._transport.client = (PROXY, 4711)  # type: ignore[attr-defined] # whom the test client plays
        forwarded = {"X-Forwarded-For": f"{VISITOR}, {EDGE}"}
        assert client.post("/api/leads", data=form, headers=forwarded | sent).status_code == 303
    assert set(by_network(store)) == {network}


@pytest.mark.parametrize("oddity", ODDITIES)
def test_odd_headers_are_nothing(oddity: str) -> None:
    """Whatever stands there is no signature, and breaks nothing."""
    odd = oddity.encode("utf-8", "replace")
    raw = [(b"x-nf-sign", odd), (b"x-nf-client-connection-ip", odd)]
    assert visitor(Headers(raw=raw), SECRET) is None


def test_netlify_signs_what_it_brings() -> None:
    """Each redirect to the service names the variable that the service reads too."""
    redirects = tomllib.loads((ROOT / "netlify.toml").read_text())["redirects"]
    assert {rule.get("signed") for rule in redirects} == {"LEADAPI_NETLIFY_SECRET"}
