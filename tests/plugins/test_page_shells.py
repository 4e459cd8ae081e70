"""The service's pages have a dress in each language that the site speaks."""

import json
import re
from pathlib import Path

import html5lib
import pytest
from small_sites import ALICE, MakeSite, post
from test_sitemap import PAGE
from whitepaper_files import whitepaper

from leadapi.index_reading import IndexFromFolder
from plugins.mistakes import ContentMistakes

ENGLISH = {"authors/alice-archer.md": ALICE, "articles/trust.md": post("Trust")}
GERMAN = {"articles/mut.md": post("Mut", more="lang: de\n")}
AUSTRIAN = {"articles/schmaeh.md": post("Schmaeh", more="lang: de-AT\n")}
CONSENTS = {"en-1": "Yes.", "de-1": "Ja."}


def shells(output: Path) -> dict[str, str]:
    """The language that each shell says it is in."""
    found = {}
    for path in output.glob("page-shell*.html"):
        said = re.search(r'<html lang="?([\w-]+)', path.read_text())
        found[path.name] = said[1] if said else ""
    return found


def listed(output: Path) -> list[str]:
    """The languages of further shells, as the service is told them."""
    languages: list[str] = json.loads((output / "public-index.json").read_text())["shells"]
    return languages


def frame(path: Path) -> list[str]:
    """What stands before and after the main part: links with their words, and sentences for ears."""
    body = html5lib.parse(path.read_text(), namespaceHTMLElements=False).find("body")
    told = []
    for part in [part for part in body if part.tag != "main"]:
        told += [" ".join("".join(part.itertext()).split()), part.get("class")]
        told += [element.get("href") for element in part.iter("a")]
        told += [element.get("aria-label") for element in part.iter("nav")]
    return told


def test_a_shell_is_framed_as_a_post_in_its_language(make_site: MakeSite) -> None:
    """Skip link, header, menu and footer are those of a German post, and of an English one in the site's own."""
    output = make_site({**ENGLISH, **GERMAN})
    assert shells(output) == {"page-shell.html": "en", "page-shell.de.html": "de"}
    assert frame(output / "page-shell.de.html") == frame(output / "mut" / "index.html")
    assert frame(output / "page-shell.html") == frame(output / "trust" / "index.html")
    assert "/datenschutz/" in frame(output / "page-shell.de.html")
    assert "noindex" in (output / "page-shell.de.html").read_text()


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({}, {}),
        (AUSTRIAN, {"page-shell.de.html": "de-AT"}),
        ({**AUSTRIAN, **GERMAN}, {"page-shell.de.html": "de"}),
        ({"pages/impressum.md": PAGE.format("lang: de\n")}, {"page-shell.de.html": "de"}),
        ({"whitepapers/practice.md": whitepaper(language="de")}, {"page-shell.de.html": "de"}),
        ({"articles/mut.md": post("Mut", more="lang: de\nstatus: draft\n")}, {}),
        ({"articles/mut.md": post("Mut", more="lang: de\nstatus: hidden\n")}, {}),
        ({"articles/mut.md": post("Mut", "2999-01-01", more="lang: de\n")}, {}),
        ({"articles/tea.md": post("Tea", more="lang: en-GB\n")}, {}),
    ],
)
def test_each_language_of_what_is_public_has_one_shell(
    make_site: MakeSite, files: dict[str, str], found: dict[str, str]
) -> None:
    """Variants share it, and the site's own language has no second one; the index names what there is."""
    output = make_site({**ENGLISH, **files}, CONSENT_TEXTS=CONSENTS)
    assert shells(output) == {"page-shell.html": "en", **found}
    assert listed(output) == (["de"] if found else [])


def test_on_a_german_site_the_english_shell_is_the_further_one(make_site: MakeSite) -> None:
    """Whichever language is the site's own, the other one has its shell too."""
    output = make_site({**ENGLISH, **GERMAN}, DEFAULT_LANG="de", CONSENT_TEXTS=CONSENTS)
    assert shells(output) == {"page-shell.html": "de"}
    english = {"articles/trust.md": post("Trust", more="lang: en\n")}
    output = make_site({**ENGLISH, **english, **GERMAN}, DEFAULT_LANG="de", CONSENT_TEXTS=CONSENTS)
    assert shells(output) == {"page-shell.html": "de", "page-shell.en.html": "en"}
    assert listed(output) == ["en"]


def test_the_service_reads_the_shells(make_site: MakeSite) -> None:
    """What the build writes is what leadapi finds, for each language of a page."""
    output = make_site({**ENGLISH, **GERMAN})
    index = IndexFromFolder(output).read()
    assert index.shell_in("de") == (output / "page-shell.de.html").read_text()
    assert index.shell_in("en") == (output / "page-shell.html").read_text()


@pytest.mark.parametrize(
    ("shell", "told"),
    [
        ("<!doctype html><title>x</title><main>[[shell:main]]</main>", r"no \[\[shell:title\]\] in its title"),
        ("<!doctype html><title>[[shell:title]]</title><main></main>", r"must have \[\[shell:main\]\] once"),
        ("<!doctype html><title>[[shell:title]]</title>[[shell:main]][[shell:main]]", r"\[\[shell:main\]\] once"),
    ],
)
def test_a_shell_that_is_not_whole_stops_the_build(make_site: MakeSite, shell: str, told: str) -> None:
    """The service's pages would be empty, so the build says what is missing, and where."""
    with pytest.raises(ContentMistakes, match=rf"templates/page_shell\.html:1: .*{told}"):
        make_site({"authors/alice-archer.md": ALICE}, theme="minimal", templates={"page_shell.html": shell})


def test_a_site_without_shell_stops_the_build(make_site: MakeSite) -> None:
    """A forgotten setting is told by its name."""
    with pytest.raises(ContentMistakes, match="DIRECT_TEMPLATES"):
        make_site({"authors/alice-archer.md": ALICE}, theme="minimal", DIRECT_TEMPLATES=["index"])
