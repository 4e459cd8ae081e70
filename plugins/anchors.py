# SPDX-License-Identifier: AGPL-3.0-or-later
"""Knows which parts a page has: a link to one that is gone still opens the page, at its top, and nobody sees why.

A heading's id is made of its words, so whoever mends a heading breaks the links to it. A part is what has an id in
the text, or in the templates around it.
"""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from plugins.front_matter.values import did_you_mean
from plugins.hidden_posts import source_path
from plugins.site_addresses import from_root, indicator, plain

TEMPLATE_ID = re.compile(r"""\sid=(["'])(?P<id>(?:\{\{.*?\}\}|(?!\1).)+)\1""")
FILLED_IN = re.compile(r"\{\{.*?\}\}|\{%.*?%\}")
EVERYWHERE = ("", "top")  # which browsers know by themselves
MOST_NAMED = 8


def missing_part(link: str, content: Any, contents: Mapping[str, Any], settings: dict[str, Any]) -> str:
    """Say which part of a page a link of a post misses, and how to mend it; "" where it misses none.

    `contents` are the public posts and pages by path and by `plain` address.
    """
    if "#" not in link:
        return ""
    target, part = target_of(link, content, contents, settings)
    if target is None or part.lower() in EVERYWHERE or part.startswith(":~:"):
        return ""
    known = parts_of(target)
    templates = (settings["THEME"] + "/templates", *settings["THEME_TEMPLATES_OVERRIDES"])
    if part in known or any(pattern.fullmatch(part) for pattern in parts_of_templates(templates)):
        return ""
    where = "This text" if target is content else f'"{target.title}"'
    near = did_you_mean(f"#{part}", [f"#{one}" for one in known])
    some = f" There are {', '.join(f'#{one}' for one in known[:MOST_NAMED])}." if known else ""
    mend = f" Mend the link, or write {{#{part}}} after the heading that is meant."
    return f'{where} has no part "#{part}".{near or some + mend}'


def target_of(link: str, content: Any, contents: Mapping[str, Any], settings: dict[str, Any]) -> tuple[Any, str]:
    """Return the post or page that a link leads to, None where it leads elsewhere, and the part that it names."""
    marked = indicator(link, settings)
    if marked:
        what, value = marked
        target = contents.get(source_path(content, value)) if what == "filename" else None
        return target, unquote(urlsplit(value).fragment)
    own = from_root(link, settings)
    part = unquote(urlsplit(own).fragment)
    if own.startswith("#"):
        return content, part
    return (contents.get(plain(own)) if own.startswith("/") and not own.startswith("//") else None), part


def parts_of(content: Any) -> list[str]:
    """Return the ids in a text, in their order."""
    tags = content.typed_html.tags
    named = (tag.attributes.get("id") or (tag.name == "a" and tag.attributes.get("name")) for tag in tags)
    return list(dict.fromkeys(name for name in named if name))


@cache
def parts_of_templates(folders: tuple[str, ...]) -> list[re.Pattern[str]]:
    """Return patterns of the ids that templates write, those left out that are wholly filled in."""
    files = [file for folder in folders for file in sorted(Path(folder).rglob("*.html"))]
    ids = {found["id"] for file in files for found in TEMPLATE_ID.finditer(file.read_text(encoding="utf-8"))}
    fixed = {name: FILLED_IN.split(name) for name in sorted(ids)}
    return [re.compile(".+".join(map(re.escape, parts))) for parts in fixed.values() if any(parts)]
