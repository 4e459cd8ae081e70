"""The product's doors on a small site, for tests that come in through them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.testclient import TestClient

from leadapi.app import with_doors
from leadapi.index_reading import IndexFromFolder
from leadapi.settings import Settings
from leadapi.store import Store

ORIGIN = "http://127.0.0.1:8000"
PAPER = {
    "title": "Führen & Coachen: “Better” People",
    "summary": "How to.",
    "url": "/whitepapers/a-paper/",
    "thanks_url": "/whitepapers/a-paper/thanks/",
    "language": "en",
    "edition": "1",
}
INDEX = {
    "version": 1,
    "site": {"name": "The Blog", "url": ORIGIN, "language": "en"},
    "style_hash": "sha256-x",
    "comments_etag": None,
    "posts": {
        "a-post": {"title": "A <Post>", "url": "/a-post/", "language": "en", "comments": "open"},
        "b-post": {"title": "B Post", "url": "/b-post/", "language": "en", "comments": "open"},
        "closed": {"title": "Closed", "url": "/closed/", "language": "en", "comments": "closed"},
    },
    "whitepapers": {"a-paper": PAPER, "b-paper": PAPER | {"title": "B Paper", "edition": "2"}},
    "pages": {},
    "consents": {"en-1": {"language": "en", "text": "Yes, you may also send me articles."}},
}
SHELL = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>[[shell:title]]</title></head>'
    "<body><header>The Blog</header><main>[[shell:main]]</main></body></html>"
)
PDF = b"%PDF-1.7 " + bytes(range(256)) * 40


@contextmanager
def doors(store: Store, folder: Path, **changed: Any) -> Iterator[TestClient]:
    """A client in front of the routes, as a browser on the site sends; `changed` settings on top."""
    site = folder / "site"
    site.mkdir(exist_ok=True)
    (site / "public-index.json").write_text(json.dumps(INDEX))
    (site / "page-shell.html").write_text(SHELL)
    (folder / "papers" / "a-paper").mkdir(parents=True, exist_ok=True)
    (folder / "papers" / "a-paper" / "1.pdf").write_bytes(PDF)
    settings = Settings(
        env="development",
        secret_keys=("the first key that nobody guesses", "the second key that nobody guesses"),
        site_url=ORIGIN,
        mail_from="blog@example.com",
        owner_email="owner@example.com",
        owner_notices="off",
        whitepaper_dir=folder / "papers",
        site_dir=site,
    ).model_copy(update=changed)
    app = with_doors(FastAPI(), settings)
    app.state.store, app.state.index, app.state.builds = store, IndexFromFolder(site), None
    with TestClient(app, base_url=ORIGIN, follow_redirects=False) as client:
        yield client
