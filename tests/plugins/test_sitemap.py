"""Search engines are told what there is and when it changed, and nothing else."""

import re
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

import pytest
from small_sites import ALICE, MakeSite, post

from plugins import sitemap as sitemaps
from plugins.sitemap import pieces, sitemap

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


def listed(output: Path, name: str = "sitemap.xml") -> dict[str, str | None]:
    """Path and last change of every page in the sitemap, or in one of its shards."""
    root = ElementTree.parse(output / name).getroot()
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
        "/archives/2024/": MARCH,
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


DATES = {"a": "2020-05-01", "b": "2021-02-01", "c": "2021-03-01"}
YEARS = {
    **{f"{name}.md": post(name, date) for name, date in DATES.items()},
    "draft.md": post("d", "2021-04-01", more="status: draft\n"),
    "hidden.md": post("e", "2022-04-01", more="status: hidden\n"),
    "authors/alice-archer.md": ALICE,
}


@pytest.fixture
def in_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every site is large."""
    monkeypatch.setattr(sitemaps, "LEAST_FOR_SHARDS", 1)


def shards(output: Path) -> dict[str, str | None]:
    """Path and last change of every shard that the index names, each of which is there."""
    root = ElementTree.parse(output / "sitemap.xml").getroot()
    assert root.tag == f"{NAMESPACE}sitemapindex"
    named = {}
    for each in root:
        assert each.tag == f"{NAMESPACE}sitemap"
        path = (each.findtext(f"{NAMESPACE}loc") or "").removeprefix(f"{SITE}/")
        assert (output / path).is_file(), path
        named[path] = each.findtext(f"{NAMESPACE}lastmod")
    return named


@pytest.mark.usefixtures("in_shards")
def test_a_large_sitemap_is_an_index_of_each_years_posts(make_site: MakeSite) -> None:
    """Posts are named by the shard of their year, all else by one more; each is as new as its newest page."""
    output = make_site(YEARS, theme="minimal")
    assert shards(output) == {
        "sitemaps/pages.xml": "2021-03-01T00:00:00-06:00",
        "sitemaps/posts-2020.xml": "2020-05-01T00:00:00-05:00",
        "sitemaps/posts-2021.xml": "2021-03-01T00:00:00-06:00",
    }
    found = {name: set(listed(output, f"sitemaps/{name}.xml")) for name in ("posts-2020", "posts-2021", "pages")}
    assert (found["posts-2020"], found["posts-2021"]) == ({"/a/"}, {"/b/", "/c/"})
    assert {"/", "/archives/", "/archives/2020/", "/tag/trust/", "/author/alice-archer/"} <= found["pages"]
    assert not found["pages"] & {"/a/", "/b/", "/c/", "/d/", "/e/"}


@pytest.mark.usefixtures("in_shards")
def test_a_new_post_leaves_the_shards_of_other_years_as_they_lie(make_site: MakeSite) -> None:
    """The file of a year without a change is not even written again."""
    output = make_site(YEARS, theme="minimal")
    before = {path.name: path.stat().st_mtime_ns for path in (output / "sitemaps").iterdir()}
    make_site({**YEARS, "f.md": post("f", "2021-05-01")}, theme="minimal", keep_output=True)
    after = {path.name: path.stat().st_mtime_ns for path in (output / "sitemaps").iterdir()}
    assert {name for name in before if before[name] == after[name]} == {"posts-2020.xml"}
    assert set(listed(output, "sitemaps/posts-2021.xml")) == {"/b/", "/c/", "/f/"}


def test_a_site_that_grows_over_the_border_loses_no_page(
    make_site: MakeSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One file below it and shards from there on name the same pages."""
    output = make_site(YEARS, theme="minimal")
    whole = listed(output)
    monkeypatch.setattr(sitemaps, "LEAST_FOR_SHARDS", len(whole))
    make_site(YEARS, theme="minimal", keep_output=True)
    assert {page: date for name in shards(output) for page, date in listed(output, name).items()} == whole
    monkeypatch.setattr(sitemaps, "LEAST_FOR_SHARDS", len(whole) + 1)
    make_site(YEARS, theme="minimal", keep_output=True)
    assert listed(output) == whole


def test_no_shard_is_larger_than_search_engines_read() -> None:
    """A year with more posts goes on in a further shard, and the full one keeps what it has."""
    day = datetime(2021, 1, 1, tzinfo=UTC)
    entries = [(f"p{number}/", day) for number in range(5)]
    assert list(pieces({"posts-2021": entries[:2]}, 2)) == [("posts-2021", entries[:2])]
    assert list(pieces({"posts-2021": entries}, 2)) == [
        ("posts-2021", entries[:2]),
        ("posts-2021-2", entries[2:4]),
        ("posts-2021-3", entries[4:]),
    ]
