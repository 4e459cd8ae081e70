# SPDX-License-Identifier: AGPL-3.0-or-later
"""What an author may say of a whitepaper's form and of its two pages.

An address is always asked for, since the letter goes there; which other fields a form has is the author's choice
for each whitepaper. The fields themselves are few and known: the service has a place for each of them.
"""

from typing import Any

from plugins.front_matter import values
from plugins.front_matter.header import Header

FORM_FIELDS = ("name", "company", "job_title", "phone", "country")  # in the order in which a form asks
NEEDS = ("required", "optional")
ASKED = {"name": "required", "company": "optional"}
"""What a form asks where its whitepaper says nothing."""

EXAMPLE = "Write fields: {name: required, company: optional}"


def check_form(header: Header) -> None:
    """The form asks for fields that there are, and each is required or optional."""
    found = header.fields.get("fields")
    if found is None:
        return
    if not isinstance(found.value, dict):
        told = "fields does not say which fields the form has."
        header.wrong(found.line, f"{told} {EXAMPLE}, or fields: {{}} to ask for the e-mail address alone.")
        return
    for name, need in found.value.items():
        line = found.lines.get(str(name), found.line)
        if name == "email":
            header.wrong(line, "fields names email, which every form asks for. Take it out.")
        elif name not in FORM_FIELDS:
            hint = values.did_you_mean(str(name), FORM_FIELDS) or f" Known are {', '.join(FORM_FIELDS)}."
            header.wrong(line, f'fields names "{name}", which no form has.{hint}')
        elif need not in NEEDS:
            told = f'The field "{name}" is neither required nor optional.'
            header.wrong(line, f"{told} Write {name}: required or {name}: optional.")


def check_pages(header: Header) -> None:
    """What the landing page lists is a list of texts, and what the thank-you page says is a text."""
    values.check_text(header, "thanks")
    found = header.fields.get("what_you_get")
    if found is None:
        return
    lines = found.value if isinstance(found.value, list) else []
    if not lines or not all(isinstance(line, str) and line.strip() for line in lines):
        header.wrong(
            found.line,
            'what_you_get is not a list of texts. Write each on its own line: - "Worksheets for six weeks"',
        )


def form_fields(header: Header) -> dict[str, str]:
    """Return which fields the form of a whitepaper without mistakes asks, in their order, and how."""
    found = header.fields.get("fields")
    said: dict[str, Any] = ASKED if found is None else found.value
    return {name: said[name] for name in FORM_FIELDS if name in said}


def promised_lines(header: Header) -> list[str]:
    """Return the landing page's own list, empty where the author wrote none."""
    found = header.fields.get("what_you_get")
    return [line.strip() for line in found.value] if found else []
