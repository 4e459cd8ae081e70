"""The theme speaks English and German: no word is forgotten, and in English all is said as before."""

import re
from collections.abc import Iterator
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import jinja2
import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from jinja2 import nodes
from jinja2.ext import GETTEXT_FUNCTIONS, babel_extract
from small_sites import ALICE, ROOT, MakeSite, post
from whitepaper_files import whitepaper

from plugins.languages import long_date, month
from plugins.mistakes import ContentMistakes

TEMPLATES = sorted((ROOT / "theme" / "templates").glob("*.html"))
OPTIONS = {"trim_blocks": "true", "lstrip_blocks": "true", "silent": "false"}
SHOWN = re.compile(r"aria-label|alt|title|placeholder|data-(?!enhance|count).*")
ATTRIBUTES = re.compile(r'[\w-]+="[^"]*"|\brequired\b')  # a macro's, which stand outside any tag
NAMES = {"Atom", "RSS", "JSON"}
FILES = {
    "a.md": post("Trust", "2024-05-01", more="modified: 2024-05-31\n"),
    "b.md": post("Asking", "2024-04-01"),
    "whitepapers/practice.md": whitepaper(),
    "authors/alice-archer.md": ALICE,
}


FRENCH = whitepaper("Pratique", "pratique", language="fr")


def catalogue(language: str) -> Catalog:
    """A translator's file."""
    with (ROOT / "theme" / "translations" / language / "LC_MESSAGES" / "messages.po").open("rb") as typed:
        return read_po(typed, locale=language)


def marked_words() -> Iterator[tuple[Any, str | None]]:
    """Each marked word of the templates, as (text or its two numbers, its use)."""
    for template in TEMPLATES:
        with template.open("rb") as file:
            for _, function, said, _ in babel_extract(file, GETTEXT_FUNCTIONS, (), OPTIONS):
                words = tuple(word for word in ([said] if isinstance(said, str) else said) if word)
                use = words[0] if function == "pgettext" else None
                yield (words[1] if use else words if function == "ngettext" else words[0]), use


class Shown(HTMLParser):
    """Gathers what a reader sees or hears of a template, without what Jinja puts in."""

    def __init__(self, template: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.feed(template)

    def handle_data(self, data: str) -> None:
        self.words.append(ATTRIBUTES.sub("", data))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.words += [value for name, value in attrs if value and SHOWN.fullmatch(name)]


def constants(node: nodes.Node) -> Iterator[str]:
    """The texts in a template's expressions that no translator sees."""
    for child in node.iter_child_nodes():
        name = child.node.name if isinstance(child, nodes.Call) and isinstance(child.node, nodes.Name) else ""
        if name in GETTEXT_FUNCTIONS:
            continue
        if isinstance(child, nodes.Const) and isinstance(child.value, str):
            yield child.value
        yield from constants(child)


def test_every_word_of_the_theme_has_a_german_one() -> None:
    """What a template says is translated whole, and nothing is translated that no template says."""
    german = catalogue("de")
    asked = set(marked_words())
    missing = [said for said, use in asked if not (found := german.get(said, use)) or not all(found.string or ())]
    assert len(asked) > 80 and missing == []
    assert [message.id for message in german if message.id and (message.id, message.context) not in asked] == []
    assert [message.id for message in german if message.fuzzy and message.id] == []
    assert list(german.check()) == []


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_no_word_of_a_template_is_kept_from_translators(template: Path) -> None:
    """Whatever a reader sees, hears or is told by the script stands in `_(...)` or {% trans %}."""
    text = re.sub(r"{#.*?#}|{% trans\b.*?{% endtrans %}|\[\[.*?\]\]", "", template.read_text(), flags=re.DOTALL)
    plain = re.sub(r"{{.*?}}|{%.*?%}", "", text, flags=re.DOTALL)
    letters = re.compile(r"[^\W\d_]{2}")
    words = {word.strip(" \n().") for word in Shown(plain).words}
    assert {word for word in words if letters.search(word)} - NAMES == set()
    expressions = constants(jinja2.Environment(extensions=["jinja2.ext.i18n"]).parse(text))
    assert [said for said in expressions if re.search(r"[A-Z][a-z]|[a-z] [a-z]", said)] == []


def test_english_pages_say_what_they_have_always_said(make_site: MakeSite) -> None:
    """The words around a post and a whitepaper, as readers of the English blog know them."""
    output = make_site(FILES)

    def words(address: str) -> str:
        page = (output / address / "index.html").read_text()
        page = re.sub(r"<(style|script)\b.*?</\1>", "", page, flags=re.DOTALL)
        return " ".join(re.sub(r"<[^>]*>", " ", page).split())

    said = words("trust")
    for sentence in (
        "Skip to the text The Progress Coaching Blog Articles Archives About Privacy Coaching Trust About trust.",
        "By Alice Archer May 1, 2024 Updated May 31, 2024 1 min read 0 comments",
        "Free whitepaper Coaching in Practice What Coaching in Practice holds. Click me E-mail address",
        "We send the link to this address. Name Company (optional) Yes, Progress Coaching may also send me "
        "occasional articles and offers by e-mail. I can stop them at any time. Leave this empty "
        "Send me the whitepaper You get one e-mail with a link. What we store, and why",
        "Filed under Coaching trust ← Previous post Asking About the Author Alice Archer Coach Alice coaches.",
        "0 comments Nobody has replied yet. Leave a Reply Thank you. Your reply is waiting for approval. Name "
        "E-mail address It is never shown. Reply At most 4,000 characters.",
        "Send reply We read each reply before it appears. What we store, and why",
        "© Progress Coaching. Coaching instead of managing. Follow by Atom , RSS or JSON feed",
    ):
        assert sentence in said
    assert (
        "What you get 3 pages as a PDF, with a table of contents, to read on any screen or on paper Edition 1, by "
        "Alice Archer One e-mail with a link, right away. Nothing else, unless you tick the box Where shall we"
    ) in words("whitepapers/practice")
    assert (
        "Check your inbox Thank you. An e-mail is on its way to you. Follow the link in it, and Coaching in "
        "Practice is yours. No e-mail after five minutes? Look in your spam folder. Fill in the form again : "
        "perhaps there was a typo in the address. Back to the blog"
    ) in words("whitepapers/practice/thanks")
    assert "Archives 2 posts, newest first. 2024 Trust May 1, 2024 Asking April 1, 2024" in words("archives")


@pytest.mark.parametrize(
    ("language", "written", "month_alone"),
    [
        ("en", "May 31, 2012", "May 2012"),
        ("en-GB", "31 May 2012", "May 2012"),
        ("de", "31. Mai 2012", "Mai 2012"),
        ("de-AT-x1", "31. Mai 2012", "Mai 2012"),
        ("pt-BR", "31 de maio de 2012", "maio de 2012"),
        ("zz", "May 31, 2012", "May 2012"),
    ],
)
def test_a_day_is_written_as_its_language_does(language: str, written: str, month_alone: str) -> None:
    """Dates follow the language, those of a variant that nobody knows the language itself."""
    day = date(2012, 5, 31)
    assert (long_date(day, language), month(day, language)) == (written, month_alone)


@pytest.mark.parametrize(
    ("file", "text", "told"),
    [
        (
            "a.md",
            post("A", more="lang: fr\n"),
            r'a\.md:8: The site does not speak "fr" yet\. Add .*theme/translat',
        ),
        ("a.md", post("A", more="lang: fr\n"), r'messages\.po and the consent "fr-1" in CONSENT_TEXTS'),
        (
            "pages/p.md",
            "---\ntitle: P\nlang: fr\n---\nX\n",
            r"p\.md:3: .*/fr/LC_MESSAGES/messages\.po\. The section",
        ),
        ("whitepapers/p.md", whitepaper(language="pt-BR"), r"p\.md:6: .*translations/pt_BR/LC_MESSAGES"),
    ],
)
def test_a_language_without_words_is_told_with_what_to_add(
    make_site: MakeSite, file: str, text: str, told: str
) -> None:
    """The author is told file and line, and what the site needs before it can speak the language."""
    with pytest.raises(ContentMistakes, match=told):
        make_site({"authors/alice-archer.md": ALICE, file: text})


def test_a_page_needs_no_consent(make_site: MakeSite) -> None:
    """A page without forms needs the theme's words alone, and a variant of a language none of its own."""
    page = "---\ntitle: P\nlang: de-AT\n---\nX\n"
    output = make_site({"authors/alice-archer.md": ALICE, "pages/p.md": page}, CONSENT_TEXTS={"en-1": "Yes."})
    assert "Zum Text springen" in (output / "p/index.html").read_text()


def test_a_third_language_is_added_by_its_words_alone(make_site: MakeSite, tmp_path: Path) -> None:
    """With a catalogue, a consent and what differs, pages speak French; what has no word stays English."""
    catalogue = tmp_path / "theme" / "translations" / "fr" / "LC_MESSAGES" / "messages.po"
    catalogue.parent.mkdir(parents=True)
    catalogue.write_text(
        'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n'
        '"Plural-Forms: nplurals=2; plural=(n > 1);\\n"\n'
        '\nmsgid "%(count)s comment"\nmsgid_plural "%(count)s comments"\n'
        'msgstr[0] "%(count)s commentaire"\nmsgstr[1] "%(count)s commentaires"\n'
    )
    for name in ("templates", "static"):
        (tmp_path / "theme" / name).symlink_to(ROOT / "theme" / name)
    output = make_site(
        {**FILES, "c.md": post("Confiance", "2024-01-02", more="lang: fr\n"), "whitepapers/p.md": FRENCH},
        THEME=str(tmp_path / "theme"),
        CONSENT_TEXTS={"en-1": "Yes.", "fr-1": "Oui, volontiers."},
        LANGUAGES={"fr": {"MENU": [("Articles du blog", "/")], "PRIVACY_URL": "/confidentialite/"}},
    )
    page = (output / "confiance/index.html").read_text()
    for said in ("2 janvier 2024", "0 commentaire<", "Oui, volontiers.", "Articles du blog", "/confidentialite/"):
        assert said in page, said
    assert "Leave a Reply" in page and "Coaching instead of managing" in page


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            'msgid "By %(name)s"\nmsgstr "Von %(nahme)s"\n',
            r'messages\.po:5: "By %\(name\)s" is not translated whole',
        ),
        ("msgid whoops\n", r"messages\.po:\d: The catalogue cannot be read"),
    ],
)
def test_a_translators_slip_is_told_with_its_line(
    make_site: MakeSite, tmp_path: Path, text: str, told: str
) -> None:
    """A catalogue that would lose a name, or that cannot be read, stops the build."""
    head = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\n#, python-format\n'
    catalogue = tmp_path / "theme" / "translations" / "de" / "LC_MESSAGES" / "messages.po"
    catalogue.parent.mkdir(parents=True)
    catalogue.write_text(head + text)
    (tmp_path / "theme" / "templates").symlink_to(ROOT / "theme" / "templates")
    with pytest.raises(ContentMistakes, match=told):
        make_site({"authors/alice-archer.md": ALICE}, THEME=str(tmp_path / "theme"))
