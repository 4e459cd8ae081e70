"""Production on one server, as docs/operators.md has it: leadapi serves `make publish`, and builds it again."""

import re
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from machines import POST, Server, fetch, fetch_json, free_port, keys, letters, link_in, wait_until
from project_copy import clean_environment, copy_project

BLOG = "https://blog.example.net"


@pytest.fixture
def blog(tmp_path: Path) -> Iterator[Server]:
    """Published once by hand, without the service; then the service, with settings of its own alone."""
    project, port = copy_project(tmp_path / "project"), free_port()
    publish = ["make", "--no-print-directory", "publish", f"PY={sys.executable}"]
    environment = clean_environment(SITE_URL=BLOG)
    subprocess.run(publish, cwd=project, env=environment, check=True, capture_output=True, timeout=120)
    settings = {
        "LEADAPI_SITE_URL": BLOG,
        "LEADAPI_SITE_DIR": "output",
        "LEADAPI_BUILD_COMMAND": " ".join(publish),
        "LEADAPI_MAIL_URL": f"file://{project}/var/mail",
        "LEADAPI_MAIL_FROM": "blog@example.com",
        "LEADAPI_OWNER_EMAIL": "owner@example.com",
        **keys(),
    }
    service = [sys.executable, "-m", "leadapi"]
    subprocess.run([*service, "migrate"], cwd=project, env=clean_environment(**settings), check=True)
    server = Server([*service, "serve", "--port", str(port)], project, f"http://127.0.0.1:{port}", **settings)
    yield server.start()
    server.stop()


def canonical(page: str) -> str:
    """The element that says where the page is at home."""
    [element] = [link for link in re.findall("<link[^>]*>", page) if "canonical" in link]
    return str(element)


def send(url: str, **fields: str) -> None:
    """Send a form."""
    data = urllib.parse.urlencode(fields).encode()
    request = urllib.request.Request(url, data, {"Accept": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status in (200, 202)


def test_an_approved_reply_becomes_part_of_the_published_page(blog: Server) -> None:
    """The build that an approval starts knows the blog's address and where the comments are."""
    first = fetch(f"{blog.url}/{POST}/")[1].decode()
    address = f"{BLOG}/{POST}/"
    assert address in canonical(first)
    reply = {"name": "Bob", "email": "bob@example.com", "body": "This is remarkable."}
    send(f"{blog.url}/api/comments", post=POST, **reply)
    letter = wait_until(lambda: letters(blog.folder / "var" / "mail", "owner@example.com"), "the owner is asked")[
        0
    ]
    send(link_in(letter, "moderate").replace(BLOG, blog.url), decision="approve")

    page = wait_until(
        lambda: (body := fetch(f"{blog.url}/{POST}/")[1].decode()) and "This is remarkable." in body and body,
        "the page is built with the reply",
    )
    assert address in canonical(page)
    assert f"<loc>{address}</loc>" in fetch(f"{blog.url}/sitemap.xml")[1].decode()
    with urllib.request.urlopen(f"{blog.url}/api/comments", timeout=10) as answer:
        assert fetch_json(f"{blog.url}/public-index.json")["comments_etag"] == answer.headers["ETag"]
    wait_until(lambda: '"site_built"' in blog.log.read_text(), "the build has ended")
    assert blog.log.read_text().count('"site_built"') == 1
