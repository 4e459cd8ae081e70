"""A page works at whatever host it is read from: what it shows and links to is named from the root."""

import re
from pathlib import Path

from html5lib import parse
from small_sites import ALICE, MakeSite, post
from test_sitemap import PAGE, WHITEPAPER

SITE = "https://blog.example.com"
BODY = """[The other]({filename}asking.md#end), [a tag]({tag}trust), ![A dot]({static}/images/dot.svg).

[whitepaper: asking]

The end.
"""
DOT = '<svg xmlns="http://www.w3.org/2000/svg" width="2" height="1"/>'
FILES = {
    "articles/trust.md": post("On Trust", body=f"![A dot]({{attach}}dots/near.svg) {BODY}"),
    "articles/asking.md": post("On Asking", body="## The end {#end}\n\nWords.", more="slug: on-asking\n"),
    "articles/bare.md": f"---\ntitle: Bare\ndate: 2024-01-01\nauthor: Alice Archer\n---\n{BODY}",
    "articles/dots/near.svg": DOT,
    "articles/secret.md": post("Secret", body=BODY, more="status: hidden\n"),
    "authors/alice-archer.md": ALICE,
    "pages/about.md": PAGE.format("").replace("Us.", BODY.replace("asking.md", "../articles/asking.md")),
    "images/dot.svg": DOT,
    "whitepapers/asking.md": WHITEPAPER.format(""),
}


def named(path: Path) -> set[str]:
    """Every address of a page that a browser fetches, follows or sends to; what machines are told is left out."""
    page = parse(path.read_text(), namespaceHTMLElements=False)
    elements = (element for element in page.iter() if element.get("rel") != "canonical")
    return {element.get(name) for element in elements for name in ("href", "src", "action") if element.get(name)}


def test_a_page_names_everything_from_the_root(make_site: MakeSite) -> None:
    """Whatever SITE_URL is, pictures and links of posts, pages and lists stay at the host they are read from."""
    output = make_site(FILES)
    pages = sorted(output.rglob("*.html"))
    assert [(path.name, url) for path in pages for url in named(path) if url.startswith(SITE)] == []
    for address in ("on-trust", "about", "bare", "secret"):
        found = named(output / address / "index.html")
        assert {"/on-asking/#end", "/tag/trust/", "/images/dot.svg"} <= found, address
    assert "/on-trust/dots/near.svg" in named(output / "on-trust/index.html")


def test_what_leaves_the_site_keeps_its_whole_addresses(make_site: MakeSite) -> None:
    """Feeds, sitemap, canonical address and Open Graph name the host."""
    output = make_site(FILES)
    for name in ("feed.atom", "feed.rss", "feed.json"):
        text = (output / name).read_text()
        assert f"{SITE}/images/dot.svg" in text and f"{SITE}/on-asking/#end" in text
        assert not re.search(r'(href|src)=(\\?"|&quot;)/', text)
    page = (output / "on-trust/index.html").read_text()
    assert f"{SITE}/on-trust/" in page
    assert f"<loc>{SITE}/on-trust/</loc>" in (output / "sitemap.xml").read_text()


def test_a_build_without_an_address_makes_the_same_texts(make_site: MakeSite) -> None:
    """A post's text does not depend on SITE_URL."""
    with_address = named(make_site(FILES) / "on-trust/index.html")
    without = make_site(FILES, SITEURL="", FEED_DOMAIN="https://x.example")
    assert named(without / "on-trust/index.html") == with_address
