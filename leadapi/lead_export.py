"""The leads for other programs: lines of JSON, one JSON array, or CSV for a spreadsheet.

Each lead is written as soon as it is read, so 100,000 take no more memory than ten. JSON is exact. In CSV a cell
that a spreadsheet would take for a formula gets an apostrophe in front: anybody can type `=HYPERLINK(…)` for a
name, and the owner's computer would carry it out. Such a cell begins with a sign of a formula, also in its
full-width form, or has nothing but spaces, quotes and invisible signs before it, which an import may strip.
"""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Any, Literal, get_args

from sqlalchemy import Connection

from leadapi import suppressions
from leadapi.address_hashes import address_hash
from leadapi.leads import EXPORTED
from leadapi.public_index import FIELDS

Format = Literal["jsonl", "json", "csv"]
FORMATS: tuple[Format, ...] = get_args(Format)

AT_ONCE = 500
"""Leads that are looked up on the suppression list with one statement."""

_OF_LEAD = ("email", "name", "company", "status", "held", "marketing_consent", "created_at", "confirmed_at")
_ANSWERS = FIELDS[2:]
_OF_SUBMISSION = tuple(name for name in EXPORTED if name not in ("answers", "held"))
COLUMNS = (*_OF_LEAD, "submission_id", "submitted_at", "submission_held", *_OF_SUBMISSION, *_ANSWERS)
"""Of the CSV, which has one row for each submission; what is known of the lead stands in each of them."""

_FORMULA = re.compile(r"""[\s"'`\u200b-\u200f\u2060\ufeff]*[\t\r\n=+\-@\uff1d\uff0b\uff0d\uff20]""")


def for_marketing(
    connection: Connection, found: Iterable[dict[str, Any]], hash_key: str, now: datetime
) -> Iterator[dict[str, Any]]:
    """Those whose consent counts and who are on the suppression list for no reason at all."""
    agreed = (lead for lead in found if lead["marketing_consent"])
    while some := list(islice(agreed, AT_ONCE)):
        hashes = [address_hash(lead["email"], hash_key) for lead in some]
        suppressed = suppressions.reasons(connection, hashes, now)
        yield from (lead for lead, hashed in zip(some, hashes, strict=True) if hashed not in suppressed)


def written(found: Iterable[dict[str, Any]], form: Format) -> Iterator[str]:
    """The whole document, piece by piece."""
    if form == "csv":
        yield from _csv(found)
    elif form == "json":
        before = "[\n"
        for lead in found:
            yield before + _json(lead)
            before = ",\n"
        yield "[]\n" if before == "[\n" else "\n]\n"
    else:
        yield from (_json(lead) + "\n" for lead in found)


def _json(lead: Mapping[str, Any]) -> str:
    """On one line, also for programs that end a line at U+2028 and U+2029."""
    text = json.dumps(lead, ensure_ascii=False)
    return text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _csv(found: Iterable[dict[str, Any]]) -> Iterator[str]:
    """RFC 4180: a header, CRLF, and every cell in quotes, so that no separator in a cell begins another one."""
    yield _row(COLUMNS)
    for lead in found:
        of_lead = [lead[name] for name in _OF_LEAD]
        for one in lead["submissions"]:
            yield _row(
                [
                    *of_lead,
                    *(one["submission_id"], one["created_at"], one["held"]),
                    *(one[name] for name in _OF_SUBMISSION),
                    *(one["answers"].get(name) for name in _ANSWERS),
                ]
            )


def _row(values: Iterable[Any]) -> str:
    line = io.StringIO()
    csv.writer(line, quoting=csv.QUOTE_ALL).writerow(map(_cell, values))
    return line.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"'{text}" if _FORMULA.match(text) else text
