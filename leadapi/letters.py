"""The words of the letters that we send, each in plain text and simple HTML.

A form on a public page lets anybody make us write to anybody. So a letter to a visitor says nothing that was
typed into the form: its functions take no name and no text, and nobody can send their message under our name.
Only the owner's letters show what was typed, and there too no typed character reaches a header.

Letters are made when the row for the outbox is written and are sent as they are, however often it is tried:
the Message-ID is the same each time, and a mail program that gets a letter twice shows it once.

A visitor's letter is in the language of the post whose form was sent; the owner's are in English.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Literal

from jinja2 import Environment, PackageLoader

from leadapi import languages
from leadapi.address_hashes import address_hash, letter_seal
from leadapi.languages import _
from leadapi.signed_links import Purpose, sign

LINK_DAYS = 7
"""Days that a mailed link works, to confirm as to download: one number for people to remember."""

LINK_AGE = timedelta(days=LINK_DAYS)

HOWEVER_OLD = timedelta(days=36_500)
"""For an old link that still says whom it was made for, and in which language."""

MODERATION_AGE = timedelta(days=90)
"""A comment may wait for its owner's holiday, and a decision may be changed later."""

SIGN_IN_MINUTES = 30
SIGN_IN_AGE = timedelta(minutes=SIGN_IN_MINUTES)

UNSUBSCRIBE_AGE = timedelta(days=366)
"""Old letters are found and left, too."""

LINK_PATHS: dict[Purpose, str] = {
    "confirm": "/api/confirm/",
    "download": "/api/downloads/",
    "moderate": "/api/moderate/",
    "sign-in": "/admin/sign-in/",
    "unsubscribe": "/api/unsubscribe/",
    "privacy": "/api/privacy/",
}

PRIVACY_PATH = "/api/privacy"
"""Where anybody may ask what is stored about their address."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Who writes: the blog's name, the site's address (no slash at its end), the mail domain, signing keys.

    `api_url` is the service's address, where the site's own does not lead to it; `hash_key` is address_hashes';
    `language` is the site's.
    """

    site_name: str
    site_url: str
    mail_domain: str
    keys: tuple[str, ...] = field(repr=False)
    api_url: str = ""
    hash_key: str = field(default="", repr=False)
    language: str = languages.SOURCE

    @property
    def desk(self) -> str:
        """The whole address of the owner's desk."""
        return f"{self.api_url or self.site_url}/admin/"

    @property
    def privacy_url(self) -> str:
        """Where anybody may ask what is stored about their address."""
        return f"{self.api_url or self.site_url}{PRIVACY_PATH}"

    def privacy_url_in(self, language: str) -> str:
        """The same, as a page in the language."""
        return self.privacy_url + (f"?lang={language}" if language != languages.spoken(self.language) else "")

    def link(self, purpose: Purpose, payload: dict[str, str]) -> str:
        """The whole address of a signed link; it works through the site's proxy too."""
        return f"{self.api_url or self.site_url}{LINK_PATHS[purpose]}{sign(purpose, payload, self.keys)}"

    def unsubscribe_link(
        self, address: str, purpose: Literal["marketing", "everything"], language: str | None = None
    ) -> str:
        """The whole address of the page where an address leaves (opt_outs); it does not show the address."""
        whose = {"address_hash": address_hash(address, self.hash_key), "purpose": purpose}
        return self.link("unsubscribe", whose | self.naming(language))

    def naming(self, language: str | None) -> dict[str, str]:
        """What the payload of a link says of its language: nothing where it is the site's."""
        return {"language": language} if language and language != self.language else {}


def sender(
    site_name: str,
    site_url: str,
    mail_from: str,
    keys: tuple[str, ...],
    api_url: str = "",
    hash_key: str = "",
    language: str = languages.SOURCE,
) -> Sender:
    """The sender of our letters; a site that was never built has its address for a name."""
    name = site_name or site_url.partition("://")[2]
    domain = mail_from.rpartition("@")[2] or "localhost"
    return Sender(name, site_url, domain, keys, api_url, hash_key, language)


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter, ready for the outbox; the address is bare, the subject one line of our own words."""

    to: str
    subject: str
    text: str
    html: str
    message_id: str
    language: str = languages.SOURCE

    def payload(self) -> dict[str, str]:
        """The letter as the outbox stores it."""
        return asdict(self)


def confirmation(
    sender: Sender, to: str, title: str, link: str, number: str, language: str = languages.SOURCE
) -> Letter:
    """Asks a new address to press a button; `title` is the whitepaper's, `number` the submission's id."""
    return _letter(
        "confirmation",
        sender,
        to,
        _("Your whitepaper: %(title)s", title=title),
        number,
        language,
        title=title,
        link=link,
        days=LINK_DAYS,
        refuse_link=sender.unsubscribe_link(to, "everything", language),
    )


def download(
    sender: Sender,
    to: str,
    title: str,
    link: str,
    number: str,
    consent_link: str | None = None,
    language: str = languages.SOURCE,
) -> Letter:
    """Brings a confirmed address the link to the PDF; `consent_link` proves that its owner ticked the box."""
    return _letter(
        "download",
        sender,
        to,
        _("Your download: %(title)s", title=title),
        number,
        language,
        title=title,
        link=link,
        days=LINK_DAYS,
        consent_link=consent_link,
    )


def moderation(
    sender: Sender,
    to: str,
    *,
    post_title: str,
    post_url: str,
    name: str,
    email: str,
    body: str,
    created: datetime,
    link: str,
    number: str,
) -> Letter:
    """Shows the owner a new comment as it was typed, with the link to the page that decides about it."""
    return _letter(
        "moderation",
        sender,
        to,
        f"New comment on: {post_title}",
        number,
        post_title=post_title,
        post_url=post_url,
        name=name,
        email=email,
        body=body,
        created=created.strftime("%B %-d, %Y, %H:%M UTC"),
        link=link,
    )


def wave(sender: Sender, to: str, counted: Mapping[str, int], number: str) -> Letter:
    """Tells the owner that many more forms came in a minute than usual; `counted` by table."""
    return _letter("wave", sender, to, "Many forms are coming in", number, counted=counted, desk=sender.desk)


def new_lead(sender: Sender, to: str, title: str, rows: Sequence[tuple[str, str]], number: str) -> Letter:
    """Tells the owner of a new lead; `title` is the whitepaper's, `rows` what was typed, each with its label."""
    shown = [(label, value) for label, value in rows if value]
    return _letter("new_lead", sender, to, f"New lead: {title}", number, title=title, rows=shown, desk=sender.desk)


def digest(
    sender: Sender,
    to: str,
    *,
    leads: Sequence[Mapping[str, str]],
    lead_count: int,
    comments: Sequence[Mapping[str, str]],
    comment_count: int,
    since: datetime,
    until: datetime,
    number: str,
) -> Letter:
    """Tells the owner in one letter what a span of time brought; of many leads or comments the first alone."""
    counted = [
        f"{count:,} {name}{'' if count == 1 else 's'}"
        for count, name in ((lead_count, "new lead"), (comment_count, "new comment"))
        if count
    ]
    subject = " and ".join(counted)
    return _letter(
        "digest",
        sender,
        to,
        subject,
        number,
        headline=subject,
        leads=leads,
        lead_count=lead_count,
        comments=comments,
        comment_count=comment_count,
        since=since.strftime("%B %-d, %H:%M"),
        until=until.strftime("%B %-d, %H:%M UTC"),
        desk=sender.desk,
    )


def sign_in(sender: Sender, to: str, link: str, number: str) -> Letter:
    """Brings the owner the link to the desk."""
    subject = f"Sign in to {sender.site_name}"
    return _letter("sign_in", sender, to, subject, number, link=link, minutes=SIGN_IN_MINUTES)


def privacy(sender: Sender, to: str, link: str, number: str, language: str = languages.SOURCE) -> Letter:
    """Brings the owner of an address the link that shows, exports and erases what is stored about it."""
    subject = _("What %(site_name)s stores about this address", site_name=sender.site_name)
    return _letter("privacy", sender, to, subject, number, language, link=link, days=LINK_DAYS)


def nothing_stored(sender: Sender, to: str, number: str, language: str = languages.SOURCE) -> Letter:
    """Tells the owner of an address that there is nothing to show or erase; who asked cannot see it."""
    subject = _("Nothing is stored at %(site_name)s", site_name=sender.site_name)
    return _letter("nothing_stored", sender, to, subject, number, language)


def _letter(
    kind: str,
    sender: Sender,
    to: str,
    subject: str,
    number: str,
    language: str = languages.SOURCE,
    **values: object,
) -> Letter:
    language = languages.spoken(language)
    values |= {"site_name": sender.site_name, "site_url": sender.site_url, "kind": kind, "language": language}
    values |= {"privacy_url": sender.privacy_url_in(language)}
    line, name = languages.said(subject, language), f"{kind}.{number}"
    return Letter(
        to=to,
        subject=" ".join(line.split()),  # a title may hold a line break; a header may not (RFC 5322, 2.2)
        text=_templates(language).get_template(f"{kind}.txt").render(values),
        html=_templates(language).get_template(f"{kind}.html").render(values),
        message_id=f"<{name}.{letter_seal(name, to, sender.hash_key)}@{sender.mail_domain}>",
        language=language,
    )


@cache
def _templates(language: str) -> Environment:
    loader = PackageLoader("leadapi", "templates/letters")
    return languages.templates(loader, language, keep_trailing_newline=True)
