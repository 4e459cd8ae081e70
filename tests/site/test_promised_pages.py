"""Every promised address exists, every link inside the site leads somewhere, and no page is half a page."""

import json

import feedparser
import pytest
from built_site import DOCUMENTS, PAGES, POST, SHELLS, SITE_URL, Site, words


@pytest.mark.parametrize("address", [*PAGES, *DOCUMENTS])
def test_a_promised_address_exists(published: Site, address: str) -> None:
    """A reader finds each page and each document where it was promised."""
    path = published.file(address)
    assert path and path.stat().st_size > 0


def test_every_link_and_anchor_inside_the_site_resolves(published: Site) -> None:
    """No link of the site leads to nothing."""
    broken = []
    anchors = {page.address: set(page.ids) for page in published.pages}
    for page in published.pages:
        for link in page.links():
            inside = published.inside(link, page.address)
            if inside is None:
                continue
            address, anchor = inside
            if not address.startswith("/"):
                broken.append(f"{page.address}: {link} is neither root-relative nor whole")
            elif published.file(address) is None:
                broken.append(f"{page.address}: {link} is missing")
            elif anchor and anchor not in anchors[address]:
                broken.append(f"{page.address}: {link} has no such anchor")
    assert broken == []


def test_each_page_has_one_first_heading_and_no_id_twice(published: Site) -> None:
    """Screen readers find one title; an anchor means one place."""
    wrong = {}
    for page in published.pages:
        if page.address in SHELLS:
            continue  # the service puts the heading in
        if len(page.all("h1")) != 1 or len(page.ids) != len(set(page.ids)):
            wrong[page.address] = [words(heading) for heading in page.all("h1")]
    assert wrong == {}


def test_each_page_has_a_language_a_title_of_its_own_and_landmarks(published: Site) -> None:
    """A tab, a bookmark and a screen reader can tell the pages apart."""
    titles: dict[str, str] = {}
    for page in published.pages:
        assert page.all("html")[0].get("lang"), page.address
        if page.address not in SHELLS:  # the service puts the title in
            title = words(page.all("title")[0])
            assert titles.setdefault(title, page.address) == page.address, title
        assert len(page.all("main")) == 1, page.address
        assert page.all("header") and page.all("footer") and page.all("nav"), page.address


def test_pages_for_search_engines_name_their_canonical_address(published: Site) -> None:
    """A page that is to be found names itself; one that is not asks to be left out."""
    sitemap = (published.folder / "sitemap.xml").read_text()
    for page in published.pages:
        canonical = [link.get("href") for link in page.all("link", rel="canonical")]
        hidden = any("noindex" in meta.get("content", "") for meta in page.all("meta", name="robots"))
        if hidden:
            assert f"<loc>{SITE_URL}{page.address}</loc>" not in sitemap, page.address
        else:
            assert canonical == [SITE_URL + page.address], page.address
    assert f"<loc>{SITE_URL}{POST}</loc>" in sitemap
    for address in ("/404.html", "/not-sent/", *SHELLS):
        assert published.page(address).all("meta", name="robots"), address


def test_structured_data_and_open_graph_are_whole(published: Site) -> None:
    """Every JSON-LD script parses; the post is a BlogPosting by a Person below a BreadcrumbList."""
    for page in published.pages:
        for script in page.all("script", type="application/ld+json"):
            assert json.loads(script.text)["@context"] == "https://schema.org", page.address
    post = published.page(POST)
    raw = " ".join(script.text for script in post.all("script", type="application/ld+json"))
    for kind in ("BlogPosting", "Person", "BreadcrumbList"):
        assert f'"{kind}"' in raw
    graph = {meta.get("property"): meta.get("content") for meta in post.all("meta") if meta.get("property")}
    assert graph["og:title"] == "Why Sales Management Does NOT Work"
    assert graph["og:url"] == SITE_URL + POST
    assert graph["og:type"] == "article"
    assert graph["og:description"]


def test_every_page_that_can_be_found_is_shared_with_a_picture(published: Site) -> None:
    """Open Graph's four required facts stand on each, and the picture is there; posts do not share one."""
    pictures = {}
    for page in published.pages:
        graph = {meta.get("property"): meta.get("content") for meta in page.all("meta") if meta.get("property")}
        if page.all("link", rel="canonical"):
            assert all(graph.get(f"og:{name}") for name in ("title", "type", "url", "image")), page.address
            assert published.file(graph["og:image"].removeprefix(SITE_URL)), page.address
        if graph.get("og:type") == "article":
            assert pictures.setdefault(graph["og:image"], page.address) == page.address
    assert len(pictures) >= 12


def test_feeds_hold_the_posts_newest_first(published: Site) -> None:
    """Atom, RSS and JSON Feed parse and tell the same posts."""
    atom = feedparser.parse(str(published.folder / "feed.atom"))
    rss = feedparser.parse(str(published.folder / "feed.rss"))
    feed = json.loads((published.folder / "feed.json").read_text())
    assert not atom.bozo and not rss.bozo
    links = [item["url"] for item in feed["items"]]
    assert [entry.link for entry in atom.entries] == links
    assert [entry.link for entry in rss.entries] == links
    assert SITE_URL + POST in links
    dates = [item["date_published"] for item in feed["items"]]
    assert dates == sorted(dates, reverse=True)


def test_robots_name_the_sitemap(published: Site) -> None:
    """A crawler is told where the sitemap is."""
    assert f"Sitemap: {SITE_URL}/sitemap.xml" in (published.folder / "robots.txt").read_text()


def test_the_index_for_the_service_names_what_exists(published: Site) -> None:
    """leadapi learns every post, page and whitepaper from the index and its shards, and each of them exists."""
    index = json.loads((published.folder / "public-index.json").read_text())
    assert index["version"] == 2
    shards = [published.folder / "public-index" / f"posts-{key}.json" for key in index["post_shards"]]
    index["posts"] = {slug: entry for path in shards for slug, entry in json.loads(path.read_text()).items()}
    assert index["site"]["url"] == SITE_URL
    assert index["style_hash"].startswith("sha256-")
    entries = [entry for kind in ("posts", "pages", "whitepapers") for entry in index[kind].values()]
    assert [entry["url"] for entry in entries if published.file(entry["url"]) is None] == []
    assert index["posts"][POST.strip("/")]["comments"] == "open"


@pytest.mark.parametrize("address", SHELLS)
def test_the_shell_has_its_two_tokens(published: Site, address: str) -> None:
    """leadapi can put a title and a main part into the blog's own page."""
    shell = published.page(address)
    assert "[[shell:title]]" in words(shell.all("title")[0])
    assert "[[shell:main]]" in words(shell.all("main")[0])
