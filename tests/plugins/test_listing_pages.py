"""Listing numbers are a function of the posts that exist: what is full stays as it is."""

import re
from pathlib import Path

import pytest
from html5lib import parse
from small_sites import ALICE, MakeSite, post

from plugins.listing_pages import listing_pages

LISTING = (
    "{% for post in articles_page %}{{ post.title }} {% endfor %}"
    "|{{ page_number }}|{{ page_count }}|{{ older_url }}|{{ newer_url }}"
)
TEMPLATES = dict.fromkeys(("index.html", "category.html", "tag.html", "author.html"), LISTING)
PLUGINS = ["pelican.plugins.yaml_metadata", "plugins.listing_pages"]


def numbered_posts(count: int) -> dict[str, str]:
    """Posts P1 (oldest) to P{count}, one a day."""
    files = {
        f"p{n}.md": post(f"P{n}", f"2020-{(n - 1) // 28 + 1:02}-{(n - 1) % 28 + 1:02}")
        for n in range(1, count + 1)
    }
    return {**files, "authors/alice-archer.md": ALICE}


def titles(page: Path) -> list[str]:
    """The titles on a listing page, newest first."""
    return page.read_text().split("|")[0].split()


@pytest.mark.parametrize(
    ("count", "front", "numbered"),
    [(0, 0, 0), (1, 1, 0), (10, 10, 0), (19, 19, 0), (20, 10, 1), (29, 19, 1), (30, 10, 2), (47, 17, 3)],
)
def test_the_front_page_holds_the_newest_10_to_19(count: int, front: int, numbered: int) -> None:
    """Ten posts leave the front page at once, when ten newer ones stay on it."""
    pages = list(listing_pages(range(count, 0, -1), "", 10))
    assert (len(pages[0].articles_page), len(pages) - 1) == (front, numbered)
    assert [page.page_number for page in pages] == [None, *range(numbered, 0, -1)]
    assert [post for page in pages for post in page.articles_page] == list(range(count, 0, -1))


def test_page_1_holds_the_ten_oldest_posts_for_ever(make_site: MakeSite) -> None:
    """A page that is full holds the same posts however many are published later."""
    templates = {**TEMPLATES, "index.html": LISTING.split("|")[0]}
    kept: dict[int, bytes] = {}
    for count in (20, 31, 45):
        output = make_site(numbered_posts(count), templates=templates, theme="minimal", plugins=PLUGINS)
        kept[count] = (output / "page/1/index.html").read_bytes()
    assert kept[20] == kept[31] == kept[45]
    assert kept[20].split() == [f"P{n}".encode() for n in range(10, 0, -1)]


@pytest.mark.parametrize("base", ["", "category/coaching/", "tag/trust/", "author/alice-archer/"])
def test_every_listing_is_numbered_alike(make_site: MakeSite, base: str) -> None:
    """Category, tag and author listings have a front and numbered pages as the blog has."""
    output = make_site(numbered_posts(32), templates=TEMPLATES, theme="minimal", plugins=PLUGINS)
    folder = output / base
    assert titles(folder / "index.html") == [f"P{n}" for n in range(32, 20, -1)]
    assert titles(folder / "page/2/index.html") == [f"P{n}" for n in range(20, 10, -1)]
    assert not (folder / "page/3").exists()
    facts = {
        path: (folder / path).read_text().split("|")[1:]
        for path in ("index.html", "page/2/index.html", "page/1/index.html")
    }
    assert facts == {
        "index.html": ["None", "3", f"/{base}page/2/", "None"],
        "page/2/index.html": ["2", "3", f"/{base}page/1/", f"/{base}"],
        "page/1/index.html": ["1", "3", "None", f"/{base}page/2/"],
    }


def test_with_fewer_than_20_posts_there_is_only_the_front_page(make_site: MakeSite) -> None:
    """Nineteen posts are on the front page, and no numbered page exists."""
    output = make_site(numbered_posts(19), templates=TEMPLATES, theme="minimal", plugins=PLUGINS)
    assert len(titles(output / "index.html")) == 19
    assert not (output / "page").exists()


def test_posts_of_one_day_are_ordered_by_slug(make_site: MakeSite) -> None:
    """Two builds of posts with one date list them in one order."""
    files = {f"{name}.md": post(name) for name in ("Banana", "Apple", "Cherry")}
    output = make_site(files, templates=TEMPLATES, theme="minimal", plugins=PLUGINS)
    assert re.findall(r"\w+", titles(output / "index.html").__str__()) == ["Cherry", "Banana", "Apple"]


def test_an_empty_blog_has_an_empty_front_page(make_site: MakeSite) -> None:
    """Without posts the front page is there and says so."""
    output = make_site({"extra/robots": ""}, templates=TEMPLATES, theme="minimal", plugins=PLUGINS)
    assert (output / "index.html").read_text() == "|None|1|None|None"


BASES = ["", "category/coaching/", "tag/trust/", "author/alice-archer/"]


def shown(output: Path, address: str) -> tuple[list[int], dict[str, str]]:
    """The numbers of the posts that a page of the theme lists, in its order, and its links to older and newer."""
    page = parse((output / address / "index.html").read_text(), namespaceHTMLElements=False)
    links = list(page.iter("a"))
    posts = [found[1] for link in links if (found := re.fullmatch(r"/p(\d+)/", link.get("href")))]
    return [int(number) for number in posts], {
        link.get("rel"): link.get("href") for link in links if link.get("rel") in ("prev", "next")
    }


@pytest.mark.parametrize(("count", "front", "full"), [(25, 15, 1), (60, 10, 5)])
@pytest.mark.parametrize("base", BASES)
def test_the_theme_leads_from_the_newest_to_the_oldest(
    make_site: MakeSite, base: str, count: int, front: int, full: int
) -> None:
    """Each post is on exactly one page; the links to older and newer pages lead through all of them and back."""
    output = make_site(numbered_posts(count))
    address, visited, seen = base, [], []
    while True:
        posts, links = shown(output, address)
        assert links.get("prev") == (f"/{visited[-1]}" if visited else None)
        visited.append(address)
        seen.append(posts)
        if "next" not in links:
            break
        address = links["next"].lstrip("/")
    assert visited == [base, *(f"{base}page/{n}/" for n in range(full, 0, -1))]
    assert [len(posts) for posts in seen] == [front] + [10] * full
    assert [number for posts in seen for number in posts] == list(range(count, 0, -1))


def test_a_page_that_is_full_keeps_its_bytes(make_site: MakeSite) -> None:
    """In the theme too: once there is a newer page to lead to, a page of any listing is never written anew."""
    first = make_site(numbered_posts(35))
    kept = {f"{base}page/1/": (first / base / "page/1/index.html").read_bytes() for base in BASES}
    later = make_site(numbered_posts(60))
    assert [
        address for address, data in kept.items() if (later / address / "index.html").read_bytes() != data
    ] == []
