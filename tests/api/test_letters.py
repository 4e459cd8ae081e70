"""The letters' words: readable without HTML, and never a carrier for a stranger's text."""

from datetime import UTC, datetime
from email.headerregistry import Address

import html5lib
import pytest

from leadapi import letters, signed_links
from leadapi.address_hashes import letter_seal
from leadapi.errors import Forbidden

SENDER = letters.Sender("The Blog", "https://blog.example.com", "blog.example.com", ("a key that nobody guesses",))
LINK = "https://blog.example.com/api/confirm/abc.def-ghi"
TITLE = 'Coaching & "Motivating" <Employees>'


@pytest.mark.parametrize("make", [letters.confirmation, letters.download])
def test_a_letter_to_a_visitor_has_title_and_link_in_both_parts(make) -> None:  # type: ignore[no-untyped-def]
    """Text and HTML both show the whitepaper's title and the link; the HTML is escaped and well formed."""
    letter = make(SENDER, "alice@example.com", TITLE, LINK, "0190")
    assert letter.to == "alice@example.com"
    assert TITLE in letter.text
    assert f"\n{LINK}\n" in letter.text
    assert "<Employees>" not in letter.html
    document = html5lib.parse(letter.html, namespaceHTMLElements=False)
    assert document.find("head/title").text == letter.subject
    assert [a.get("href") for a in document.iter("a")].count(LINK) == 2
    assert document.get("lang") == "en"
    assert len(letter.subject) < 200


def test_a_letter_made_twice_is_the_same_letter() -> None:
    """The same submission always gives the same Message-ID, so that a repeated sending is shown once."""
    first, second = (letters.confirmation(SENDER, "a@example.com", TITLE, LINK, "0190") for _ in range(2))
    assert first == second
    seal = letter_seal("confirmation.0190", "a@example.com", SENDER.hash_key)
    assert first.message_id == f"<confirmation.0190.{seal}@blog.example.com>"
    Address(addr_spec=first.message_id.strip("<>"))


def test_the_owner_sees_the_comment_and_who_wrote_it() -> None:
    """The moderation letter shows name, address and text; nothing typed reaches a header."""
    body = "First line\n\nBcc: evil@example.com\n<script>alert(1)</script> {{7*7}}"
    letter = letters.moderation(
        SENDER,
        "owner@example.com",
        post_title="A title\r\nBcc: x@example.com",
        post_url="https://blog.example.com/a-post/",
        name="Bob <b>\u202e",
        email="bob@example.com",
        body=body,
        created=datetime(2026, 3, 1, 9, 30, tzinfo=UTC),
        link=LINK,
        number="0191",
    )
    assert letter.subject == "New comment on: A title Bcc: x@example.com"
    assert "\n> First line\n> \n> Bcc: evil@example.com\n" in letter.text
    assert "Bob <b>" in letter.text
    assert "March 1, 2026, 09:30 UTC" in letter.text
    assert "<script>" not in letter.html
    assert "{{7*7}}" in letter.html
    assert set(letter.payload()) == {"to", "subject", "text", "html", "message_id", "language"}


def test_the_letters_can_be_read_in_the_dark() -> None:
    """A letter announces both colour schemes and fetches nothing when it is opened."""
    html = letters.download(SENDER, "a@example.com", TITLE, LINK, "1").html
    assert '<meta name="color-scheme" content="light dark">' in html
    assert "<img" not in html
    assert "url(" not in html


def test_a_link_leads_to_the_site_and_opens_one_door() -> None:
    """A signed link starts with the site's address, and its token is good for its own purpose alone."""
    link = SENDER.link("confirm", {"lead": "0190"})
    path, _, token = link.rpartition("/")
    assert path == "https://blog.example.com/api/confirm"
    assert signed_links.read("confirm", token, SENDER.keys, letters.LINK_AGE) == {"lead": "0190"}
    with pytest.raises(Forbidden):
        signed_links.read("download", token, SENDER.keys, letters.LINK_AGE)
    assert SENDER.keys[0] not in repr(SENDER)
