"""Machines read from each page what people read on it, and no text becomes code."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from html5lib import parse
from small_sites import ALICE, MakeSite, post
from test_baked_comments import told
from test_sitemap import PAGE, WHITEPAPER

SITE = "https://blog.example.com/"
HOSTILE = [
    "</script><script>alert(1)</script>",
    "<!-- <script> --><b>bold</b>",
    "a \"quoted\" 'word' \\ and \\u003c/script>",
    "line\u2028break\u2029end & &lt;/script&gt; &#60;",
    "]]> ${x} {{ x }} \u00e9",
]
BOB = "---\nname: Bob Baker\nrole: Coach\n---\nBob listens.\n"
AUTHORS = {"authors/alice-archer.md": ALICE, "authors/bob-baker.md": BOB}
FILES = {
    **AUTHORS,
    "articles/on-trust.md": post(
        "On Trust",
        "2024-01-02 10:30",
        "One two three.",
        author="Bob Baker",
        category="Sales Talk",
        tags="[trust, asking]",
        more="modified: 2024-03-01\nlang: de\n",
    ),
    "pages/about.md": PAGE.format(""),
    "whitepapers/asking.md": WHITEPAPER.format(""),
}


def described(output: Path, address: str) -> dict[str, Any]:
    """What a page's one block of JSON-LD says, by type, as a browser finds it in the page."""
    page = parse((output / address / "index.html").read_text(), namespaceHTMLElements=False)
    blocks = [element.text for element in page.iter("script") if element.get("type") == "application/ld+json"]
    assert len(blocks) == 1
    document = json.loads(blocks[0])
    assert document["@context"] == "https://schema.org"
    return {thing["@type"]: thing for thing in document["@graph"]}


def steps(things: dict[str, Any]) -> list[tuple[int, str, str]]:
    """The steps of the trail to a page: place, name and address."""
    return [(step["position"], step["name"], step["item"]) for step in things["BreadcrumbList"]["itemListElement"]]


def addresses(thing: Any) -> list[str]:
    """Every address in a description."""
    if isinstance(thing, list):
        return [address for part in thing for address in addresses(part)]
    if not isinstance(thing, dict):
        return []
    own = [thing[name] for name in ("@id", "url", "item", "mainEntityOfPage") if isinstance(thing.get(name), str)]
    return own + [address for part in thing.values() for address in addresses(part)]


def test_a_post_is_a_blog_posting_by_a_person_with_a_trail(make_site: MakeSite) -> None:
    """Title, dates, author, publisher, language, section and the way from the front page are described."""
    things = described(make_site(FILES), "on-trust")
    assert things["BlogPosting"].pop("image").startswith(f"{SITE}theme/cards/")
    assert things["BlogPosting"] == {
        "@type": "BlogPosting",
        "@id": f"{SITE}on-trust/",
        "mainEntityOfPage": f"{SITE}on-trust/",
        "headline": "On Trust",
        "description": "About on trust.",
        "datePublished": "2024-01-02T10:30:00-06:00",
        "dateModified": "2024-03-01T00:00:00-06:00",
        "author": {"@type": "Person", "name": "Bob Baker", "url": f"{SITE}author/bob-baker/"},
        "publisher": {"@type": "Organization", "name": "Progress Coaching", "url": SITE},
        "inLanguage": "de",
        "articleSection": "Sales Talk",
        "keywords": ["trust", "asking"],
        "wordCount": 3,
        "commentCount": 0,
    }
    assert steps(things) == [
        (1, "The Progress Coaching Blog", SITE),
        (2, "Sales Talk", f"{SITE}category/sales-talk/"),
        (3, "On Trust", f"{SITE}on-trust/"),
    ]


@pytest.mark.parametrize(
    ("address", "kind", "trail"),
    [
        ("", "Blog", None),
        ("about", "WebPage", ["About"]),
        ("archives", "CollectionPage", ["Archives"]),
        ("archives/2024", "CollectionPage", ["Archives", "2024"]),
        ("category/sales-talk", "CollectionPage", ["Sales Talk"]),
        ("tag/trust", "CollectionPage", ["trust"]),
        ("author/bob-baker", "ProfilePage", ["Bob Baker"]),
        ("whitepapers/asking", "DigitalDocument", ["Asking"]),
    ],
)
def test_every_page_is_described_by_absolute_addresses_that_exist(
    make_site: MakeSite, address: str, kind: str, trail: list[str] | None
) -> None:
    """Each kind of page says what it is and where it stands; no address leads to nothing."""
    output = make_site(FILES)
    things = described(output, address)
    found = addresses(list(things.values()))
    assert kind in things and found
    assert not [url for url in found if not url.startswith(SITE)]
    assert not [url for url in found if not (output / urlsplit(url).path.lstrip("/") / "index.html").exists()]
    if trail is not None:
        assert [name for _, name, _ in steps(things)] == ["The Progress Coaching Blog", *trail]
        assert steps(things)[-1][2] == f"{SITE}{address}/"


def test_an_author_is_a_person_with_a_role(make_site: MakeSite) -> None:
    """The author's page describes the person that the posts name."""
    output = make_site(FILES)
    person = described(output, "author/bob-baker")["ProfilePage"]["mainEntity"]
    assert person == {**described(output, "on-trust")["BlogPosting"]["author"], "jobTitle": "Coach"}


def test_the_house_is_an_organization(make_site: MakeSite) -> None:
    """The author who bears the company's name is the company, on its page and in its posts; it has no job."""
    house = "---\nname: Progress Coaching\nrole: The house\n---\nWe coach.\n"
    output = make_site({"ours.md": post("Ours", author="Progress Coaching"), "authors/house.md": house})
    author = described(output, "ours")["BlogPosting"]["author"]
    assert author == {
        "@type": "Organization",
        "name": "Progress Coaching",
        "url": f"{SITE}author/progress-coaching/",
    }
    assert described(output, "author/progress-coaching")["ProfilePage"]["mainEntity"] == author


@pytest.mark.parametrize("size", [10, 2_000])
def test_an_authors_picture_is_described_by_its_address(make_site: MakeSite, size: int) -> None:
    """The portrait is named by the address of its file, also where a small drawing travels inside the page."""
    bob = "---\nname: Bob Baker\npicture: the bob.svg\npicture_alt: Bob\n---\n"
    drawing = "<svg viewBox='0 0 9 9'>" + " " * size + "</svg>"
    output = make_site(
        {"a.md": post("On Trust", author="Bob Baker"), "authors/bob.md": bob, "images/the bob.svg": drawing}
    )
    for person in (
        described(output, "on-trust")["BlogPosting"]["author"],
        described(output, "author/bob-baker")["ProfilePage"]["mainEntity"],
    ):
        assert person["image"] == f"{SITE}images/the%20bob.svg"
    assert (output / "images/the bob.svg").exists()


def test_numbered_pages_are_described_as_themselves(make_site: MakeSite) -> None:
    """A listing's older page has its own name and address, and the trail leads to it."""
    posts = {f"p{n}.md": post(f"P{n}", f"2024-01-{n:02}") for n in range(1, 21)}
    output = make_site({**AUTHORS, **posts})
    page, tag = described(output, "page/1"), described(output, "tag/trust/page/1")
    assert (page["CollectionPage"]["name"], page["CollectionPage"]["url"]) == (
        "Articles, page 1",
        f"{SITE}page/1/",
    )
    assert (tag["CollectionPage"]["name"], tag["CollectionPage"]["url"]) == (
        "trust, page 1",
        f"{SITE}tag/trust/page/1/",
    )
    assert [name for _, name, _ in steps(page)] == ["The Progress Coaching Blog", "Page 1"]
    assert [name for _, name, _ in steps(tag)] == ["The Progress Coaching Blog", "trust", "Page 1"]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_breaks_out(make_site: MakeSite, text: str) -> None:
    """Whatever stands in a title, category, tag, role or name is the same text here, and runs nowhere."""
    quoted = json.dumps(text)  # a YAML string too
    hostile = (
        f"---\ntitle: {quoted}\nslug: hostile\ndate: 2024-01-02\nauthor: {json.dumps('Bob ' + text)}\n"
        f"category: {json.dumps('c ' + text)}\ntags: [{json.dumps('t ' + text)}]\nsummary: Plain.\n---\nText.\n"
    )
    bob = f"---\nname: {json.dumps('Bob ' + text)}\nrole: {quoted}\n---\nBob.\n"
    output = make_site({"a.md": hostile, "authors/bob.md": bob})
    things = described(output, "hostile")
    posting = things["BlogPosting"]
    assert posting["headline"] == text == things["BreadcrumbList"]["itemListElement"][-1]["name"]
    assert (posting["articleSection"], posting["keywords"]) == (f"c {text}", [f"t {text}"])
    assert posting["author"]["name"] == f"Bob {text}"
    for path in sorted(output.rglob("*.html")):
        page = parse(path.read_text(), namespaceHTMLElements=False)
        assert [
            e for e in page.iter("script") if not e.get("src") and e.get("type") != "application/ld+json"
        ] == []
        for block in (e.text for e in page.iter("script") if e.get("type") == "application/ld+json"):
            assert not set(block) & set("<>&\u2028\u2029"), path
    profile = next((output / "author").glob("*"))
    assert described(output, f"author/{profile.name}")["ProfilePage"]["mainEntity"]["jobTitle"] == text


def test_comments_are_described_as_text(make_site: MakeSite, tmp_path: Path) -> None:
    """An approved comment and its reply are named with their words; a comment's markup is not in them."""
    first = told("c1", name=HOSTILE[0], html="<p>Yes &lt;/script&gt; <strong>indeed</strong></p>")
    reply = told("c2", parent="c1", html="<p>No</p>")
    (tmp_path / "var").mkdir()
    (tmp_path / "var/comments.json").write_text(json.dumps({"etag": '"x"', "comments": [first, reply]}))
    posting = described(make_site(FILES), "on-trust")["BlogPosting"]
    assert posting["commentCount"] == 2
    [described_first] = posting["comment"]
    assert described_first["text"] == "Yes </script> indeed"
    assert described_first["author"] == {"@type": "Person", "name": HOSTILE[0]}
    assert [answer["text"] for answer in described_first["comment"]] == ["No"]
