# SPDX-License-Identifier: AGPL-3.0-or-later
"""Checks single values of a header; each check says what is wrong and how to mend it.

The checks are stricter than the readers where those guess: dateutil fills a missing day with today's, and
reads 03/04/2024 as an American would.
"""

import re
from collections.abc import Collection
from datetime import date, datetime
from difflib import get_close_matches
from functools import cache
from typing import Any

import dateutil.parser  # type: ignore[import-untyped]  # published without types; Pelican brings it
from pelican.utils import get_date, set_date_tzinfo
from pelican.utils import slugify as pelican_slugify

from plugins.front_matter.header import Field, Header

LONGEST_SLUG = 100
"""A folder's name has at most 255 bytes, and an address is read, typed and wrapped in mails."""

SLUG = re.compile(r"[a-z0-9]+(?:[-_][a-z0-9]+)*")
LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")
ISO_DAY = re.compile(r"\d{4}-\d{1,2}-\d{1,2}(?!\d)")
AMBIGUOUS_DAY = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-]\d{4}")
DEFAULTS = (datetime(2001, 1, 1), datetime(2004, 12, 31))  # noqa: DTZ001  # only to see what a date leaves open


def slugify(text: str, settings: dict[str, Any]) -> str:
    """Return the slug that Pelican makes of a title or a name."""
    return str(
        pelican_slugify(
            text,
            regex_subs=settings.get("SLUG_REGEX_SUBSTITUTIONS", []),
            preserve_case=settings.get("SLUGIFY_PRESERVE_CASE", False),
            use_unicode=settings.get("SLUGIFY_USE_UNICODE", False),
        )
    )


def did_you_mean(word: str, known: Collection[str]) -> str:
    """Return ' Did you mean "..."?' for the nearest known word, or "" where none is near."""
    near = get_close_matches(word.lower(), [k.lower() for k in known], n=1, cutoff=0.6)
    meant = next((k for k in sorted(known) if near and k.lower() == near[0]), "")
    return f' Did you mean "{meant}"?' if meant else ""


def what_is_wrong_with_date(found: Field) -> str:
    """Say why a value is no date, or "" where it is one; a date is a day, with or without a time."""
    return "" if isinstance(found.value, date) else _why_no_date(found.typed.strip().replace("_", " "))


@cache  # a date is asked for several times, and many posts may have one
def _why_no_date(typed: str) -> str:
    advice = "Write it as 2024-05-31, or as 2024-05-31 14:30 with a time."
    ambiguous = AMBIGUOUS_DAY.match(typed)
    if ambiguous and int(ambiguous[1]) <= 12 and int(ambiguous[2]) <= 12 and ambiguous[1] != ambiguous[2]:
        return f'"{typed}" can be read with the day first and with the month first. {advice}'
    if ISO_DAY.match(typed):
        year, month, day = map(int, ISO_DAY.match(typed)[0].split("-"))  # type: ignore[index]  # just matched
        try:
            date(year, month, day)
        except ValueError as error:
            return f'"{typed}" is not a date: {error}. {advice}'
    try:
        first, second = (dateutil.parser.parse(typed, default=default) for default in DEFAULTS)
    except (ValueError, OverflowError, TypeError) as error:
        reason = str(error).split(": ")[0].rstrip(".").replace("%s", f'"{typed}"') if str(error) else "unknown"
        return f'"{typed}" is not a date ({reason}). {advice}'
    if first != second:
        return f'"{typed}" is not a whole date: it needs a day, a month and a year. {advice}'
    return ""


def moment(header: Header, name: str, settings: dict[str, Any]) -> datetime | None:
    """Return a date field as Pelican reads it, in the site's time zone; None where it is no date."""
    found = header.fields.get(name)
    if found is None or not header.text(name) or what_is_wrong_with_date(found):
        return None
    return _moment(header.text(name).replace("_", " "), settings.get("TIMEZONE", "UTC"))


@cache
def _moment(text: str, timezone: str) -> datetime:
    return set_date_tzinfo(get_date(text), timezone)  # type: ignore[no-any-return]


def day(header: Header, name: str) -> date | None:
    """Return the day of a date field, None where it is no date."""
    found = moment(header, name, {})
    return found.date() if found else None


def check_order_of_dates(header: Header) -> None:
    """A post is corrected after it was published."""
    published, modified = day(header, "date"), day(header, "modified")
    if published and modified and modified < published:
        told = f"modified ({modified}) is before date ({published}). Mend one of the two, or delete the line."
        header.wrong(header.line("modified"), told)


def check_text(header: Header, name: str) -> None:
    """A field that is given must be text: YAML reads 1984 as a number and yes as true."""
    found = header.fields.get(name)
    if found is None or header.classic:
        return
    if found.value is None or (isinstance(found.value, str) and not found.value.strip()):
        header.wrong(found.line, f"{name} is empty. Fill it in, or delete the line.")
    elif not isinstance(found.value, str):
        shown = f'{name}: "{found.typed}"' if found.typed else f'{name}: "..."'
        header.wrong(found.line, f"{name} is not text. Put it in double quotes, on one line: {shown}")


def check_required_text(header: Header, name: str, example: str) -> None:
    """A field that must be there, with text in it."""
    if name not in header.fields:
        header.wrong(1, f"{name} is missing. Add a line like {name}: {example}")
    elif header.classic and not header.text(name):
        header.wrong(header.line(name), f"{name} is empty. Fill it in.")
    else:
        check_text(header, name)


def check_date(header: Header, name: str) -> None:
    """A field that, where it is given, must be a date."""
    found = header.fields.get(name)
    if found is None:
        return
    if not header.text(name):
        header.wrong(found.line, f"{name} is empty. Write a date like 2024-05-31.")
        return
    wrong = what_is_wrong_with_date(found)
    if wrong:
        header.wrong(found.line, f"{name} {wrong}")


def check_choice(header: Header, name: str, choices: tuple[str, ...]) -> None:
    """A field that, where it is given, must be one of a few words."""
    found = header.fields.get(name)
    if found is None:
        return
    typed = (found.typed if isinstance(found.value, bool) else header.text(name)).lower()
    if typed not in choices:
        several = ", ".join(choices[:-1]) + f" or {choices[-1]}"
        header.wrong(found.line, f'{name} "{typed}" is unknown. Write {several}.{did_you_mean(typed, choices)}')


def check_language(header: Header, name: str) -> None:
    """A field that, where it is given, must look like a language tag (BCP 47)."""
    if name in header.fields and not LANGUAGE.fullmatch(header.text(name)):
        header.wrong(header.line(name), f'{name} "{header.text(name)}" is no language. Write it like en or pt-BR.')


def check_slug(header: Header, slug: str, settings: dict[str, Any], reserved: Collection[str] = ()) -> None:
    """The file's slug, typed or made from its title: it becomes a part of an address."""
    line = header.line("slug" if "slug" in header.fields else "title")
    if "slug" in header.fields and not header.text("slug"):
        header.wrong(line, "slug is empty. Fill it in, or delete the line.")
    elif not slug:
        told = f'No address can be made of the title "{header.text("title")}".'
        header.wrong(line, f"{told} Add a line like slug: my-first-post")
    elif len(slug) > LONGEST_SLUG:
        shorter = slug[:LONGEST_SLUG].rpartition("-")[0][:60].rpartition("-")[0] or "my-first-post"
        typed = "slug" if "slug" in header.fields else "address made of the title"
        told = f"The {typed} has {len(slug)} letters, and {LONGEST_SLUG} is the most."
        header.wrong(line, f"{told} Write a line like slug: {shorter}")
    elif not SLUG.fullmatch(slug):
        better = slugify(slug.replace("/", " ").replace(".", " "), settings)
        example = f" Try {better}." if SLUG.fullmatch(better) else " Add a line like slug: my-first-post"
        header.wrong(
            line,
            f'The slug "{slug}" cannot be an address: only a-z, 0-9 and single hyphens may be in it.{example}',
        )
    elif slug in reserved:
        header.wrong(line, f'The slug "{slug}" is an address the site itself uses. Choose another one.')


def check_name(header: Header, line: int, kind: str, name: str, settings: dict[str, Any]) -> None:
    """A tag, a category or an author becomes a part of an address."""
    slug = slugify(name, settings)
    if len(slug) > LONGEST_SLUG:
        told = f'The {kind} "{name[:40]}..." has {len(slug)} letters, and {LONGEST_SLUG} is the most. Shorten it.'
        header.wrong(line, told)
    elif not SLUG.fullmatch(slug):
        header.wrong(line, f'The {kind} "{name}" cannot be an address. It needs letters or digits, single-spaced.')


def names(header: Header, field: str) -> list[str]:
    """Return the tags, or the one category, of a post; none where the field is not as it should be."""
    found = header.fields.get(field)
    if found is None:
        return []
    value = found.value
    if field == "tags" and header.classic:
        value = found.typed.replace(";", ",").split(",")
    elif isinstance(value, str) and field != "tags":
        value = [value]
    texts = value if isinstance(value, list) and all(isinstance(one, str) for one in value) else []
    return list(dict.fromkeys(text.strip() for text in texts if text.strip()))


def slug_list(value: Any) -> list[str] | None:
    """Return a list of slugs from a YAML list or from a classic "a, b"; None where it is neither."""
    if value is None:
        return []
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
        return None
    return [part.strip() for part in value if part.strip()]
