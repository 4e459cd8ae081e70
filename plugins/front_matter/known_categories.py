# SPDX-License-Identifier: AGPL-3.0-or-later
"""Finds categories that nobody meant: a slip of the pen makes a list of its own, with one post in it.

A site may name its categories (CATEGORIES). Where it does not, a category that one post alone has is doubted if it
is nearly one that several have.
"""

from collections import defaultdict
from difflib import get_close_matches
from typing import Any

from plugins.front_matter import values
from plugins.front_matter.header import Header

SEVERAL = 2
NEARLY = 0.85


def check_known_categories(posts: list[Header], settings: dict[str, Any]) -> None:
    """A post's category is one of those that there are."""
    uses: dict[str, list[Header]] = defaultdict(list)
    for header in posts:
        for name in values.names(header, "category"):
            uses[name].append(header)
    named = settings.get("CATEGORIES")
    known = named or [settings["DEFAULT_CATEGORY"], *(name for name in uses if len(uses[name]) >= SEVERAL)]
    for name, headers in uses.items():
        near = values.did_you_mean(name, known) if named else meant(name, known)
        if name not in known and (named or near):
            there_are = f" Known are {', '.join(known)}."
            told = f'The category "{name}" is unknown.{near or there_are}'
            for header in headers:
                header.odd(header.line("category"), told)


def meant(name: str, known: list[str]) -> str:
    """Return ' Did you mean "..."?' for a category that is nearly this one, and has another address."""
    near = get_close_matches(name.lower(), [one.lower() for one in known], n=1, cutoff=NEARLY)
    found = next((one for one in known if near and one.lower() == near[0] != name.lower()), "")
    return f' Did you mean "{found}"?' if found else ""
