"""The service speaks English and German: no sentence is forgotten, and each reader is answered in their post's."""

import re
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.frontend import CommandLineInterface
from babel.messages.pofile import read_po
from jinja2 import Environment, nodes
from jinja2.ext import GETTEXT_FUNCTIONS

from leadapi import languages, letters, pages
from leadapi.languages import _, number, said, spoken
from leadapi.public_index import PublicIndex

ROOT = Path(__file__).parents[2]
TEMPLATES = ROOT / "leadapi" / "templates"
OWNERS = re.compile(r"(desk|dev_|digest|moderation|new_lead|sign_in|wave).*")
"""Templates that only the owner sees; they are in English."""

ATTRIBUTES = re.compile(r'[\w-]+="[^"]*"|\brequired\b')
"""A macro's, which stand outside any tag."""

NAMES = {"UTC"}
MARKS = re.compile(r"%\(\w+\)s|<[^>]*>|&\w+;")


@pytest.fixture(scope="module")
def marked(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """What `make translations` finds in leadapi."""
    found = tmp_path_factory.mktemp("words") / "messages.pot"
    command = ["pybabel", "-q", "extract", "-F", str(ROOT / "pyproject.toml"), "-o", str(found)]
    CommandLineInterface().run([*command, str(ROOT / "leadapi")])
    with found.open("rb") as file:
        return read_po(file)


@pytest.fixture(scope="module", params=sorted(languages.CATALOGUES))
def catalogue(request: pytest.FixtureRequest) -> Catalog:
    """A translator's file."""
    with languages.CATALOGUES[request.param].open("rb") as file:
        return read_po(file, locale=request.param)


def test_every_sentence_is_translated(marked: Catalog, catalogue: Catalog) -> None:
    """Each marked sentence has a translation that nobody doubts, and none is kept that is no longer said."""
    said_now = {message.id for message in marked if message.id}
    missing = [text for text in said_now if not (found := catalogue.get(text)) or not found.string]
    assert missing == [], "`make translations` enters them into leadapi/translations/*/LC_MESSAGES/messages.po."
    assert {message.id for message in catalogue if message.id} - said_now == set()
    assert [message.id for message in catalogue if message.fuzzy and message.id] == []
    assert len(said_now) > 100


def test_a_translation_keeps_every_value_and_tag(catalogue: Catalog) -> None:
    """What is filled in, and the HTML around it, stands in each translation as often as in English."""
    assert list(catalogue.check()) == []
    for message in catalogue:
        if message.id:
            assert sorted(MARKS.findall(message.id)) == sorted(MARKS.findall(message.string)), message.id
            assert message.id.endswith("\n") == message.string.endswith("\n"), message.id


VISITORS = sorted(path for path in TEMPLATES.rglob("*.*") if not OWNERS.fullmatch(path.name))


@pytest.mark.parametrize("template", VISITORS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_no_word_of_a_visitors_template_is_kept_from_translators(template: Path) -> None:
    """Whatever a visitor reads stands in `_(...)` or {% trans %}."""
    tree = Environment(extensions=["jinja2.ext.i18n"]).parse(template.read_text())
    plain = "".join(node.data for node in tree.find_all(nodes.TemplateData))
    words = re.findall(r"[^\W\d_]{2,}", ATTRIBUTES.sub("", re.sub(r"<[^>]*>", "", plain)))
    assert set(words) - NAMES == set()
    marked = {id(text) for call in tree.find_all(nodes.Call) if _marks(call) for text in call.args}
    marked |= {id(pair.key) for pair in tree.find_all(nodes.Pair)}
    texts = [node.value for node in tree.find_all(nodes.Const) if id(node) not in marked]
    assert [text for text in texts if isinstance(text, str) and re.search(r"[A-Z][a-z]|[a-z] [a-z]", text)] == []


def _marks(call: nodes.Call) -> bool:
    return isinstance(call.node, nodes.Name) and call.node.name in GETTEXT_FUNCTIONS


def test_a_sentence_is_english_until_it_is_said_in_another_language() -> None:
    """The values are filled in, those that are sentences in the same language, and numbers as it writes them."""
    sentence = _(
        "Please shorten %(what)s to %(most)s characters; it has %(count)s.",
        what=_("your name"),
        most=4_000,
        count=12_345,
    )
    assert sentence == "Please shorten your name to 4,000 characters; it has 12,345."
    assert said(sentence, "en") == said(sentence, "fr") == sentence
    assert said(sentence, "de") == "Bitte kürzen Sie Ihren Namen auf 4.000 Zeichen; zurzeit sind es 12.345."
    assert said("Reply", "de") == "Reply"
    assert said(_("The field %(name)s must be a text.", name="%(x)s %"), "de").startswith("Das Feld %(x)s % ")


@pytest.mark.parametrize(
    ("tag", "language"),
    [
        ("de", "de"),
        ("de-AT", "de"),
        ("DE-de-1996", "de"),
        ("en-GB", "en"),
        ("fr", "en"),
        ("", "en"),
        ("../de", "en"),
    ],
)
def test_a_tag_is_answered_in_a_language_that_we_speak(tag: str, language: str) -> None:
    """A variant is answered in its language, and what nobody translated in English."""
    assert spoken(tag) == language
    assert number(4_000, tag) == {"de": "4.000", "en": "4,000"}[language]
    letter = letters.confirmation(SENDER, "a@example.com", "A Paper", "https://x", "1", tag)
    assert (letter.language, f'<html lang="{language}">' in letter.html) == (language, True)


SENDER = letters.Sender("The Blog", "https://blog.example.com", "blog.example.com", ("a key that nobody guesses",))


@pytest.mark.parametrize(
    ("shell", "language", "around"),
    [
        ('<html lang="en">', "de-AT", '<div lang="de">'),
        ("<html lang=de>", "en", '<div lang="en">'),
        ("<html lang=fr>", "en", '<div lang="en">'),
        ("<html class=x lang='de-DE'>", "de", ""),
        ('<html lang="en">', "en", ""),
        ('<html lang="en">', "fr", ""),
        ("<html>", "en", '<div lang="en">'),
    ],
)
def test_a_page_says_its_language_where_it_is_not_its_shells(shell: str, language: str, around: str) -> None:
    """Screen readers pronounce the main part right, also inside a header of another language."""
    whole = f"<!doctype html>{shell}<title>[[shell:title]]</title><main>[[shell:main]]</main>"
    page = pages.render(
        "error", PublicIndex(shell=whole), language=language, heading="H", message="M", instead=None
    )
    assert page.partition("<main>")[2].lstrip().startswith(around or "<article")
    assert ("Zurück zum Blog" in page) == (spoken(language) == "de")
