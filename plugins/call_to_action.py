# SPDX-License-Identifier: AGPL-3.0-or-later
"""Puts the offer of a whitepaper into a post: where its author asks for it, else at its end.

`[whitepaper: slug]` alone on a line becomes a slot. What a slot holds is a plain link to the landing page,
since a post's HTML also goes into feeds, where a form is of no use; on the post's own page `article_body`
puts the form in its place. The line is found by Markdown's own block parser, so that one inside a code block
stays what it is: an example.
"""

import re
from collections.abc import Iterator, Sequence
from html import escape, unescape
from itertools import chain
from typing import Any
from xml.etree import ElementTree

import jinja2
from markdown import Markdown
from markdown.blockprocessors import BlockProcessor
from markdown.extensions import Extension
from markdown.util import AtomicString
from markupsafe import Markup
from pelican.contents import Article, Content
from pelican.plugins import signals
from pelican.utils import truncate_html_paragraphs, truncate_html_words

from plugins.findings import report, watch
from plugins.front_matter.values import did_you_mean
from plugins.incremental.contents_once import ALONE
from plugins.incremental.own_page import FOR_ONE
from plugins.incremental.value_stamps import MADE_OF
from plugins.mistakes import Mistake, shown_path
from plugins.typed_html import lines_outside_code, read_html
from plugins.whitepapers import Library, Whitepaper

SHORTCODE = re.compile(r"^ {0,3}\[whitepaper:[ \t]*(?P<slug>[^\]\n]*?)[ \t]*\][ \t]*$", re.MULTILINE)
SLIP = re.compile(r"\[\s*whitepaper\b", re.IGNORECASE)  # what looks like a shortcode, and is none
ITEM = re.compile(r"[\s>]*(?:(?:[-*+]|\d+[.)])\s+[\s>]*)*")  # what makes a line a list's or a quote's
SLOT = re.compile(r'<p class="whitepaper-slot" data-whitepaper="(?P<slug>[^"]*)"[^>]*>.*?</p>', re.DOTALL)
PLACED_SLOT = re.compile(SLOT.pattern.replace("[^>]*>", ' data-cta="(?P<cta>[^"]*)">'), re.DOTALL)
AFTER_THE_TEXT = re.compile(r'\s*(?:<div class="footnote">.*)?\Z', re.DOTALL)
KINDS = (
    *("articles", "translations", "hidden_articles", "hidden_translations", "drafts", "drafts_translations"),
    *("pages", "hidden_pages", "draft_pages", "draft_translations"),
)
EXTENSION = "plugins.call_to_action:ShortcodeExtension"


class ShortcodeProcessor(BlockProcessor):
    """Makes a slot of each line that is a shortcode, and leaves the lines around it to Markdown."""

    def test(self, parent: Any, block: str) -> bool:
        """Whether a block of lines holds a shortcode."""
        return SHORTCODE.search(block) is not None

    def run(self, parent: Any, blocks: list[str]) -> None:
        """Parse the lines before the first shortcode, add its slot, and put the lines after it back."""
        block = blocks.pop(0)
        found = SHORTCODE.search(block)
        assert found  # test() has seen it
        if block[: found.start()].strip():
            self.parser.parseBlocks(parent, [block[: found.start()].rstrip("\n")])
        paragraph = ElementTree.SubElement(
            parent, "p", {"class": "whitepaper-slot", "data-whitepaper": found["slug"]}
        )
        link = ElementTree.SubElement(paragraph, "a", {"href": f"/whitepapers/{found['slug']}/"})
        link.text = AtomicString(found["slug"])  # a text that inline patterns skip
        if block[found.end() :].strip():
            blocks.insert(0, block[found.end() :].lstrip("\n"))


class ShortcodeExtension(Extension):
    """Teaches Python-Markdown the shortcode."""

    def extendMarkdown(self, md: Markdown) -> None:
        """Ask after code blocks (priority 80), before headings, lists and paragraphs (70 and less)."""
        md.parser.blockprocessors.register(ShortcodeProcessor(md.parser), "whitepaper", 75)


def slot(paper: Whitepaper, cta: str) -> str:
    """Return a slot: a paragraph that links to the landing page, marked so that a form can take its place."""
    link = f'<a href="/{paper.url}">{escape(paper.title)}</a>'
    return f'<p class="whitepaper-slot" data-whitepaper="{paper.slug}" data-cta="{cta}">{link}</p>'


def fill_slots(html: str, library: Library) -> str:
    """Name the whitepaper in each slot and number the slots; a slot whose whitepaper is unknown stays as it is."""
    number = 0

    def fill(found: re.Match[str]) -> str:
        nonlocal number
        paper = library.find(found["slug"])
        if paper is None:
            return found[0]
        if AFTER_THE_TEXT.match(html, found.end()):
            cta = "end"
        else:
            number += 1
            cta = f"text-{number}"
        return slot(paper, cta)

    return SLOT.sub(fill, html)


def place_offers(content: Content) -> None:
    """Fill a new post's or page's slots, before anyone reads its text: Pelican remembers what it once read."""
    html = content._content
    if not isinstance(html, str):  # a static file's is empty
        return
    words = read_html(SLOT.sub("", html)).words if SLIP.search(html) else ""
    content.whitepaper_slips = SLIP.search(words) is not None
    content.whitepaper_slots = [unescape(found["slug"]) for found in SLOT.finditer(html)]
    keep_slots_out_of_summary(content, html)
    if content.whitepaper_slots:
        content._content = fill_slots(html, content.settings["WHITEPAPER_LIBRARY"])


setattr(place_offers, ALONE, True)


def keep_slots_out_of_summary(content: Content, html: str) -> None:
    """A summary never holds a slot, written by the author or, as Pelican does, cut from the text."""
    settings = content.settings
    summary = content.metadata.get("summary")
    if summary is None and content.whitepaper_slots:
        summary = SLOT.sub("", html)
        if settings.get("SUMMARY_MAX_PARAGRAPHS") is not None:
            summary = truncate_html_paragraphs(summary, settings["SUMMARY_MAX_PARAGRAPHS"])
        if settings["SUMMARY_MAX_LENGTH"] is not None:
            summary = truncate_html_words(summary, settings["SUMMARY_MAX_LENGTH"], settings["SUMMARY_END_SUFFIX"])
    elif isinstance(summary, str) and SLOT.search(summary):
        summary = SLOT.sub("", summary)
    else:
        return
    content.metadata["summary"] = content._summary = summary


def all_contents(generator: Any) -> Iterator[Content]:
    """Yield a generator's posts or pages of every status."""
    return chain.from_iterable(getattr(generator, kind, ()) for kind in KINDS)


def choose_offers(generators: list[Any]) -> None:
    """Set `whitepaper_at_end` on every post, and report the names that no whitepaper has."""
    for content in chain.from_iterable(map(all_contents, generators)):
        choose_for_one(generators, content)


def choose_for_one(_: Sequence[Any], content: Content) -> None:
    """Do so for one post or page."""
    library: Library = content.settings["WHITEPAPER_LIBRARY"]
    report(content.settings, [*unknown_names(content, library), *slips(content)])
    if isinstance(content, Article):
        content.whitepaper_at_end = whitepaper_at_end(content, library)


setattr(choose_offers, FOR_ONE, choose_for_one)


def whitepaper_at_end(article: Article, library: Library) -> Whitepaper | None:
    """Return what a post offers at its end: the paper its header names, else the newest in its language."""
    if article.status == "draft" or article.whitepaper_slots:
        return None
    named = article.metadata.get("whitepaper")
    return library.find(named) if named else library.newest(article.lang)


def unknown_names(content: Content, library: Library) -> Iterator[Mistake]:
    """Yield a mistake for each shortcode, and for a header, that names no public whitepaper.

    A draft may name an unpublished whitepaper: both are on their way.
    """
    named = dict.fromkeys(content.whitepaper_slots)
    header = content.metadata.get("whitepaper") if isinstance(content, Article) else None
    if header:
        named[header] = None
    for slug in named:
        if library.find(slug) or slug in library.broken:
            continue
        if slug in library.unpublished and content.status == "draft":
            continue
        if slug in library.unpublished:
            text = f'The whitepaper "{slug}" is not published yet: it is a draft, or its date is to come.'
        else:
            known = sorted(paper.slug for paper in library.papers)
            listed = f" Known are: {', '.join(known)}." if known else " There are none in content/whitepapers/."
            text = f'There is no whitepaper "{slug}".{did_you_mean(slug, known)}{listed}'
        for number in lines_that_name(slug, content.source_path) or [1]:
            yield Mistake(shown_path(content.source_path), number, text)


def slips(content: Content) -> Iterator[Mistake]:
    """Yield a mistake for each shortcode that readers would see as text, since it is not quite one."""
    if not content.whitepaper_slips:
        return
    lines = lines_outside_code(content.source_path)
    found = [number for number, line in lines if SLIP.search(line) and not shortcode_in(line)]
    for number in found or [1]:
        text = (
            "This is no call to action and would be shown as it is typed. Write it alone on a line as "
            "[whitepaper: slug], or between `...` where the words themselves are meant."
        )
        yield Mistake(shown_path(content.source_path), number, text)


def shortcode_in(line: str) -> re.Match[str] | None:
    """Return the shortcode that a line of a file is, in a list or a quote too."""
    return SHORTCODE.match(ITEM.sub("", line, count=1).strip())


def lines_that_name(slug: str, path: str) -> list[int]:
    """Return the lines, from 1, of the shortcodes and the header field that name a whitepaper."""
    field = re.compile(rf"whitepaper:\s*[\"']?{re.escape(slug)}[\"']?\s*", re.IGNORECASE)
    lines = list(lines_outside_code(path))
    shortcodes = ((number, shortcode_in(line)) for number, line in lines)
    named = {number for number, found in shortcodes if found and found["slug"] == slug}
    return sorted(named | {number for number, line in lines if field.fullmatch(line)})


@jinja2.pass_context
def article_body(context: jinja2.runtime.Context, article: Article) -> Markup:
    """Return a post's text with the form in place of each slot."""
    library = Library(context.get("whitepapers") or [])
    template = context.environment.get_template("_call_to_action.html")

    def offer(found: re.Match[str]) -> str:
        paper = library.find(found["slug"])
        return template.render({**context.get_all(), "whitepaper": paper, "article": article, "cta": found["cta"]})

    return Markup(PLACED_SLOT.sub(offer, article.content))  # noqa: S704  # HTML that Markdown and a template made


setattr(article_body, MADE_OF, ())  # it looks up in the context whatever it needs beside the article


def teach(pelican: Any) -> None:
    """Add the shortcode to the Markdown extensions, and `article_body` to the templates' names."""
    settings = pelican.settings
    extensions = settings["MARKDOWN"].get("extensions", [])
    if EXTENSION not in extensions:
        settings["MARKDOWN"] = {**settings["MARKDOWN"], "extensions": [*extensions, EXTENSION]}
    settings["JINJA_GLOBALS"] = {**settings["JINJA_GLOBALS"], "article_body": article_body}


def register() -> None:
    """Connect this plugin to Pelican (called once by Pelican)."""
    watch()
    signals.initialized.connect(teach)
    signals.content_object_init.connect(place_offers)
    signals.all_generators_finalized.connect(choose_offers)
