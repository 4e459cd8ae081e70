"""A German page is German through and through, and where German stands on an English page it says so."""

import gzip
import re
from pathlib import Path
from typing import Any

import pytest
from babel.messages.pofile import read_po
from built_site import GERMAN_POST, GERMAN_WHITEPAPER, POST, SITE_URL, Page, Site, words
from project_copy import ROOT

from leadapi.settings import Settings

CATALOGUE = Path(ROOT, "theme", "translations", "de", "LC_MESSAGES", "messages.po")
GERMAN = (GERMAN_POST, "/drei-minuten-nach-dem-kundentermin/", GERMAN_WHITEPAPER, "/datenschutz/")
ENGLISH_DAY = re.compile(r"(January|March|May|June|July|October|December) \d|\b(and|the|with) ")


def said(page: Page) -> list[str]:
    """Each text and each sentence for ears or for the script, outside what says that it is in another language."""
    found: list[str] = []

    def gather(element: Any, spoken: str) -> None:
        spoken = element.get("lang") or spoken
        if element.tag not in ("script", "style") and spoken == "de":
            found.append(element.text or "")
            found.extend(v for k, v in element.attrib.items() if k.startswith(("aria-label", "data-")))
        for child in element:
            gather(child, spoken)
            if spoken == "de":
                found.append(child.tail or "")

    gather(page.tree, "")
    return [" ".join(text.split()) for text in found if text.strip()]


@pytest.mark.parametrize("address", [*GERMAN, f"{GERMAN_WHITEPAPER}thanks/", "/page-shell.de.html"])
def test_nothing_on_a_german_page_is_english(published: Site, address: str) -> None:
    """No word of the theme, no date and no menu entry is left in English; what is English says so."""
    page = published.page(address)
    assert page.tree.get("lang") == "de"
    with CATALOGUE.open("rb") as file:
        german = read_po(file, locale="de")
    english = {word for message in german if message.id for word in [message.id] if word != message.string}
    shown = said(page)
    assert [text for text in shown if text in english] == []
    assert [text for text in shown if ENGLISH_DAY.search(text)] == []
    menu = [words(link) for link in page.all("nav")[0].iter("a")]
    assert menu == ["Artikel", "Archiv", "Über uns", "Datenschutz"]
    assert "Coachen statt managen" in words(page.all("footer")[0])


@pytest.mark.parametrize("address", [GERMAN_POST, GERMAN_WHITEPAPER])
def test_a_german_form_asks_in_german(published: Site, address: str) -> None:
    """The fields of its whitepaper, the consent and what is stored are all told in the reader's language."""
    page = published.page(address)
    [form] = page.all("form", action="/api/leads")
    fields = {field.get("name"): field for field in form.iter("input")}
    assert {"email", "name", "company", "job_title"} <= set(fields) and "phone" not in fields
    assert [name for name, field in fields.items() if "required" in field.attrib] == ["email", "company"]
    assert fields["consent_version"].get("value") == "de-1"
    text = words(form)
    for sentence in ("E-Mail-Adresse", "Name (freiwillig)", "Position (freiwillig)", "Whitepaper anfordern"):
        assert sentence in text
    assert "Ja, Progress Coaching darf mir gelegentlich auch Artikel und Angebote per E-Mail schicken." in text
    assert {link.get("href") for link in form.iter("a")} == {"/datenschutz/"}


def test_a_date_is_written_in_german(published: Site) -> None:
    """Under a German post the day is written as Germans write it."""
    [meta] = [ul for ul in published.page(GERMAN_POST).all("ul", class_="meta") if "Lesezeit" in words(ul)]
    facts = [words(item) for item in meta]
    assert facts == ["Von Codie Lynn Thompson", "17. März 2022", "3 Min. Lesezeit", "0 Kommentare"]


def test_lists_say_which_posts_are_german(published: Site) -> None:
    """A German post stands in the usual lists, and screen readers pronounce its title and summary in German."""
    for address in ("/", "/archives/", "/category/leadership/", "/author/codie-lynn-thompson/"):
        page = published.page(address)
        links = page.all("a", href=GERMAN_POST)
        assert links, address
        assert {(link.get("lang"), link.get("hreflang")) for link in links} == {("de", "de")}, address
        if address != "/archives/":
            [card] = [li for li in page.all("li", class_="card") if links[0] in list(li.iter("a"))]
            assert [p.get("lang") for p in card.iter("p") if "Wer führt" in words(p)] == ["de"]
        english = page.all("a", href="/eleven-minutes-on-a-tuesday/")
        assert english and {link.get("lang") for link in english} == {None}


def test_the_english_front_page_offers_the_english_whitepaper(published: Site) -> None:
    """However new the German one is."""
    [offer] = published.page("/").all("aside")
    assert "Coaching and Motivating Employees" in words(offer)


def test_the_two_privacy_pages_name_each_other(published: Site) -> None:
    """Search engines learn that they say the same in two languages."""
    named = [("en", f"{SITE_URL}/privacy/"), ("de", f"{SITE_URL}/datenschutz/")]
    for address in ("/privacy/", "/datenschutz/"):
        links = published.page(address).all("link", rel="alternate")
        assert [(link.get("hreflang"), link.get("href")) for link in links if link.get("hreflang")] == named
    assert not [link for link in published.page(POST).all("link") if link.get("hreflang")]


@pytest.mark.parametrize(
    ("address", "door", "kept"),
    [
        ("/privacy/", "/api/privacy", "erased when you have not used them for {months} months"),
        ("/datenschutz/", "/api/privacy?lang=de", "wenn Sie {months} Monate lang nichts davon genutzt haben"),
    ],
)
def test_a_privacy_page_leads_to_what_it_promises(published: Site, address: str, door: str, kept: str) -> None:
    """Its links lead to the service's form in its own language; the months are those that the service keeps to."""
    page = published.page(address)
    doors = [link.get("href") for link in page.all("a") if "/api/" in link.get("href", "")]
    assert doors == [door, door]
    assert kept.format(months=Settings.model_fields["retention_months"].default) in words(page.all("main")[0])


def test_a_german_page_is_as_light(published: Site) -> None:
    """12 kB at gzip level 9 at most, as for every post."""
    path = published.file(GERMAN_POST)
    assert path and len(gzip.compress(path.read_bytes(), 9)) <= 12_000
