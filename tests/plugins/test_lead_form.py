"""Each whitepaper's form asks what its author chose, in the language of the page on which it stands."""

from pathlib import Path
from typing import Any

import html5lib
import pytest
from small_sites import ALICE, MakeSite, post
from whitepaper_files import whitepaper

CONSENTS = {"en-1": "Yes?", "de-1": "Ja?", "en-2": "Yes, please?"}
FILES = {
    "authors/alice-archer.md": ALICE,
    "whitepapers/practice.md": whitepaper(),
    "whitepapers/praxis.md": whitepaper(
        "Praxis",
        "praxis",
        language="de",
        more="fields: {job_title: optional, company: required, phone: optional, country: optional, "
        "name: optional}\n"
        'what_you_get: ["Arbeitsblätter für <sechs> Wochen"]\nthanks: "Viel Freude & Erfolg damit."\n',
    ),
    "whitepapers/short.md": whitepaper("Short", "short", date="2023-05-01", more="fields: {}\n"),
    "trust.md": post("Trust"),
    "vertrauen.md": post("Vertrauen", more="lang: de\n"),
    "mixed.md": post("Mixed", more="whitepaper: praxis\n"),
}


@pytest.fixture
def site(make_site: MakeSite) -> Path:
    """A site with three whitepapers."""
    return make_site(FILES, CONSENT_TEXTS=CONSENTS)


def form_at(site: Path, address: str) -> Any:
    """The form for a whitepaper on a page."""
    tree = html5lib.parse((site / address / "index.html").read_text(), namespaceHTMLElements=False)
    [form] = [form for form in tree.iter("form") if form.get("action") == "/api/leads"]
    return form


def asked(form: Any) -> list[tuple[str, str, bool]]:
    """What a person is asked: each field's name and label, and whether it must be answered."""
    labels = {label.get("for"): " ".join("".join(label.itertext()).split()) for label in form.iter("label")}
    typed = [field for field in form.iter("input") if field.get("type") not in ("hidden", "checkbox")]
    fields = [(field.get("name"), labels[field.get("id")], "required" in field.attrib) for field in typed]
    assert fields.pop()[0] == "website"
    return fields


def sent_along(form: Any) -> dict[str, str]:
    """What the form says by itself."""
    return {field.get("name"): field.get("value") for field in form.iter("input") if field.get("type") == "hidden"}


def consent(form: Any) -> str:
    """The words beside the box, which nobody has ticked."""
    [box] = [field for field in form.iter("input") if field.get("type") == "checkbox"]
    assert "checked" not in box.attrib and "required" not in box.attrib
    [label] = [label for label in form.iter("label") if label.get("for") == box.get("id")]
    return str(label.text)


def test_a_form_asks_name_and_company_where_nothing_is_chosen(site: Path) -> None:
    """The name must be there, the company may; the consent is the newest in English, with its version."""
    for address, cta in (("trust", "end"), ("whitepapers/practice", "landing")):
        form = form_at(site, address)
        assert asked(form) == [
            ("email", "E-mail address", True),
            ("name", "Name", True),
            ("company", "Company (optional)", False),
        ]
        post_of = {"post": "trust"} if cta == "end" else {}
        assert sent_along(form) == {"whitepaper": "practice", "cta": cta, "consent_version": "en-2", **post_of}
        assert consent(form) == "Yes, please?"


def test_a_form_asks_what_its_author_chose_in_the_posts_language(site: Path) -> None:
    """Under a German post the fields of the German whitepaper are asked in German, in one order everywhere."""
    for address in ("vertrauen", "whitepapers/praxis"):
        form = form_at(site, address)
        assert asked(form) == [
            ("email", "E-Mail-Adresse", True),
            ("name", "Name (freiwillig)", False),
            ("company", "Unternehmen", True),
            ("job_title", "Position (freiwillig)", False),
            ("phone", "Telefon (freiwillig)", False),
            ("country", "Land (freiwillig)", False),
        ]
        assert sent_along(form)["consent_version"] == "de-1" and consent(form) == "Ja?"
        assert [link.get("href") for link in form.iter("a")] == ["/datenschutz/"]
        assert form.get("data-missing") == "Bitte füllen Sie dieses Feld aus."


def test_a_form_may_ask_for_the_address_alone(site: Path) -> None:
    """Nothing but the address has to be given for a whitepaper whose author asks no more."""
    assert asked(form_at(site, "whitepapers/short")) == [("email", "E-mail address", True)]


def test_a_post_asks_in_its_own_language_for_a_whitepaper_in_another(site: Path) -> None:
    """Whoever reads English is asked in English, and the German title is said to be German."""
    form = form_at(site, "mixed")
    assert asked(form)[2] == ("company", "Company", True)
    assert consent(form) == "Yes, please?" and sent_along(form)["whitepaper"] == "praxis"
    assert '<cite lang="de">Praxis</cite>' in (site / "mixed/index.html").read_text().replace("=de>", '="de">')


def test_an_authors_words_stand_on_both_pages(site: Path) -> None:
    """The landing page lists what the author promises, before what all whitepapers have; then there are thanks."""
    tree = html5lib.parse((site / "whitepapers/praxis/index.html").read_text(), namespaceHTMLElements=False)
    [listed] = [ul for ul in tree.iter("ul") if any("Arbeits" in (li.text or "") for li in ul)]
    assert [li.text for li in listed][:2] == [
        "Arbeitsblätter für <sechs> Wochen",
        "3 Seiten als PDF mit Inhaltsverzeichnis, am Bildschirm oder auf Papier zu lesen",
    ]
    thanks = html5lib.parse(
        (site / "whitepapers/praxis/thanks/index.html").read_text(), namespaceHTMLElements=False
    )
    assert "Viel Freude & Erfolg damit." in [p.text for p in thanks.iter("p")]
    assert thanks.get("lang") == "de" and [h.text for h in thanks.iter("h1")] == ["Sehen Sie in Ihr Postfach"]
