"""The visitor's way to a whitepaper, for tests that begin somewhere on it."""

import re
from typing import Any

import html5lib
from doors import ORIGIN
from examples import sent
from starlette.testclient import TestClient

from leadapi.store import Store

FORM = {"email": "alice@example.com", "name": "Alice", "whitepaper": "a-paper", "post": "a-post", "cta": "end"}
JSON = {"Accept": "application/json"}


def page_of(answer: Any, language: str = "en") -> Any:
    """The answer as a valid document with one h1, a title and this language."""
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    document = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(answer.text)
    assert len(list(document.iter("h1"))) == 1
    assert document.get("lang") == language
    assert document.find("head/title").text
    return document


def link_in(letter: dict[str, str]) -> str:
    """The way into the service that the letter names."""
    found = re.search(rf"^{ORIGIN}(/api/\S+)$", letter["text"], re.MULTILINE)
    assert found
    return found[1]


def confirmed(client: TestClient, store: Store, form: dict[str, str] = FORM) -> str:
    """Go the way to the download link."""
    client.post("/api/leads", data=form)
    return str(client.post(link_in(sent(store)[-1]), headers=JSON).json()["download"])
