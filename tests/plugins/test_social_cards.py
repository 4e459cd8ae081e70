"""Where somebody shares a page's address, a picture with its title stands for it."""

from io import BytesIO
from pathlib import Path

import pytest
from html5lib import parse
from PIL import Image
from small_sites import ALICE, MakeSite, post
from test_sitemap import PAGE, WHITEPAPER
from test_structured_data import described

from plugins.social_cards import SocialCard, Words, draw, showable

SITE = "https://blog.example.com"
CARDS = "theme/cards"
FILES = {
    "articles/trust.md": post("On Trust", more="slug: on-trust\n"),
    "authors/alice-archer.md": ALICE,
    "pages/about.md": PAGE.format(""),
    "whitepapers/asking.md": WHITEPAPER.format(""),
}


def shared(output: Path, address: str) -> dict[str, str]:
    """What a page says to programs that show links."""
    page = parse((output / address / "index.html").read_text(), namespaceHTMLElements=False)
    named = ((meta.get("property") or meta.get("name"), meta.get("content")) for meta in page.iter("meta"))
    return {name: content for name, content in named if name}


def card_of(output: Path, address: str) -> str:
    """The file that a page names as its picture."""
    return shared(output, address)["og:image"].removeprefix(f"{SITE}/")


def words(title: str, site: str = "The Blog") -> Words:
    """What a card says."""
    return Words(title=title, site=site, language="en")


def ink(png: bytes, box: tuple[int, int, int, int] = (60, 0, 1200, 630)) -> tuple[int, int, int, int] | None:
    """Where in a part of a card something dark stands; None where it is empty."""
    with Image.open(BytesIO(png)) as image:
        part = image.convert("L").crop(box).point(lambda light: 255 if light < 90 else 0)
    return part.getbbox()


@pytest.mark.parametrize(
    ("address", "title"), [("on-trust", "On Trust"), ("about", "About"), ("whitepapers/asking", "Asking")]
)
def test_posts_pages_and_whitepapers_have_cards_of_their_own(
    make_site: MakeSite, address: str, title: str
) -> None:
    """Open Graph's four required facts are there, and the picture has the size that it is said to have."""
    output = make_site(FILES)
    told = shared(output, address)
    assert all(told[f"og:{name}"] for name in ("title", "type", "url", "image"))
    assert told["og:image:alt"] == title and told["twitter:card"] == "summary_large_image"
    with Image.open(output / card_of(output, address)) as image:
        assert image.format == "PNG"
        assert image.size == (int(told["og:image:width"]), int(told["og:image:height"])) == (1200, 630)
    assert card_of(output, address) != card_of(output, "")


def test_lists_have_the_blogs_card(make_site: MakeSite) -> None:
    """The front page, archives, categories, tags and authors are shared with the blog's name."""
    output = make_site(FILES)
    lists = ("", "archives", "category/coaching", "tag/trust", "author/alice-archer")
    assert len({card_of(output, address) for address in lists}) == 1
    assert (output / card_of(output, "")).exists()
    assert len(list((output / CARDS).iterdir())) == 4


@pytest.mark.parametrize("more", ["status: draft\n", "status: hidden\n", "date"])
def test_what_is_not_public_has_no_card(make_site: MakeSite, more: str) -> None:
    """No file shows the title of a draft, a future or a hidden post; a hidden one has the blog's card."""
    secret = post("Secret", "2999-01-01") if more == "date" else post("Secret", more=more)
    before = {path.name for path in (make_site(FILES) / CARDS).iterdir()}
    output = make_site({**FILES, "articles/secret.md": secret})
    assert {path.name for path in (output / CARDS).iterdir()} == before
    if "hidden" in more:
        assert card_of(output, "secret") == card_of(output, "")
        assert "image" not in described(output, "secret")["BlogPosting"]


def test_a_card_has_its_contents_address_and_is_drawn_once(
    make_site: MakeSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another title has another address; a build that changes no title draws nothing."""
    first = make_site(FILES)
    old = card_of(first, "on-trust")
    monkeypatch.setattr("plugins.social_cards.draw", lambda _: pytest.fail("A card was drawn again"))
    again = make_site({**FILES, "articles/trust.md": post("On Trust", body="Other.", more="slug: on-trust\n")})
    assert card_of(again, "on-trust") == old and (again / old).exists()
    monkeypatch.undo()
    other = make_site({**FILES, "articles/trust.md": post("On Distrust", more="slug: on-trust\n")})
    assert card_of(other, "on-trust") != old and not (other / old).exists()


def test_machines_find_the_card_in_the_description(make_site: MakeSite) -> None:
    """The post's and the whitepaper's JSON-LD name the same picture as Open Graph."""
    output = make_site(FILES)
    assert described(output, "on-trust")["BlogPosting"]["image"] == f"{SITE}/{card_of(output, 'on-trust')}"
    paper = described(output, "whitepapers/asking")["DigitalDocument"]
    assert paper["image"] == f"{SITE}/{card_of(output, 'whitepapers/asking')}"


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("Why “it” works – Ärger, Łódź, Ελλάδα, Москва", "Why “it” works – Ärger, Łódź, Ελλάδα, Москва"),
        ("Trust 🎉 wins 👩🏽‍💻 🇩🇪", "Trust wins"),
        ("Step 1️⃣", "Step 1"),
        ("Thin\u2009and\u00a0hard", "Thin and hard"),
        ("信頼について", ""),
        ("On 信頼", ""),
        ("שלום", ""),
        ("الثقة", ""),
        ("🎉", ""),
    ],
)
def test_no_title_becomes_boxes(title: str, shown: str) -> None:
    """Emoji are left out; a title with a letter that no font has is not shown at all."""
    assert showable(title) == shown


def test_a_title_that_no_font_has_is_told(make_site: MakeSite, caplog: pytest.LogCaptureFixture) -> None:
    """The post is shared with the blog's card, and its author reads why; the build goes on."""
    output = make_site({**FILES, "articles/trust.md": post("信頼", more="slug: on-trust\n")})
    assert card_of(output, "on-trust") == card_of(output, "")
    assert "articles/trust.md: No font of social cards has all letters of the title" in caplog.text


@pytest.mark.parametrize(
    "title", ["ÄÉÅ", "A Title That Takes Two or Three Lines of the Card", "Words and more words " * 9, "W" * 200]
)
def test_every_title_stays_in_its_place(title: str) -> None:
    """Short or long, in many words or in one, a title is cut off nowhere and leaves the blog's name free."""
    assert ink(draw(words(title)))
    assert ink(draw(words(title)), (60, 0, 1200, 90)) is None
    assert ink(draw(words(title)), (1130, 0, 1200, 630)) is None
    name = (60, 500, 1200, 630)
    assert ink(draw(words(title)), name) == ink(draw(words("On Trust")), name)


def test_a_card_is_small_and_always_the_same() -> None:
    """Equal words make equal bytes, 50 kB at most, of the size that pages say."""
    png = draw(words("Overcoming Resistance to Change in the Workplace: Debating the Role of Development"))
    assert png == draw(words("Overcoming Resistance to Change in the Workplace: Debating the Role of Development"))
    assert len(png) < 50_000
    with Image.open(BytesIO(png)) as image:
        assert image.size == (SocialCard.width, SocialCard.height)
