"""The service's pages stand in the blog's shell, whatever was typed into them."""

import html5lib
import pytest

from leadapi import pages
from leadapi.public_index import PublicIndex

SHELL = (
    '<!doctype html><html lang="de"><head><meta charset="utf-8"><title>[[shell:title]]</title></head>'
    "<body><header>Blog</header><main>[[shell:main]]</main></body></html>"
)
SITE = PublicIndex(shell=SHELL)
HOSTILE = "</title><script>alert(1)</script>[[shell:main]][[shell:title]]{{7*7}}&\"'"


@pytest.mark.parametrize("shell", [SHELL, None, "broken", "[[shell:main]] alone"])
def test_a_page_is_whole_in_any_shell(shell: str | None) -> None:
    """Title, one h1, a language and a main part are there also when the build left no usable shell."""
    page = pages.render("error", PublicIndex(shell=shell), heading=HOSTILE, message=HOSTILE, instead=None)
    document = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(page)
    assert document.find("head/title").text == HOSTILE
    assert [h1.text for h1 in document.iter("h1")] == [HOSTILE]
    assert document.get("lang") == ("de" if shell is SHELL else "en")
    assert document.find("body/main") is not None
    assert not list(document.iter("script"))


@pytest.mark.parametrize(
    ("language", "worn", "said"),
    [
        ("de", "de", "Zurück"),
        ("de-AT", "de", "Zurück"),
        ("en", "fr", "Back"),
        ("fr", "fr", "Back"),
        (None, "fr", "Back"),
    ],
)
def test_a_page_wears_the_shell_of_its_language(language: str | None, worn: str, said: str) -> None:
    """Where the site has one; other pages and those for the owner wear the site's own, and say their language."""
    own = SHELL.replace('"de"', '"fr"')
    site = PublicIndex(language="fr", shell=own, shells={"de": SHELL})
    page = pages.render("error", site, language=language, heading="H", message="M", instead=None)
    document = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(page)
    assert document.get("lang") == worn
    assert [part.get("lang") for part in document.find("body/main") if part.get("lang")] == ["en"] * (worn == "fr")
    assert said in page


def test_the_owners_pages_wear_the_sites_own_shell() -> None:
    """They are in English, but whoever owns a German site finds its own menu around them."""
    site = PublicIndex(language="de", shell=SHELL, shells={"en": SHELL.replace('"de"', '"en"')})
    page = pages.render("desk_enter", site, action="/admin/sign-in/x")
    assert '<html lang="de">' in page and '<div lang="en">' in page


def test_a_token_that_was_typed_is_text() -> None:
    """The shell is filled once: typed tokens do not duplicate the page."""
    page = pages.render("error", SITE, heading="[[shell:main]]", message="x", instead=None)
    assert page.count("<h1>") == 1


def test_a_refused_form_keeps_what_was_typed_and_ties_each_error_to_its_field() -> None:
    """Each refused field is invalid, described by its sentence, and linked from the summary."""
    page = pages.render(
        "lead_form",
        SITE,
        values={"email": 'al"ice', "name": HOSTILE, "whitepaper": "a-paper", "cta": "end", "other": "x"},
        errors={"email": "Not an address.", "whitepaper": "Not here."},
        notice="Nothing was saved.",
        whitepaper_title="A Paper",
        asked={"name": "required", "company": "optional", "phone": "optional"},
        consent={"version": "en-1", "text": "Yes"},
        consent_given=True,
    )
    document = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(page)
    inputs = {i.get("name"): i for i in document.iter("input")}
    assert inputs["email"].get("value") == 'al"ice'
    assert inputs["email"].get("aria-invalid") == "true"
    described = (inputs["email"].get("aria-describedby") or "").split()
    ids = {e.get("id"): e for e in document.iter() if e.get("id")}
    assert [ids[i].text for i in described][-1] == "Not an address."
    assert "field-error" in (ids["email-error"].get("class") or "")
    assert inputs["name"].get("value") == HOSTILE
    assert inputs["name"].get("aria-invalid") is None
    assert inputs["marketing_consent"].get("checked") is not None
    assert inputs["whitepaper"].get("value") == "a-paper"
    assert inputs["cta"].get("type") == "hidden"
    assert "other" not in inputs
    links = [(a.get("href"), a.text) for a in document.iter("a")]
    assert ("#email", "Not an address.") in links
    assert all(href.lstrip("#") in ids for href, _ in links if (href or "").startswith("#"))
    assert "Not here." in page


def test_a_refused_reply_keeps_its_text_to_the_letter() -> None:
    """Line breaks at the start, tags and entities come back in the text box as they were typed."""
    body = "\n\n</textarea><b>&amp;\nend\n"
    page = pages.render(
        "comment_form",
        SITE,
        values={"name": "alice", "email": "alice@example.com", "body": body, "post": "a-post"},
        errors={"body": "Too long."},
        notice="Nothing was saved.",
        post_title="A Post",
        post_url="/a-post/",
        longest=4000,
    )
    document = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(page)
    (box,) = document.iter("textarea")
    assert box.text == body
    assert box.get("aria-invalid") == "true"
