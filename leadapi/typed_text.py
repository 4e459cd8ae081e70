"""What people may type into a form, and the sentence they read when they may not.

Texts are kept as they were typed: no normalising, no trimming inside, no stripping of what looks odd. They
are made harmless where they are shown. Refused is only what no person types and some part behind us cannot
carry: control characters (PostgreSQL cannot store NUL, a line break would end a mail header) and unpaired
surrogates (no UTF-8 for them). Two things are not "as typed": spaces around a text, and the line ends of a
text box, which browsers send as CR LF and scripts as LF; both become LF, so that one text is one text.

Each function puts its sentence into `errors` under the field's name and returns the text to go on with.
"""

import re
import unicodedata
from collections.abc import Mapping

from email_validator import EmailNotValidError, validate_email

from leadapi.languages import _

LONGEST_NAME = 200
"""Characters (code points) of a name or a company."""

LONGEST_ADDRESS = 254
"""Characters of an e-mail address (RFC 5321, 4.5.3.1.3, less the angle brackets)."""

GMAIL = ("gmail.com", "googlemail.com")

_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_UNPRINTABLE_IN_TEXT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_SUBMISSION_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")


def line(form: Mapping[str, str], field: str, what: str, errors: dict[str, str], *, required: bool = True) -> str:
    """One line of at most LONGEST_NAME characters; `what` names it in a sentence, as in "your name"."""
    text = form.get(field, "").strip(" \t\r\n")
    if not _says_something(text):
        if required:
            errors[field] = _("Please enter %(what)s.", what=what)
        return ""
    if len(text) > LONGEST_NAME:
        errors[field] = _too_long(what, LONGEST_NAME, text)
    elif _UNPRINTABLE.search(text):
        errors[field] = _(
            "Please type %(what)s again: it holds a line break or a sign that cannot be printed.", what=what
        )
    return text


def text_box(form: Mapping[str, str], field: str, what: str, longest: int, errors: dict[str, str]) -> str:
    """Several lines of at most `longest` characters, a line end counted as one."""
    text = form.get(field, "").replace("\r\n", "\n").replace("\r", "\n").strip(" \t\n")
    if not _says_something(text):
        errors[field] = _("Please enter %(what)s.", what=what)
        return ""
    if len(text) > longest:
        errors[field] = _too_long(what, longest, text)
    elif _UNPRINTABLE_IN_TEXT.search(text):
        errors[field] = _("Please type %(what)s again: it holds a sign that cannot be printed.", what=what)
    return text


def address(form: Mapping[str, str], field: str, errors: dict[str, str]) -> str:
    """An e-mail address that mail can be sent to from any server; its domain is not looked up.

    Returned with an ASCII domain (IDNA). Letters outside ASCII before the @ are refused, since most mail
    servers still cannot carry them (RFC 6531) and the letter would be lost without a word.
    """
    text = form.get(field, "").strip(" \t\r\n")
    if not text:
        errors[field] = _("Please enter your e-mail address.")
    elif len(text) > LONGEST_ADDRESS:
        errors[field] = _(
            "Please check the e-mail address: it has more than %(most)s characters.", most=LONGEST_ADDRESS
        )
    elif not text.rpartition("@")[0].isascii():
        errors[field] = _("Please use an e-mail address with only plain letters (a to z) before the @.")
    else:
        try:
            # RFC 6761, 6.2: names below .test lead nowhere, and those who try the form use them for that.
            checked = validate_email(
                text, check_deliverability=False, allow_smtputf8=False, strict=True, test_environment=True
            )
        except EmailNotValidError:
            errors[field] = _("Please check the e-mail address: it should look like name@example.com.")
        else:
            return checked.ascii_email or checked.normalized
    return text


def address_key(address: str) -> str:
    """The key under which a person is one lead: the address in lower case, its domain in ASCII (IDNA).

    RFC 5321 lets a server tell Alice@ from alice@, but none in use does, and people type both. Only ASCII is
    left when this is called, so no two letters fold into one (the mistake of CVE-2019-19844). Dots and +tags
    stay: what they mean is the business of the mail server they belong to.
    """
    return address.lower()


def mailbox_key(address: str) -> str:
    """What all addresses share that arrive in one mailbox, as far as that is known: only for counting letters.

    What follows a + is the receiver's own business (subaddressing, RFC 5233), and Gmail passes over dots. Where a
    server means something else by either, two people share a count, and nothing more.
    """
    local, _, domain = address_key(address).rpartition("@")
    local = local.partition("+")[0] or local
    if domain in GMAIL:
        local, domain = local.replace(".", ""), GMAIL[0]
    return f"{local}@{domain}"


def submission_id(form: Mapping[str, str], errors: dict[str, str]) -> str | None:
    """The id that the script made for this press of the button, or None without a script."""
    text = form.get("submission_id", "").strip()
    if text and not _SUBMISSION_ID.fullmatch(text):
        errors["submission_id"] = _(
            "The submission_id must be 1 to 64 letters, digits, dots, colons, hyphens or underscores."
        )
    return text or None


def remark(text: str, longest: int) -> str | None:
    """A free remark of a program or a link, never a reason to refuse: printable, cut to `longest`."""
    return _UNPRINTABLE.sub("", text).strip()[:longest] or None


def printable(text: str) -> str:
    """The text for showing it again in a refused form: what no page can carry becomes U+FFFD."""
    return re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]", "\N{REPLACEMENT CHARACTER}", text)


def _too_long(what: str, longest: int, text: str) -> str:
    return _(
        "Please shorten %(what)s to %(most)s characters; it has %(count)s.",
        what=what,
        most=longest,
        count=len(text),
    )


def _says_something(text: str) -> bool:
    """Whether a reader would see anything: not spaces, marks of direction or other invisible signs alone."""
    return any(unicodedata.category(sign)[0] not in "ZC" for sign in text)
