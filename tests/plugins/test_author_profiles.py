"""A file in content/authors/ is the one source of who an author is."""

from base64 import b64decode
from io import BytesIO
from pathlib import Path
from typing import Any

from html5lib import parse
from PIL import Image
from small_sites import ALICE, MakeSite, post, public_posts

BOB = """---
name: Bob Baker
role: "Coach & <listener>"
picture: people/bob baker.png
picture_alt: 'Bob, called "Bobby", laughs'
links:
  - label: Bob’s <site>
    url: https://bob.example.com/?a=1&b=2
  - label: About
    url: /about/
  - label: Mail
    url: mailto:bob@example.com
---
Bob *listens*.

He says "yes" -- often.
"""
SMALL_DRAWING = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 90.4 120"><rect/></svg>'


def photograph(width: int, height: int) -> bytes:
    """A PNG of this size."""
    file = BytesIO()
    Image.new("RGB", (width, height)).save(file, "PNG")
    return file.getvalue()


FILES: dict[str, str | bytes] = {
    "articles/by-bob.md": post("By Bob", author="Bob Baker"),
    "articles/by-alice.md": post("By Alice", "2024-01-03"),
    "articles/hidden.md": post("Hidden", author="Bob Baker", more="status: hidden\n"),
    "authors/team/bob.md": BOB,
    "authors/alice-archer.md": ALICE.replace("---\nAlice", "picture: alice.svg\npicture_alt: Alice\n---\nAlice"),
    "images/people/bob baker.png": photograph(30, 40),
    "images/alice.svg": SMALL_DRAWING,
}

PICTURE = {name: data for name, data in FILES.items() if name.startswith("images/people")}


def about(output: Path, address: str) -> Any:
    """The element that tells of the author on a page, parsed."""
    page = parse((output / address / "index.html").read_text(), namespaceHTMLElements=False)
    found = [element for element in page.iter("div") if element.get("class") == "bio"]
    assert len(found) == 1
    return found[0]


def told(bio: Any) -> dict[str, Any]:
    """What an author's element says."""
    picture = bio.find("img")
    return {
        "words": " ".join(" ".join(bio.itertext()).split()),
        "alt": picture.get("alt"),
        "src": picture.get("src"),
        "size": (picture.get("width"), picture.get("height")),
        "links": [(link.text, link.get("href")) for link in bio.iter("a")],
    }


def test_post_hidden_post_and_authors_page_tell_the_same_of_an_author(make_site: MakeSite) -> None:
    """Role, picture with its size, biography and links stand there as the file has them, with signs of HTML."""
    output = make_site(FILES)
    links = [
        ("Bob’s <site>", "https://bob.example.com/?a=1&b=2"),
        ("About", "/about/"),
        ("Mail", "mailto:bob@example.com"),
    ]
    bob = {
        "words": "Coach & <listener> Bob listens . He says “yes” – often. Bob’s <site> About Mail",
        "alt": 'Bob, called "Bobby", laughs',
        "src": "/images/people/bob%20baker.png",
        "size": ("30", "40"),
        "links": links,
    }
    assert told(about(output, "author/bob-baker")) == bob
    on_post = {
        **bob,
        "words": f"Bob Baker {bob['words']}",
        "links": [("Bob Baker", "/author/bob-baker/"), *links],
    }
    assert told(about(output, "by-bob")) == told(about(output, "hidden")) == on_post
    assert (output / "images/people/bob baker.png").exists()


def test_a_changed_file_changes_every_page_that_tells_of_the_author(make_site: MakeSite) -> None:
    """There is no second place to keep a biography in."""
    before = {str(path): path.read_text() for path in make_site(FILES).rglob("*.html")}
    changed = {**FILES, "authors/team/bob.md": BOB.replace("*listens*", "*hums*")}
    after = {str(path): path.read_text() for path in make_site(changed).rglob("*.html")}
    differing = {Path(name).parent.name for name, text in before.items() if after[name] != text}
    assert differing == {"by-bob", "bob-baker", "hidden"}


def test_a_small_drawing_travels_in_the_page(make_site: MakeSite) -> None:
    """A drawing of few bytes needs no request; its size is read from its viewBox."""
    alice = told(about(make_site(FILES), "by-alice"))
    kind, _, data = alice["src"].partition(",")
    assert (kind, b64decode(data)) == ("data:image/svg+xml;base64", SMALL_DRAWING)
    assert alice["size"] == ("90", "120")


def test_a_profile_needs_no_more_than_a_name(make_site: MakeSite) -> None:
    """Without role, picture, links and text there is a heading, and nothing empty below it."""
    output = make_site({"a.md": post("A", author="Bob Baker"), "authors/bob.md": "---\nname: Bob Baker\n---\n"})
    for address in ("a", "author/bob-baker"):
        empty = [element.tag for element in about(output, address).iter() if not "".join(element.itertext())]
        assert [tag for tag in empty if tag != "div"] == [], address


def test_a_post_without_author_is_the_houses(make_site: MakeSite) -> None:
    """The company's own profile stands under it."""
    house = ALICE.replace("Alice Archer", "Progress Coaching").replace("alice-archer", "progress-coaching")
    text = "---\ntitle: Ours\ndate: 2024-01-01\n---\nText.\n"
    output = make_site({"ours.md": text, "authors/progress-coaching.md": house})
    assert "Progress Coaching" in "".join(about(output, "ours").itertext())


def test_an_author_without_posts_has_no_page(make_site: MakeSite) -> None:
    """A profile waits for its first post; nothing leads to a page that is not there."""
    output = make_site({"a.md": post("A"), "authors/alice-archer.md": ALICE, "authors/bob.md": BOB} | PICTURE)
    assert not (output / "author/bob-baker").exists()
    assert "bob-baker" not in (output / "sitemap.xml").read_text()
    assert list(public_posts(output)) == ["a"]
