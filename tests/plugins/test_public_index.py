"""The service learns from one file what a stranger may know of the site, and no more."""

import json
from pathlib import Path
from typing import Any

from small_sites import MakeSite, post
from test_sitemap import FILES
from whitepaper_files import AUTHOR, whitepaper

from leadapi.public_index import parse


def index(output: Path) -> Any:
    """The index, parsed."""
    return json.loads((output / "public-index.json").read_text())


def test_the_index_names_what_exists(make_site: MakeSite) -> None:
    """Posts, whitepapers and pages with their facts; no draft, future or hidden post."""
    files = {**FILES, "articles/asking.md": post("On “Asking” & <b>", more="slug: on-asking\ncomments: closed\n")}
    told = index(make_site(files, theme="minimal"))
    assert told["version"] == 1
    assert told["site"] == {
        "name": "The Progress Coaching Blog",
        "url": "https://blog.example.com",
        "language": "en",
    }
    assert told["posts"] == {
        "on-trust": {"title": "On Trust", "url": "/on-trust/", "language": "en", "comments": "open"},
        "on-asking": {"title": "On “Asking” & <b>", "url": "/on-asking/", "language": "en", "comments": "closed"},
    }
    assert told["whitepapers"] == {
        "asking": {
            "title": "Asking",
            "summary": "How to ask.",
            "url": "/whitepapers/asking/",
            "thanks_url": "/whitepapers/asking/thanks/",
            "language": "en",
            "edition": "1",
            "fields": {"name": "required", "company": "optional"},
        }
    }
    assert told["pages"] == {"about": {"title": "About", "url": "/about/"}}
    assert told["shells"] == []
    assert told["comments_etag"] is None and told["style_hash"].startswith("sha256-")


def test_the_index_names_every_consent_that_was_ever_asked(make_site: MakeSite) -> None:
    """The service finds the words of each version, in whatever language, and the earlier ones too."""
    texts = {"en-1": "Yes.", "pt-BR-1": "Sim.", "en-2": "Yes, please."}
    told = index(make_site(FILES, theme="minimal", CONSENT_TEXTS=texts))
    assert told["consents"] == {
        "en-1": {"language": "en", "text": "Yes."},
        "en-2": {"language": "en", "text": "Yes, please."},
        "pt-BR-1": {"language": "pt-BR", "text": "Sim."},
    }


def test_a_whitepaper_says_what_its_form_asks(make_site: MakeSite) -> None:
    """Only what is asked beside the address is named, and whether it must be answered."""
    files = {
        **AUTHOR,
        "whitepapers/a.md": whitepaper("A", "a", more="fields: {phone: optional, name: optional}\n"),
        "whitepapers/b.md": whitepaper("B", "b", more="fields: {}\n"),
    }
    told = index(make_site(files, theme="minimal"))["whitepapers"]
    assert told["a"]["fields"] == {"name": "optional", "phone": "optional"}
    assert told["b"]["fields"] == {}


def test_the_service_understands_the_index(make_site: MakeSite) -> None:
    """What the build writes is what leadapi reads."""
    output = make_site(FILES, theme="minimal")
    read = parse((output / "public-index.json").read_text(), (output / "page-shell.html").read_text())
    assert set(read.posts) == {"on-trust", "on-asking"} and read.shell


def test_a_preview_has_a_header_that_keeps_search_engines_away(make_site: MakeSite) -> None:
    """Netlify sends X-Robots-Tag with every file of a preview, and of no other site."""
    assert (make_site(FILES, theme="minimal", NOINDEX=True) / "_headers").read_text() == (
        "/*\n  X-Robots-Tag: noindex\n"
    )
    assert not (make_site(FILES, theme="minimal") / "_headers").exists()
