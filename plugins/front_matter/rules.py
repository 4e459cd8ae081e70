# SPDX-License-Identifier: AGPL-3.0-or-later
"""What each kind of content file must say: posts, pages, authors and whitepapers.

Rules see all files at once, so that a name in one file can be looked up in the others, each in one step.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plugins.front_matter import values
from plugins.front_matter.alias_rules import check_aliases, check_no_alias_twice
from plugins.front_matter.author_rules import check_author
from plugins.front_matter.fences import unclosed_fences
from plugins.front_matter.header import Header
from plugins.front_matter.known_categories import check_known_categories
from plugins.front_matter.shared_names import check_no_slug_twice, check_one_spelling
from plugins.front_matter.whitepaper_rules import check_form, check_pages
from plugins.languages import what_is_missing

STATUSES = ("published", "draft", "hidden")
# Addresses that the site or the service answers itself.
RESERVED = frozenset(
    {
        "404",
        "admin",
        "api",
        "approved-comments",
        "archives",
        "author",
        "category",
        "dev",
        "extra",
        "favicon",
        "feed",
    }
    | {
        "healthz",
        "images",
        "index",
        "metrics",
        "not-sent",
        "page",
        "page-shell",
        "public-index",
        "readyz",
        "robots",
    }
    | {"sitemap", "tag", "theme", "whitepapers"}
)

PAGE_FIELDS = frozenset(("title", "date", "modified", "author", "summary", "slug", "status", "lang", "aliases"))
POST_FIELDS = PAGE_FIELDS | {"category", "tags", "related", "whitepaper", "comments"}
AUTHOR_FIELDS = frozenset(("name", "slug", "role", "picture", "picture_alt", "links"))
WHITEPAPER_FIELDS = PAGE_FIELDS - {"modified", "lang", "aliases"} | {
    "edition",
    "language",
    "fields",
    "what_you_get",
    "thanks",
}

COMMON_SLIPS = {
    "authors": "author",
    "tag": "tags",
    "description": "summary",
    "excerpt": "summary",
    "language": "lang",
    "published": "date",
    "updated": "modified",
    "draft": "status",
    "categories": "category",
    "lang": "language",
    "image": "picture",
    "version": "edition",
}


@dataclass
class ContentFiles:
    """The headers of all content files, and what the rules need to know beside them."""

    posts: list[Header]
    pages: list[Header]
    authors: list[Header]
    whitepapers: list[Header]
    settings: dict[str, Any]

    def slug(self, header: Header, name: str = "title") -> str:
        """Return a file's slug: the typed one, else the one Pelican makes of its title or name."""
        return header.text("slug") or values.slugify(header.text(name), self.settings)


def check_all(files: ContentFiles) -> None:
    """Run every rule; the mistakes are noted in the headers. A file that could not be read is left out."""
    known_authors = {header.text("name") for header in files.authors} - {""}
    post_slugs = {files.slug(header) for header in files.posts}
    whitepapers: dict[str, str] = {}
    for header in files.whitepapers:  # a draft of the next edition leaves the last one in place
        slug, status = files.slug(header), header.text("status").lower() or "published"
        if slug not in whitepapers or status != "draft":
            whitepapers[slug] = status
    for header in filter(readable, files.posts):
        check_post(header, files, known_authors, post_slugs, whitepapers)
    for header in filter(readable, files.pages):
        check_page(header, files, known_authors)
    for header in filter(readable, files.authors):
        check_names(header, AUTHOR_FIELDS)
        check_author(header, files.settings)
    for header in filter(readable, files.whitepapers):
        check_whitepaper(header, files, known_authors)
    check_no_slug_twice([*files.posts, *files.pages], files, "title")
    check_no_alias_twice([*files.posts, *files.pages])
    check_no_slug_twice(files.authors, files, "name")
    check_one_spelling(list(filter(readable, files.posts)), files)
    check_known_categories(list(filter(readable, files.posts)), files.settings)


def readable(header: Header) -> bool:
    """A file whose header could be read; of another one only that mistake is told."""
    return bool(header.fields)


def unreadable(headers: list[Header]) -> set[str]:
    """Return the names that files may have whose headers could not be read: nobody is accused of naming one."""
    return {Path(header.path).name.partition(".")[0] for header in headers if not readable(header)}


def check_post(
    header: Header, files: ContentFiles, authors: set[str], posts: set[str], whitepapers: dict[str, str]
) -> None:
    """A post in content/, by default in content/articles/."""
    check_names(header, POST_FIELDS)
    values.check_required_text(header, "title", "My First Post")
    if "date" not in header.fields:
        header.wrong(1, "date is missing. Add a line like date: 2024-05-31")
    values.check_date(header, "date")
    values.check_date(header, "modified")
    values.check_order_of_dates(header)
    for name in ("category", "summary"):
        values.check_text(header, name)
    check_known_author(header, files, authors)
    category = header.text("category")
    if category:
        values.check_name(header, header.line("category"), "category", category, files.settings)
    check_tags(header, files)
    values.check_choice(header, "status", STATUSES)
    values.check_choice(header, "comments", ("open", "closed"))
    check_spoken(header, "lang", files.settings, asks=True)
    if header.text("title") or "slug" in header.fields:
        values.check_slug(header, files.slug(header), files.settings, RESERVED)
    check_related(header, files, posts)
    check_aliases(header)
    check_body(header)
    whitepaper = header.text("whitepaper")
    if "whitepaper" in header.fields:
        if whitepaper not in {*whitepapers, *unreadable(files.whitepapers)}:
            header.wrong(
                header.line("whitepaper"),
                f'The whitepaper "{whitepaper}" is not in content/whitepapers/.'
                f"{values.did_you_mean(whitepaper, whitepapers)}",
            )
        elif whitepapers.get(whitepaper) == "draft":
            header.wrong(
                header.line("whitepaper"),
                f'The whitepaper "{whitepaper}" is a draft. Publish it, or name another one.',
            )


def check_page(header: Header, files: ContentFiles, authors: set[str]) -> None:
    """A page in content/pages/."""
    check_names(header, PAGE_FIELDS)
    values.check_required_text(header, "title", "About")
    values.check_date(header, "date")
    values.check_date(header, "modified")
    values.check_order_of_dates(header)
    check_aliases(header)
    check_body(header)
    values.check_text(header, "summary")
    values.check_choice(header, "status", STATUSES)
    check_spoken(header, "lang", files.settings, asks=False)
    if "author" in header.fields:
        check_known_author(header, files, authors)
    if header.text("title") or "slug" in header.fields:
        values.check_slug(header, files.slug(header), files.settings, RESERVED)


def check_whitepaper(header: Header, files: ContentFiles, authors: set[str]) -> None:
    """A whitepaper in content/whitepapers/."""
    check_names(header, WHITEPAPER_FIELDS)
    values.check_required_text(header, "title", "Coaching in Practice")
    values.check_required_text(header, "summary", "What a reader takes home from it.")
    if "date" not in header.fields:
        header.wrong(1, "date is missing. Add a line like date: 2024-05-31")
    values.check_date(header, "date")
    if "edition" in header.fields and not values.SLUG.fullmatch(header.text("edition").replace(".", "-")):
        header.wrong(header.line("edition"), 'edition becomes part of a file name. Write it like "1" or "2.1".')
    values.check_choice(header, "status", STATUSES[:2])
    check_spoken(header, "language", files.settings, asks=True)
    check_form(header)
    check_pages(header)
    if "author" in header.fields:
        check_known_author(header, files, authors)
    if header.text("title") or "slug" in header.fields:
        values.check_slug(header, files.slug(header), files.settings)


def check_spoken(header: Header, name: str, settings: dict[str, Any], *, asks: bool) -> None:
    """The language of a file looks like one, and the site has all words that its page needs."""
    values.check_language(header, name)
    language = header.text(name) or settings["DEFAULT_LANG"]
    missing = what_is_missing(language, settings, asks=asks) if values.LANGUAGE.fullmatch(language) else ""
    if missing:
        header.wrong(header.line(name), missing)


def check_body(header: Header) -> None:
    """There is something to read; a draft may be begun with its header alone."""
    if not header.body.strip() and header.text("status").lower() != "draft":
        header.wrong(header.body_line, "There is no text below the header. Write it, or add a line status: draft")
    if header.text("status").lower() != "draft":
        for line, mark in unclosed_fences(header.body):
            told = f"A code block is opened with {mark} here and not closed. Write {mark} alone on a line after it"
            header.wrong(header.body_line + line, f"{told}, as far in as here.")


def check_names(header: Header, known: frozenset[str]) -> None:
    """Fields have known names: a mistyped one would be silently without effect."""
    for name, found in header.fields.items():
        if name not in known:
            slip = COMMON_SLIPS.get(name, "")
            hint = f' Did you mean "{slip}"?' if slip in known else values.did_you_mean(name, known)
            hint = hint or f" Known are {', '.join(sorted(known))}."
            header.odd(found.line, f'The field "{name}" is unknown.{hint}')


def check_known_author(header: Header, files: ContentFiles, authors: set[str]) -> None:
    """The author has a profile, where anyone has; a post without an author is the house's."""
    name = header.text("author") or str(files.settings.get("AUTHOR", ""))
    if not files.authors:  # a blog without profiles: a name is only a name
        return
    if name in authors or values.slugify(name, files.settings) in unreadable(files.authors):
        return
    mend = values.did_you_mean(name, authors) or (
        f" Add content/authors/{values.slugify(name, files.settings)}.md, or mend the name."
    )
    header.odd(header.line("author"), f'The author "{name}" has no file in content/authors/.{mend}')


def check_tags(header: Header, files: ContentFiles) -> None:
    """Tags are a list of texts, each of which can be an address."""
    found = header.fields.get("tags")
    if found is None or found.value is None:
        return
    tags = found.value
    if not header.classic and (not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags)):
        header.wrong(
            found.line, "tags is not a list of texts. Write tags: [trust, feedback], a number or a yes in quotes."
        )
        return
    for tag in values.names(header, "tags"):
        values.check_name(header, found.line, "tag", tag, files.settings)


def check_related(header: Header, files: ContentFiles, posts: set[str]) -> None:
    """Related posts exist, and a post is not related to itself."""
    found = header.fields.get("related")
    if found is None:
        return
    slugs = values.slug_list(found.value)
    if slugs is None:
        header.wrong(found.line, "related is not a list of slugs. Write each on its own line: - my-first-post")
        return
    for slug in slugs:
        if slug == files.slug(header):
            header.wrong(found.line, f'related names this post itself ("{slug}"). Take it out.')
        elif slug not in {*posts, *unreadable(files.posts)}:
            header.odd(
                found.line, f'No post has the slug "{slug}" that related names.{values.did_you_mean(slug, posts)}'
            )
