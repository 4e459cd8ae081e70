"""A whitepaper's file becomes a landing page and a thank-you page, and its text stays private."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from small_sites import MakeSite, post, write_files
from whitepaper_files import AUTHOR, ENGLISH, whitepaper

from plugins.mistakes import ContentMistakes
from plugins.whitepapers import Library, read_library

NOW = datetime(2024, 6, 1, tzinfo=UTC)
LISTED = {"index.html": "{% for p in whitepapers %}{{ p.slug }} {{ p.edition }} {{ p.page_count }};{% endfor %}"}


def library(tmp_path: Path, files: dict[str, str], **settings: Any) -> Library:
    """Read the whitepapers of a content folder as they are on June 1st, 2024."""
    write_files(tmp_path / "content", {**AUTHOR, **files})
    facts = {"PATH": str(tmp_path / "content"), "AUTHOR": "Alice Archer", "TIMEZONE": "America/Chicago"}
    return read_library({**facts, **ENGLISH, "WITH_FUTURE_DATES": False, **settings}, NOW)


def told(tmp_path: Path, files: dict[str, str]) -> str:
    """Return the mistakes in a content folder's whitepapers."""
    return "\n".join(map(str, library(tmp_path, files).mistakes))


def test_each_whitepaper_gets_a_landing_page_and_a_thank_you_page(make_site: MakeSite) -> None:
    """Both pages are at the whitepaper's address and know its title."""
    template = "{{ whitepaper.title }} {{ whitepaper.url }} {{ whitepaper.thanks_url }}"
    output = make_site(
        {**AUTHOR, "whitepapers/practice.md": whitepaper()},
        templates={"whitepaper.html": template, "whitepaper_thanks.html": "Thanks for {{ whitepaper.title }}"},
        theme="minimal",
    )
    page = (output / "whitepapers/practice/index.html").read_text()
    assert page == "Coaching in Practice whitepapers/practice/ whitepapers/practice/thanks/"
    assert (output / "whitepapers/practice/thanks/index.html").read_text() == "Thanks for Coaching in Practice"


def test_the_text_is_nowhere_in_the_output(make_site: MakeSite) -> None:
    """Neither the whitepaper's text, nor its source, nor a PDF is published."""
    output = make_site({**AUTHOR, "whitepapers/practice.md": whitepaper(), "a.md": post("Trust")}, theme="minimal")
    files = [path for path in output.rglob("*") if path.is_file()]
    assert not [path for path in files if b"secret text" in path.read_bytes()]
    assert not [path for path in files if path.suffix in (".md", ".pdf")]


def test_a_site_without_whitepapers_is_a_site(make_site: MakeSite) -> None:
    """No folder, no pages, and an empty list in the templates."""
    output = make_site({**AUTHOR, "a.md": post("Trust")}, templates=LISTED, theme="minimal")
    assert not (output / "whitepapers").exists()
    assert (output / "index.html").read_text() == ""


def test_templates_list_the_newest_first_with_the_number_of_pages(make_site: MakeSite) -> None:
    """Every page knows all whitepapers."""
    papers = {
        "whitepapers/old.md": whitepaper(slug="old", date="2020-01-01"),
        "whitepapers/b.md": whitepaper(slug="b"),
        "whitepapers/a.md": whitepaper(slug="a"),
    }
    output = make_site({**AUTHOR, **papers}, templates=LISTED, theme="minimal")
    assert (output / "index.html").read_text() == "a 1 3;b 1 3;old 1 3;"


@pytest.mark.parametrize("kept_back", [{"more": "status: draft\n"}, {"date": "2024-06-02"}])
def test_drafts_and_future_whitepapers_are_nowhere(tmp_path: Path, kept_back: dict[str, str]) -> None:
    """What is a draft or dated in the future is not offered; its name is known, for a better message."""
    found = library(tmp_path, {"whitepapers/p.md": whitepaper(**kept_back)})
    assert (found.papers, found.unpublished, found.mistakes) == ([], {"practice"}, [])


def test_a_draft_makes_no_page(make_site: MakeSite) -> None:
    """A draft's address does not exist."""
    draft = whitepaper(more="status: draft\n")
    output = make_site({**AUTHOR, "whitepapers/practice.md": draft}, theme="minimal")
    assert not (output / "whitepapers").exists()


def test_the_highest_edition_is_the_current_one(tmp_path: Path) -> None:
    """Several files may be editions of one whitepaper; the tenth comes after the ninth."""
    files = {f"whitepapers/p.{edition}.md": whitepaper(edition=edition) for edition in ("9", "10", "2.1")}
    assert [paper.edition for paper in library(tmp_path, files).papers] == ["10"]


def test_the_service_hands_out_earlier_editions_and_the_site_offers_the_newest(
    make_site: MakeSite, tmp_path: Path
) -> None:
    """Each edition has its PDF, for links that were sent before; landing page and index know the newest alone."""
    files = {
        "whitepapers/new/practice.md": whitepaper("Better Practice", edition="2"),
        "whitepapers/practice.md": whitepaper(),
        "a.md": post("Trust", more="whitepaper: practice\n"),
    }
    output = make_site({**AUTHOR, **files})
    assert {path.name for path in (tmp_path / "var/whitepapers/practice").glob("*.pdf")} == {"1.pdf", "2.pdf"}
    told = json.loads((output / "public-index.json").read_text())["whitepapers"]["practice"]
    assert (told["title"], told["edition"]) == ("Better Practice", "2")
    assert "Better Practice" in (output / "whitepapers/practice/index.html").read_text()
    assert not [page for page in output.rglob("*.html") if "Coaching in Practice" in page.read_text()]


def test_a_draft_edition_leaves_the_earlier_one_in_place(tmp_path: Path) -> None:
    """While the second edition is written the first is offered."""
    files = {
        "whitepapers/p.md": whitepaper(),
        "whitepapers/p.2.md": whitepaper(edition="2", more="status: draft\n"),
    }
    found = library(tmp_path, files)
    assert [paper.edition for paper in found.papers] == ["1"]
    assert not found.unpublished


def test_an_edition_exists_once(tmp_path: Path) -> None:
    """Two files with one slug and one edition are told, with both files' names."""
    message = told(tmp_path, {"whitepapers/a.md": whitepaper(), "whitepapers/b.md": whitepaper()})
    assert "b.md:3: " in message
    assert 'whitepapers/a.md is edition 1 of "practice" too.' in message


@pytest.mark.parametrize(
    ("wrong", "line", "text"),
    [
        (whitepaper().replace("title: Coaching in Practice\n", ""), 1, "title is missing."),
        (whitepaper().replace("summary: What Coaching in Practice holds.\n", ""), 1, "summary is missing."),
        (whitepaper().replace("edition: '1'\n", ""), 1, 'edition is missing. Add a line like edition: "1"'),
        (whitepaper().replace("language: en\n", ""), 1, "language is missing. Add a line like language: en"),
        (whitepaper(slug="Not/A/Slug"), 3, 'The slug "Not/A/Slug" cannot be an address'),
        (whitepaper(edition="../1"), 5, "edition becomes part of a file name."),
        (whitepaper(language="english please"), 6, 'language "english please" is no language.'),
        (whitepaper(language="de"), 6, 'Add the consent "de-1" in CONSENT_TEXTS of pelicanconf.py.'),
        (whitepaper(date="someday"), 7, "date"),
        (whitepaper(more="fields:\n  name: required\n  compnay: optional\n"), 11, 'Did you mean "company"?'),
        (
            whitepaper(more="fields: {shoe_size: optional}\n"),
            9,
            "Known are name, company, job_title, phone, country.",
        ),
        (whitepaper(more="fields: {name: yes}\n"), 9, "Write name: required or name: optional."),
        (whitepaper(more="fields: {name: perhaps}\n"), 9, 'The field "name" is neither required nor optional.'),
        (whitepaper(more="fields: {email: optional}\n"), 9, "fields names email, which every form asks for."),
        (whitepaper(more="fields: name\n"), 9, "Write fields: {name: required, company: optional}"),
        (whitepaper(more="fields:\n"), 9, "or fields: {} to ask for the e-mail address alone."),
        (whitepaper(more="fields: {1: {2: 3}}\n"), 9, 'fields names "1", which no form has.'),
        (whitepaper(more="what_you_get: Much\n"), 9, "what_you_get is not a list of texts."),
        (whitepaper(more="what_you_get: [12]\n"), 9, "what_you_get is not a list of texts."),
        (
            whitepaper(more="thanks: 12\n"),
            9,
            'thanks is not text. Put it in double quotes, on one line: thanks: "12"',
        ),
    ],
)
def test_a_mistake_is_told_with_file_line_and_fix(tmp_path: Path, wrong: str, line: int, text: str) -> None:
    """Whatever is missing or malformed is named where it stands."""
    message = told(tmp_path, {"whitepapers/p.md": wrong})
    assert f"whitepapers/p.md:{line}: " in message
    assert text in message


def test_a_mistake_stops_the_build_before_anything_is_written(make_site: MakeSite, tmp_path: Path) -> None:
    """Nothing is published while a whitepaper is wrong."""
    wrong = whitepaper().replace("language: en\n", "")
    with pytest.raises(ContentMistakes, match="language is missing"):
        make_site({**AUTHOR, "whitepapers/p.md": wrong}, theme="minimal")
    assert not list((tmp_path / "output").rglob("*.html"))
