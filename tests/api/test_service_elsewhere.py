"""A service at an address of its own, beside a host that passes nothing on to it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from doors import ORIGIN, doors
from examples import rows, sent
from starlette.testclient import TestClient

from leadapi import tables
from leadapi.attribution import source
from leadapi.site_routes import ToTheSite
from leadapi.store import Store

API = "https://leads.example.com"
LEAD = {"email": "alice@example.com", "name": "Alice", "whitepaper": "a-paper", "post": "a-post"}

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def client(store: Store, tmp_path: Path) -> Iterator[TestClient]:
    with doors(store, tmp_path, api_url=API) as client:
        client.app.router.default = ToTheSite(ORIGIN)  # type: ignore[attr-defined] # as with_doors without SITE_DIR
        yield client


def test_letters_lead_to_the_service(client: TestClient, store: Store) -> None:
    """The link that confirms begins with the service's address, and the blog's stays the site's."""
    assert client.post("/api/leads", data=LEAD).status_code == 303
    [letter] = sent(store)
    assert f"{API}/api/confirm/" in letter["text"]
    assert f"{ORIGIN}/api/" not in letter["text"] and f"{ORIGIN}/" in letter["text"]


@pytest.mark.parametrize("path", ["/", "/archives/", "/favicon.svg", "//other.example/", "/a%20b/?x=1"])
def test_the_blogs_links_lead_to_the_blog(client: TestClient, path: str) -> None:
    """The header of our own pages links from the root: at the service's address the site answers for it."""
    answer = client.get(f"{API}{path}")
    assert answer.status_code == 302
    assert answer.headers["location"].startswith(f"{ORIGIN}/")


@pytest.mark.parametrize("path", ["/api/nothing", "/admin/nothing"])
def test_our_own_rooms_lead_nowhere_else(client: TestClient, path: str) -> None:
    """What is not there below our own addresses is a 404."""
    assert client.get(path).status_code == 404
    assert client.post("/archives/", data=LEAD).status_code == 404


def test_the_script_names_the_page_that_the_browser_does_not(client: TestClient, store: Store) -> None:
    """Another origin is told ours alone; then the page that the form sends counts, with its campaign."""
    page = "/a-post/?utm_source=mail"
    assert (
        client.post("/api/leads", data=LEAD | {"page": page}, headers={"Referer": f"{ORIGIN}/"}).status_code == 303
    )
    [row] = rows(store, tables.submissions)
    assert (row.page, row.utm_source) == (page, "mail")
    told = source(f"{ORIGIN}/b-post/", [ORIGIN], page)
    assert (told.page, told.utm) == ("/b-post/", ())
