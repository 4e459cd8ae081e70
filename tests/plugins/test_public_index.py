"""The service learns from the index and its shards what a stranger may know of the site, and no more."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from small_sites import ALICE, MakeSite, post, public_posts
from test_sitemap import FILES
from whitepaper_files import AUTHOR, whitepaper

from leadapi.index_reading import IndexFromFolder
from plugins import public_index
from plugins.public_index import shard_digits


def index(output: Path) -> Any:
    """The index, parsed."""
    return json.loads((output / "public-index.json").read_text())


def test_the_index_names_what_exists(make_site: MakeSite) -> None:
    """Posts, whitepapers and pages with their facts; no draft, future or hidden post."""
    files = {**FILES, "articles/asking.md": post("On “Asking” & <b>", more="slug: on-asking\ncomments: closed\n")}
    output = make_site(files, theme="minimal")
    told = index(output)
    assert told["version"] == 2 and "posts" not in told
    assert told["site"] == {
        "name": "The Progress Coaching Blog",
        "url": "https://blog.example.com",
        "language": "en",
    }
    assert public_posts(output) == {
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
    read = IndexFromFolder(output).read()
    assert set(read.posts) == {"on-trust", "on-asking"} and read.shell


def test_a_preview_has_a_header_that_keeps_search_engines_away(make_site: MakeSite) -> None:
    """Netlify sends X-Robots-Tag with every file of a preview, and of no other site."""
    assert (make_site(FILES, theme="minimal", NOINDEX=True) / "_headers").read_text() == (
        "/*\n  X-Robots-Tag: noindex\n"
    )
    assert not (make_site(FILES, theme="minimal") / "_headers").exists()


MANY = {f"p{n}.md": post(f"P{n}") for n in range(40)} | {"authors/alice-archer.md": ALICE}


def shards(output: Path) -> dict[str, int]:
    """Each shard's file, which changes when it is written anew."""
    return {path.name: path.stat().st_mtime_ns for path in (output / "public-index").iterdir()}


@pytest.fixture
def in_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forty posts are many."""
    monkeypatch.setattr(public_index, "MOST_IN_SHARD", 10)


def test_a_small_blogs_posts_are_in_one_shard(make_site: MakeSite) -> None:
    """Which the index names with its SHA-256; a blog without posts has none."""
    output = make_site(MANY, theme="minimal")
    data = (output / "public-index" / "posts-all.json").read_bytes()
    assert index(output)["post_shards"] == {"all": sha256(data).hexdigest()}
    assert index(make_site({"extra/note": ""}, theme="minimal"))["post_shards"] == {}


@pytest.mark.usefixtures("in_shards")
def test_a_new_post_and_a_corrected_one_change_one_shard_each(make_site: MakeSite) -> None:
    """All others are left as they lie, and the service reads all of them."""
    output = make_site(MANY, theme="minimal")
    before, named = shards(output), index(output)["post_shards"]
    assert len(before) > 10 and all(len(key) == 1 for key in named)
    changed = {**MANY, "p3.md": post("P3", more="comments: closed\n"), "new.md": post("New")}
    make_site(changed, theme="minimal", keep_output=True)
    after = shards(output)
    assert 1 <= len(after.items() - before.items()) <= 2
    assert set(IndexFromFolder(output).read().posts) == {"new", *(f"p{n}" for n in range(40))}


@pytest.mark.usefixtures("in_shards")
def test_a_shard_that_lost_its_last_post_is_not_named(make_site: MakeSite) -> None:
    """Every shard that the index names is there and holds a post."""
    output = make_site(MANY, theme="minimal")
    fewer = {
        name: text for name, text in MANY.items() if name not in ("p1.md", "p2.md", "p3.md", "p4.md", "p5.md")
    }
    output = make_site(fewer, theme="minimal")
    assert len(public_posts(output)) == 35
    assert {f"posts-{key}.json" for key in index(output)["post_shards"]} == set(shards(output))


@pytest.mark.parametrize(
    ("count", "digits"), [(0, 0), (1_000, 0), (1_001, 1), (16_000, 1), (16_001, 2), (50_000, 2), (256_001, 3)]
)
def test_a_shard_holds_a_thousand_posts_at_most_on_average(count: int, digits: int) -> None:
    """There are as few shards as that allows: one, 16, 256 ..."""
    assert shard_digits(count) == digits
