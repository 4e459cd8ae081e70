"""Whatever address is asked for, what is shown is the site's."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from doors import ORIGIN, doors
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient
from wire_server import ask, served

from leadapi.store import Store

NOT_HERE = "<!doctype html><title>Not here</title>"
SECRET = "the secret"


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """These promises need no second database."""
    return f"sqlite:///{tmp_path}/leadapi.sqlite3"


@pytest.fixture
def client(store: Store, tmp_path: Path) -> Iterator[TestClient]:
    """In front of a site with secrets beside it and links that lead to them."""
    for name, text in {
        "site/a-post/index.html": "<!doctype html><title>A post</title>",
        "site/404.html": NOT_HERE,
        "secret.txt": SECRET,
        "index.html": SECRET,
        "site-of-others/index.html": SECRET,
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "site" / "link.txt").symlink_to(tmp_path / "secret.txt")
    (tmp_path / "site" / "linked").symlink_to(tmp_path)
    (tmp_path / "site" / "round").symlink_to("round")
    with doors(store, tmp_path) as client:
        yield client


TRAVERSALS = [
    "/../secret.txt",
    "/%2e%2e/secret.txt",
    "/..%2fsecret.txt",
    "/a-post/../../secret.txt",
    "/a-post/%2e%2e/%2e%2e/secret.txt",
    "/%252e%252e/secret.txt",
    "/..\\secret.txt",
    "/..%5csecret.txt",
    "//etc/passwd",
    "/%2Fetc/passwd",
    "/../site-of-others/",
    "/..%c0%afsecret.txt",
    "/link.txt",
    "/linked/secret.txt",
    "/linked/",
    "/round",
    "/round/index.html",
    "/index.html%00.txt",
    "/%00",
    "/a-post/%00/",
    "/" + "a" * 300,
    "/" + "a/" * 3000,
    "/%ff%fe",
    "/%ed%a0%80",
    "/%",
    "/%zz",
    "/~root/",
    "/:/",
]


def test_nothing_outside_the_site_is_ever_shown(client: TestClient) -> None:
    """Over a real wire, whatever the address: dots, links that lead out, circles of links, NUL, endless names."""
    assert isinstance(client.app, FastAPI)
    with served(client.app) as port:
        for path in TRAVERSALS:
            (answer,) = ask(port, f"GET {path} HTTP/1.1\r\nHost: blog\r\nConnection: close\r\n\r\n".encode())
            assert (path, answer.status, answer.body) == (path, 404, NOT_HERE.encode())


PIECE = st.sampled_from(["..", ".", "", "a-post", "index.html", "secret.txt", "%2e%2e", "%00", "%2f", "%"])
BYTES_OF_A_PIECE = st.binary(max_size=8).map(lambda raw: "".join(f"%{byte:02X}" for byte in raw))
ASKED = st.dictionaries(
    st.sampled_from(["Range", "If-Range", "If-None-Match", "If-Modified-Since", "Accept-Encoding", "Accept"]),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40),
    max_size=4,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pieces=st.lists(PIECE | BYTES_OF_A_PIECE, max_size=8), headers=ASKED)
def test_no_address_makes_a_server_error(client: TestClient, pieces: list[str], headers: dict[str, str]) -> None:
    """Any address with any headers gets a file of the site, a redirect inside it, or a 4xx."""
    answer = client.get(f"{ORIGIN}/{'/'.join(pieces)}", headers=headers)
    assert answer.status_code in (200, 206, 304, 307, 404, 416)
    assert SECRET not in answer.text
    assert not answer.headers.get("location", "/x").startswith("//")
