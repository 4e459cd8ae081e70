# SPDX-License-Identifier: AGPL-3.0-or-later
"""Reads content/whitepapers/ and writes each paper's landing page and thank-you page.

A whitepaper is what a visitor leaves an address for, so the site shows what it is about and never what it
says: the pages get a `Whitepaper`, which has no body. The file is the one source of the title in the call to
action, the landing page, the letter and the PDF.

The folder is read when a build begins, before any post is, since posts name whitepapers. Its mistakes are reported
when the others are.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pelican.generators import Generator
from pelican.plugins import signals
from pelican.utils import get_date, set_date_tzinfo

from plugins.findings import LEFT_OUT, report, watch
from plugins.front_matter.header import Header, read_folder
from plugins.front_matter.rules import ContentFiles, check_whitepaper
from plugins.front_matter.whitepaper_rules import form_fields, promised_lines
from plugins.languages import in_language
from plugins.mistakes import Mistake

REQUIRED = {"edition": '"1"', "language": "en"}  # beside what front_matter asks for


@dataclass
class Whitepaper:
    """What pages may know of a whitepaper; the addresses are relative to the site's root."""

    slug: str
    title: str
    summary: str
    edition: str
    language: str
    author: str
    date: datetime
    source_path: str
    fields: dict[str, str] = field(default_factory=dict)  # what the form asks beside the address, and how
    what_you_get: list[str] = field(
        default_factory=list
    )  # the landing page's own list, where the author wrote one
    thanks: str = ""  # the thank-you page's own words
    page_count: int | None = None  # set once the PDF is made
    social_card: Any = None  # set once it is made

    @property
    def url(self) -> str:
        """The landing page."""
        return f"whitepapers/{self.slug}/"

    @property
    def thanks_url(self) -> str:
        """Where a browser without JavaScript comes to after the form."""
        return f"whitepapers/{self.slug}/thanks/"


@dataclass
class Library:
    """All whitepapers that are public, newest first, with their earlier editions, which links sent before still
    bring; those that are not public; and the mistakes in their files."""

    papers: list[Whitepaper] = field(default_factory=list)
    earlier: list[Whitepaper] = field(default_factory=list)
    unpublished: set[str] = field(default_factory=set)
    broken: set[str] = field(default_factory=set)
    """Slugs that papers with errors have, or may have: whoever names one makes no mistake."""
    mistakes: list[Mistake] = field(default_factory=list)

    def find(self, slug: str) -> Whitepaper | None:
        """Return the public whitepaper with this slug."""
        return next((paper for paper in self.papers if paper.slug == slug), None)

    def newest(self, language: str) -> Whitepaper | None:
        """Return the newest public whitepaper in a language, or else in the one it is a variant of."""
        newest = {paper.language.lower(): paper for paper in reversed(self.papers)}
        return in_language(newest, language)  # type: ignore[no-any-return]


def read_library(settings: dict[str, Any], now: datetime) -> Library:
    """Read all whitepapers; a later edition of a paper (slug.2.md beside slug.md) takes the earlier one's place.

    Drafts, and papers dated later than `now` unless the site shows future posts, are not public. Nothing is
    raised: what is wrong is in the answer's `mistakes`.
    """
    content = Path(settings["PATH"])
    headers = read_folder(content / "whitepapers")
    files = ContentFiles([], [], read_folder(content / "authors"), headers, settings)
    authors = {header.text("name") for header in files.authors} - {""}
    library = Library()
    first: dict[tuple[str, str], Header] = {}
    editions: dict[str, list[Whitepaper]] = {}
    for header in headers:
        if header.fields:
            check_whitepaper(header, files, authors)
            check_edition(header, files.slug(header), first)
        library.mistakes += header.mistakes
        if header.broken or header.path in settings.get(LEFT_OUT, ()):
            library.broken |= {files.slug(header), Path(header.path).name.partition(".")[0]}
            continue
        paper = whitepaper_from(header, files.slug(header), settings)
        if header.text("status").lower() == "draft" or (paper.date > now and not settings["WITH_FUTURE_DATES"]):
            library.unpublished.add(paper.slug)
        else:
            editions.setdefault(paper.slug, []).append(paper)
    for _, papers in sorted(editions.items()):
        *earlier, current = sorted(papers, key=edition_order)
        library.papers.append(current)
        library.earlier += earlier
    library.papers.sort(key=lambda paper: paper.date, reverse=True)
    library.unpublished -= set(editions)
    return library


def check_edition(header: Header, slug: str, first: dict[tuple[str, str], Header]) -> None:
    """A paper names its edition and language, and no two files are the same edition of one paper."""
    for name, example in REQUIRED.items():
        if not header.text(name):
            header.wrong(header.line(name), f"{name} is missing. Add a line like {name}: {example}")
    edition = header.text("edition")
    other = first.setdefault((slug, edition), header)
    if slug and edition and other is not header:
        line = header.line("slug" if "slug" in header.fields else "title")
        header.wrong(
            line,
            f'{other.path} is edition {edition} of "{slug}" too. Give this file another slug or another edition.',
        )


def edition_order(paper: Whitepaper) -> list[tuple[int, str]]:
    """Order editions as people count: 10 comes after 9, and 2.1 after 2."""
    return [(int(part) if part.isdigit() else 0, part) for part in paper.edition.split(".")]


def whitepaper_from(header: Header, slug: str, settings: dict[str, Any]) -> Whitepaper:
    """Make a whitepaper of a header without mistakes."""
    return Whitepaper(
        slug=slug,
        title=header.text("title"),
        summary=header.text("summary"),
        edition=header.text("edition"),
        language=header.text("language"),
        author=header.text("author") or settings.get("AUTHOR", ""),
        date=set_date_tzinfo(get_date(header.text("date")), settings.get("TIMEZONE", "UTC")),
        source_path=str(Path(header.path).resolve()),
        fields=form_fields(header),
        what_you_get=promised_lines(header),
        thanks=header.text("thanks"),
    )


class WhitepapersGenerator(Generator):  # type: ignore[misc]  # Pelican is published without types
    """Gives every template `whitepapers`, and writes two pages for each."""

    def generate_context(self) -> None:
        """Report the mistakes that were found; nothing has been written yet."""
        library: Library = self.settings["WHITEPAPER_LIBRARY"]
        report(self.settings, library.mistakes)
        self.context["whitepapers"] = library.papers

    def generate_output(self, writer: Any) -> None:
        """Write the landing pages and the thank-you pages."""
        for paper in self.context["whitepapers"]:
            for template, url in (("whitepaper", paper.url), ("whitepaper_thanks", paper.thanks_url)):
                writer.write_file(
                    f"{url}index.html", self.get_template(template), self.context, url=url, whitepaper=paper
                )


def begin_build(pelican: Any) -> Iterable[type[Generator]]:
    """Read the whitepapers; Pelican asks for generators once at the start of every build."""
    pelican.settings["WHITEPAPER_LIBRARY"] = read_library(pelican.settings, datetime.now(UTC))
    return [WhitepapersGenerator]


def register() -> None:
    """Connect this plugin to Pelican (called once by Pelican)."""
    watch()
    signals.get_generators.connect(begin_build)
