"""Three feeds tell the same posts, whole and valid, to readers that are far from the site."""

import json
import re
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import feedparser
import pytest
from small_sites import ALICE, MakeSite, post

from plugins.feeds import absolute

ATOM = "{http://www.w3.org/2005/Atom}"
SITE = "https://blog.example.com"
WHITEPAPER = """---
title: Ask & Listen
slug: ask-and-listen
summary: How to ask.
edition: "1"
language: en
date: 2023-01-01
author: Alice Archer
---
## One
Text.
"""
BODY = """See [the other](/on-asking/), [the picture]({static}/images/dot.svg) and [below](#end).

![A dot]({static}/images/dot.svg)

[whitepaper: ask-and-listen]

[Mail](mailto:alice@example.com), and a <span id="end">note</span>.[^1] A < B & C.

[^1]: The note.
"""
FILES = {
    "articles/trust.md": post(
        "On Trust", "2024-01-02", BODY, tags="[trust, Coaching]", more="modified: 2024-03-01\n"
    ),
    "articles/asking.md": post("On “Asking” & 1 < 2", "2024-02-03 10:30", more="slug: on-asking\n"),
    "articles/secret.md": post("On Secrets", more="status: hidden\n"),
    "articles/draft.md": post("On Drafts", more="status: draft\n"),
    "authors/alice-archer.md": ALICE,
    "whitepapers/ask.md": WHITEPAPER,
    "images/dot.svg": "<svg xmlns='http://www.w3.org/2000/svg'/>",
}


@pytest.fixture
def output(make_site: MakeSite) -> Path:
    """A site of two posts, a hidden one and a draft."""
    return make_site(FILES, theme="minimal")


def json_feed(output: Path) -> Any:
    """The JSON feed, parsed."""
    return json.loads((output / "feed.json").read_text())


@pytest.mark.parametrize("name", ["feed.atom", "feed.rss"])
def test_a_feed_reader_finds_nothing_wrong(output: Path, name: str) -> None:
    """feedparser reads the feed without complaint and finds what a reader shows."""
    feed = feedparser.parse(str(output / name))
    assert feed.bozo == 0
    assert feed.feed.title == "The Progress Coaching Blog" and feed.feed.language == "en"
    newest, older = feed.entries
    assert (newest.title, older.title) == ("On “Asking” & 1 < 2", "On Trust")
    assert (older.link, older.id) == (f"{SITE}/on-trust/",) * 2
    assert older.author == "Alice Archer"
    assert [tag.term for tag in older.tags] == ["Coaching", "trust"]
    assert older.published_parsed[:5] == (2024, 1, 2, 6, 0)


def test_the_three_feeds_agree(output: Path) -> None:
    """Ids, addresses, texts and dates are the same in each; hidden posts and drafts are in none."""
    items = json_feed(output)["items"]
    atom = ElementTree.parse(output / "feed.atom").getroot().findall(f"{ATOM}entry")
    rss = ElementTree.parse(output / "feed.rss").getroot().findall("channel/item")
    for of_atom, of_rss, of_json in (
        (f"{ATOM}id", "guid", "id"),
        (f"{ATOM}content", "description", "content_html"),
        (f"{ATOM}title", "title", "title"),
    ):
        told = [item[of_json] for item in items]
        assert [entry.findtext(of_atom) for entry in atom] == told
        assert [entry.findtext(of_rss) for entry in rss] == told
    assert [entry.findtext(f"{ATOM}published") for entry in atom] == [item["date_published"] for item in items]
    assert [item["title"] for item in items] == ["On “Asking” & 1 < 2", "On Trust"]


def test_the_atom_feed_keeps_the_rules_of_rfc_4287(output: Path) -> None:
    """Each rule of RFC 4287, 4.1.1 and 4.1.2, that a blog can break, is held."""
    root = ElementTree.parse(output / "feed.atom").getroot()
    assert root.tag == f"{ATOM}feed"
    entries = root.findall(f"{ATOM}entry")
    assert len(entries) == 2
    for element in (root, *entries):
        for name in ("id", "title", "updated"):
            assert len(element.findall(f"{ATOM}{name}")) == 1, name
        for name in ("subtitle", "published", "summary", "content", "rights", "generator", "icon", "logo"):
            assert len(element.findall(f"{ATOM}{name}")) <= 1, name
        [author] = element.findall(f"{ATOM}author")
        assert len(author.findall(f"{ATOM}name")) == 1 and len(author.findall(f"{ATOM}uri")) <= 1
        assert re.fullmatch(r"https://\S+", element.findtext(f"{ATOM}id") or "")
        for name in ("updated", "published"):
            for date in element.findall(f"{ATOM}{name}"):
                assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d([+-]\d\d:\d\d|Z)", date.text or "")
        alternates = [link for link in element.findall(f"{ATOM}link") if link.get("rel") == "alternate"]
        assert len(alternates) == 1
        assert all(category.get("term") for category in element.findall(f"{ATOM}category"))
    assert [link.get("href") for link in root.findall(f"{ATOM}link[@rel='self']")] == [f"{SITE}/feed.atom"]
    assert len({entry.findtext(f"{ATOM}id") for entry in entries}) == 2
    assert {content.get("type") for content in root.iter(f"{ATOM}content")} == {"html"}


def test_the_last_change_is_the_contents_own(output: Path) -> None:
    """A feed changed when its newest post did, an entry when its author says so, never at the build."""
    root = ElementTree.parse(output / "feed.atom").getroot()
    assert root.findtext(f"{ATOM}updated") == "2024-03-01T00:00:00-06:00"
    assert [e.findtext(f"{ATOM}updated") for e in root.findall(f"{ATOM}entry")] == [
        "2024-02-03T10:30:00-06:00",
        "2024-03-01T00:00:00-06:00",
    ]
    assert [item.get("date_modified") for item in json_feed(output)["items"]] == [
        None,
        "2024-03-01T00:00:00-06:00",
    ]
    channel = ElementTree.parse(output / "feed.rss").getroot().find("channel")
    assert channel is not None
    assert parsedate_to_datetime(channel.findtext("lastBuildDate") or "") == datetime.fromisoformat(
        "2024-03-01T00:00:00-06:00"
    )


def test_the_rss_feed_keeps_the_rules_of_rss_2(output: Path) -> None:
    """The channel has its three elements, each item an id that is its address, and a date of RFC 822."""
    channel = ElementTree.parse(output / "feed.rss").getroot().find("channel")
    assert channel is not None
    assert all(channel.findtext(name) for name in ("title", "link", "description"))
    for item in channel.findall("item"):
        [guid] = item.findall("guid")
        assert guid.text == item.findtext("link") and guid.get("isPermaLink") == "true"
        assert parsedate_to_datetime(item.findtext("pubDate") or "").tzinfo is not None


def test_the_json_feed_keeps_the_rules_of_version_1_1(output: Path) -> None:
    """The required fields are there, of their types, and nothing is null or empty."""
    feed = json_feed(output)
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    assert (feed["home_page_url"], feed["feed_url"]) == (f"{SITE}/", f"{SITE}/feed.json")
    for item in feed["items"]:
        assert all(isinstance(item[name], str) and item[name] for name in ("id", "url", "title", "content_html"))
        assert datetime.fromisoformat(item["date_published"]).tzinfo is not None
        assert item["authors"] == [{"name": "Alice Archer", "url": f"{SITE}/author/alice-archer/"}]
        assert item["tags"] and None not in item.values()


def test_every_address_in_a_post_is_absolute(output: Path) -> None:
    """Links, pictures and footnotes lead somewhere from any reader."""
    content = json_feed(output)["items"][1]["content_html"]
    addresses = re.findall(r'(?:href|src)="([^"]*)"', content)
    assert f"{SITE}/on-asking/" in addresses and f"{SITE}/on-trust/#end" in addresses
    assert f"{SITE}/images/dot.svg" in addresses and f"{SITE}/on-trust/#fn:1" in addresses
    assert all(re.match(r"https://|mailto:", address) for address in addresses)


def test_a_whitepaper_is_offered_as_a_plain_link(output: Path) -> None:
    """Where the text or the end of the post offers it, the feed has a link to its page, and no form."""
    for item in json_feed(output)["items"]:
        assert item["content_html"].count(f"{SITE}/whitepapers/ask-and-listen/") == 1
        assert "Ask &amp; Listen</a>" in item["content_html"]
        assert "<form" not in item["content_html"] and "[whitepaper" not in item["content_html"]


@pytest.mark.parametrize(
    ("html", "whole"),
    [
        ('<a href="/x?a=1&amp;b=2">', '<a href="https://e.com/x?a=1&amp;b=2">'),
        ("<a title='href=\"/x\"' href='y'>", "<a title='href=\"/x\"' href='https://e.com/p/y'>"),
        ('<img src="a.png" srcset="/a.png 1x, b.png 2x">', None),
        ('<p>href="/x" &lt;a href="/y"></p>', '<p>href="/x" &lt;a href="/y"></p>'),
        ('<a href="//cdn.example.com/x">', '<a href="https://cdn.example.com/x">'),
        ('<a data-href="/x">', '<a data-href="/x">'),
        ('<a href="mailto:alice@example.com">', '<a href="mailto:alice@example.com">'),
    ],
)
def test_addresses_are_made_absolute_and_nothing_else(html: str, whole: str | None) -> None:
    """Attributes that are addresses are resolved as a browser would on the post's page; text is left alone."""
    expected = (
        whole or '<img src="https://e.com/p/a.png" srcset="https://e.com/a.png 1x, https://e.com/p/b.png 2x">'
    )
    assert absolute(html, "https://e.com/p/") == expected


def test_signs_that_xml_cannot_hold_are_left_out(make_site: MakeSite) -> None:
    """A stray control character in a post harms no feed."""
    files = {"articles/a.md": post("On Trust", body="one \x0b two \x01."), "authors/alice-archer.md": ALICE}
    output = make_site(files, theme="minimal")
    assert (
        not feedparser.parse(str(output / "feed.atom")).bozo
        and not feedparser.parse(str(output / "feed.rss")).bozo
    )
    assert json_feed(output)["items"][0]["content_html"] == "<p>one  two .</p>"


def test_a_blog_without_posts_has_valid_feeds_that_do_not_change(make_site: MakeSite) -> None:
    """Two builds of nothing are equal, and valid."""
    feeds = []
    for _ in range(2):
        output = make_site({"extra/note": ""}, theme="minimal")
        feeds.append({name: (output / name).read_bytes() for name in ("feed.atom", "feed.rss", "feed.json")})
    assert feeds[0] == feeds[1]
    assert not feedparser.parse(feeds[0]["feed.atom"]).bozo
    assert json_feed(output)["items"] == []


def test_a_feed_holds_the_newest_posts(make_site: MakeSite) -> None:
    """No more posts than the settings say, the newest of them."""
    files = {f"articles/{n}.md": post(f"P{n}", f"2024-01-{n:02}") for n in range(1, 8)}
    output = make_site({**files, "authors/alice-archer.md": ALICE}, theme="minimal", FEED_MAX_ITEMS=3)
    assert [item["title"] for item in json_feed(output)["items"]] == ["P7", "P6", "P5"]
    assert [e.title for e in feedparser.parse(str(output / "feed.rss")).entries] == ["P7", "P6", "P5"]
