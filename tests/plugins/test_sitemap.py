"""Search engines are told what there is and when it changed, and nothing else."""

import re
from pathlib import Path
from xml.etree import ElementTree

from small_sites import ALICE, MakeSite, post

from plugins.sitemap import sitemap

NAMESPACE = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
SITE = "https://blog.example.com"
PAGE = "---\ntitle: About\nsummary: Who we are.\nslug: about\n{}---\nUs.\n"
WHITEPAPER = (
    '---\ntitle: Asking\nslug: asking\nsummary: How to ask.\nedition: "1"\nlanguage: en\ndate: 2023-05-06\n'
    "author: Alice Archer\n{}---\n## One\nText.\n"
)
FILES = {
    "articles/trust.md": post("On Trust", "2024-01-02", more="modified: 2024-03-01\n"),
    "articles/asking.md": post("On Asking", "2024-02-03", category="Sales", tags="[asking]"),
    "articles/secret.md": post("On Secrets", "2025-01-01", tags="[secrets]", more="status: hidden\n"),
    "articles/draft.md": post("On Drafts", "2025-01-01", category="Drafts", more="status: draft\n"),
    "articles/future.md": post("On Futures", "2999-01-01", tags="[future]"),
    "authors/alice-archer.md": ALICE,
    "pages/about.md": PAGE.format(""),
    "whitepapers/asking.md": WHITEPAPER.format(""),
}
JANUARY, MARCH, FEBRUARY = ("2024-01-02T00:00:00-06:00", "2024-03-01T00:00:00-06:00", "2024-02-03T00:00:00-06:00")


def listed(output: Path) -> dict[str, str | None]:
    """Path and last change of every page in the sitemap."""
    root = ElementTree.parse(output / "sitemap.xml").getroot()
    assert root.tag == f"{NAMESPACE}urlset"
    pages = {}
    for url in root:
        address = url.findtext(f"{NAMESPACE}loc") or ""
        assert address.startswith(f"{SITE}/")
        pages[address.removeprefix(SITE)] = url.findtext(f"{NAMESPACE}lastmod")
    return pages


def test_the_sitemap_lists_each_public_page_with_its_last_change(make_site: MakeSite) -> None:
    """Posts, pages, whitepapers and listings; a listing changed when its newest post did."""
    assert listed(make_site(FILES, theme="minimal")) == {
        "/": MARCH,
        "/about/": None,
        "/archives/": MARCH,
        "/author/alice-archer/": MARCH,
        "/category/coaching/": MARCH,
        "/category/sales/": FEBRUARY,
        "/on-asking/": FEBRUARY,
        "/on-trust/": MARCH,
        "/tag/asking/": FEBRUARY,
        "/tag/trust/": MARCH,
        "/whitepapers/asking/": "2023-05-06T00:00:00-05:00",
    }


def test_every_listed_page_exists(make_site: MakeSite) -> None:
    """No address of the sitemap leads to nothing."""
    output = make_site(FILES, theme="minimal")
    assert [path for path in listed(output) if not (output / path.lstrip("/") / "index.html").is_file()] == []


def test_an_address_is_escaped_for_url_and_xml() -> None:
    """A slug in another script becomes a valid address."""
    assert "<loc>https://e.com/tag/vertr%C3%A4uen%26/</loc></url>" in sitemap(
        "https://e.com", [("tag/verträuen&/", None)]
    )


def test_robots_find_the_sitemap_and_stay_out_of_the_service(make_site: MakeSite) -> None:
    """The site is open to all robots, the service to none."""
    text = (make_site(FILES, theme="minimal") / "robots.txt").read_text()
    assert re.fullmatch(
        rf"User-agent: \*\nDisallow: /api/\nDisallow: /admin/\n\nSitemap: {re.escape(SITE)}/sitemap\.xml\n", text
    )


def test_a_preview_lets_robots_read_that_they_are_to_stay_away(make_site: MakeSite) -> None:
    """A robot that may not fetch a page never sees its noindex, and lists the bare address."""
    output = make_site(FILES, NOINDEX=True)
    assert (output / "robots.txt").read_text() == "User-agent: *\nDisallow:\n"
    assert [path for path in output.rglob("*.html") if "content=noindex" not in path.read_text()] == []
    assert "X-Robots-Tag: noindex" in (output / "_headers").read_text()


def test_an_empty_blog_has_a_valid_sitemap(make_site: MakeSite) -> None:
    """Without posts the front page and the archives are listed, without a date."""
    assert listed(make_site({"extra/note": ""}, theme="minimal")) == {"/": None, "/archives/": None}
