# SPDX-License-Identifier: AGPL-3.0-or-later
"""Two files, or two names, that would have one address.

Pelican lets one page overwrite the other, and makes one list of two tags. Which of two files has to give way is
said so that an address that is public already stays what it is.
"""

from collections import defaultdict
from datetime import date
from typing import TYPE_CHECKING

from plugins.front_matter import values
from plugins.front_matter.header import Header

if TYPE_CHECKING:
    from plugins.front_matter.rules import ContentFiles


def check_no_slug_twice(headers: list[Header], files: "ContentFiles", name: str) -> None:
    """No two files have one slug, in whatever language; drafts count, since they will be published.

    A slug is more than the address: the comments, leads and letters of the service know a post by it.
    """
    first: dict[str, Header] = {}
    for header in sorted(headers, key=readiness):
        slug = files.slug(header, name) if header.fields else ""
        if slug and slug in first:
            keeper = first[slug]
            line = header.line("slug" if "slug" in header.fields else name)
            there = f"{keeper.path}:{keeper.line('slug' if 'slug' in keeper.fields else name)}"
            language = header.text("lang") or files.settings["DEFAULT_LANG"]
            mend = f"Change it here, in the newer file: write slug: {slug}-2, or another one."
            if language != (keeper.text("lang") or files.settings["DEFAULT_LANG"]):
                mend = f"Each language needs its own: write slug: {slug}-{language.lower()}, or translate it."
            elif name == "name":
                mend = "Keep one of the two files."
            header.wrong(line, f'{there} has the slug "{slug}" too. {mend}')
        first.setdefault(slug, header)


def readiness(header: Header) -> tuple[bool, date, str]:
    """Order files by how long their addresses may have been known: what is public, then what is older."""
    draft = header.text("status").lower() == "draft"
    return draft, values.day(header, "date") or date.min, header.path


def check_one_spelling(posts: list[Header], files: "ContentFiles") -> None:
    """Tags and categories that share an address are written alike; the rarer spelling is told."""
    for field, kind in (("tags", "tag"), ("category", "category")):
        found: dict[str, dict[str, list[Header]]] = defaultdict(lambda: defaultdict(list))
        for header in posts:
            for name in values.names(header, field):
                found[values.slugify(name, files.settings)][name].append(header)
        for slug, spellings in found.items():
            if not slug:
                continue
            usual = min(spellings, key=lambda name: (-len(spellings[name]), spellings[name][0].path, name))
            there = spellings[usual][0]
            for name in spellings.keys() - {usual}:
                for header in spellings[name]:
                    header.odd(
                        header.line(field),
                        f'The {kind} "{name}" would be one with "{usual}" in {there.path}:{there.line(field)}: '
                        f"both have the address /{kind}/{slug}/. Write both alike, or name one otherwise.",
                    )
