"""A post or page in another language has an address like all others, and says which language it is in."""

import json
import re

import pytest
from small_sites import ALICE, MakeSite, post, public_posts
from test_sitemap import PAGE

from plugins.mistakes import ContentMistakes

GERMAN = post("Vertrauen", body="Ein paar Worte.", more="lang: de\n")
FILES = {
    "articles/trust.md": post("Trust", body="[auf Deutsch]({filename}vertrauen.md)"),
    "articles/vertrauen.md": GERMAN,
    "pages/impressum.md": PAGE.format("lang: de\n").replace("about", "impressum"),
    "authors/alice-archer.md": ALICE,
}


def test_every_language_has_addresses_of_one_shape(make_site: MakeSite) -> None:
    """A German post and page are at /{slug}/, where links, lists, feeds and index lead to."""
    output = make_site(FILES)
    language = re.compile(r"<html lang=\"?([\w-]+)")
    pages = {path.relative_to(output).as_posix(): path.read_text() for path in output.rglob("*.html")}
    spoken = {name: found[1] for name, text in pages.items() if (found := language.search(text))}
    assert spoken["vertrauen/index.html"] == spoken["impressum/index.html"] == "de"
    assert spoken["trust/index.html"] == spoken["index.html"] == "en"
    assert {name for name in pages if not name.endswith("/index.html")} == {
        "index.html",
        "404.html",
        "page-shell.html",
        "page-shell.de.html",
    }
    assert "href=/vertrauen/" in pages["trust/index.html"]
    assert "/vertrauen/" in pages["index.html"]
    for name in ("feed.atom", "feed.rss", "feed.json", "sitemap.xml"):
        assert "https://blog.example.com/vertrauen/" in (output / name).read_text()
    told = json.loads((output / "public-index.json").read_text())
    told_post = public_posts(output)["vertrauen"]
    assert (told_post["url"], told_post["language"]) == ("/vertrauen/", "de")
    assert told["pages"]["impressum"]["url"] == "/impressum/"


@pytest.mark.parametrize(
    ("german", "line"),
    [(GERMAN.replace("lang:", "slug: trust\nlang:"), 8), (GERMAN.replace("Vertrauen", "Trust"), 2)],
)
def test_two_languages_do_not_share_a_slug(make_site: MakeSite, german: str, line: int) -> None:
    """A translation with the slug of its original is told which one it could have."""
    with pytest.raises(ContentMistakes) as raised:
        make_site({**FILES, "articles/trust.md": post("Trust"), "articles/vertrauen.md": german})
    told = str(raised.value).splitlines()[0]
    assert f"articles/vertrauen.md:{line}: " in told
    assert told.endswith(
        'trust.md:2 has the slug "trust" too. Each language needs its own: write slug: trust-de, or translate it.'
    )
