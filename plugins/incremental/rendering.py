# SPDX-License-Identifier: AGPL-3.0-or-later
"""Renders the pages that are to be rendered, on all cores, where nobody can tell the difference.

Pelican renders a page and writes it before it goes on to the next. Here the pages of posts and listings are only
noted; those that are what they would be (page_records) are left alone, and each process renders its share of the
others. Pages of other generators are written one by one, as Pelican does it. Where a plugin of the site's is
called for each page and might keep something of it, or the order of writing matters, all are rendered in Pelican's
own way.
"""

import inspect
import os
import sys
from collections.abc import Callable, Container, Iterable, Sequence
from functools import partial
from typing import Any, NamedTuple

from pelican.generators import ArticlesGenerator
from pelican.plugins import signals
from pelican.writers import FileOverwriteFailedError

from plugins.incremental import forked
from plugins.incremental.conversions import listening
from plugins.incremental.kept_contents import attaches
from plugins.incremental.page_inputs import (
    Inputs,
    forget_contents,
    leave_contents,
    seen_in,
    watch_contents,
    watch_templates,
)
from plugins.incremental.page_records import PageRecords
from plugins.incremental.page_state import Call, Output
from plugins.incremental.progress import told
from plugins.incremental.written_files import FilesOfOnePage

ALONE = "works_on_the_file_alone"
"""The attribute that a receiver of content_written has which may be called in any process."""

KEPT_FILES = "KEPT_FILES"
"""The setting that holds the files that belong to the site though this build has not written them."""

RECORDS = "INCREMENTAL_RECORDS"

AFTER = (
    *(
        signals.article_generator_pretaxonomy,
        signals.article_generator_finalized,
        signals.page_generator_finalized,
    ),
    *(signals.static_generator_finalized, signals.all_generators_finalized, signals.article_writer_finalized),
    *(signals.page_writer_finalized, signals.feed_generated),
)
"""What is sent once posts and pages are made."""

PAGE = ("name", "template", "context", "relative_urls", "paginated", "template_name", "override_output", "url")
"""What Writer.write_file calls its own parameters, in their order; the rest are variables of the page."""

PLACES = PAGE[:3]


class Done(NamedTuple):
    """What became of one page: its files, None where it could not be written; what it was made of, and what is
    kept of its files, where all of it is known."""

    place: int
    files: set[str] | None
    inputs: Inputs | None = None
    outputs: tuple[Output, ...] = ()


class Asked(NamedTuple):
    """A page as Pelican asks for it."""

    given: tuple[Any, ...]
    named: dict[str, Any]

    def call(self, paginated_templates: Container[str]) -> Call:
        """Return it with its parameters by their names."""
        if len(self.given) == len(PLACES):  # as Pelican does it
            (name, template, context), named = self.given, self.named
        else:
            named = {**dict(zip(PAGE, self.given, strict=False)), **self.named}
            name, template, context = (named[place] for place in PLACES)
        cut = named.get("template_name") in paginated_templates and named.get("paginated") != {}
        return Call(name, template, context, named, ("articles", "dates") if cut else ())


class Writing:
    """A writer that leaves pages alone that are what they would be; in all else it is the real one."""

    def __init__(self, writer: Any, records: PageRecords | None, *, later: bool = False) -> None:
        """`later`: pages are only noted, until write_noted."""
        self._writer, self._records, self._later = writer, records, later
        self._cut = writer.settings["PAGINATED_TEMPLATES"]
        self._noted: list[Asked] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._writer, name)

    def write_file(self, *given: Any, **named: Any) -> None:
        """Take a page as Writer.write_file does."""
        page = Asked(given, named)
        if self._later:
            self._noted.append(page)
        elif not self._left_alone([page]):
            self._write_all([page])

    def has_two_of_a_name(self) -> bool:
        """Whether two of the noted pages are to lie at one address."""
        names = [page.call(self._cut).name for page in self._noted]
        return len(set(names)) != len(names)

    def write_noted(self) -> None:
        """Write all that was noted. Raises whatever Pelican's own way would."""
        pages, self._noted = self._noted, []
        left = self._left_alone(pages)
        due = [page for place, page in enumerate(pages) if place not in left]
        for page in due:
            article = page.named.get("article")
            if article is not None and attaches(article):
                _ = article.content  # its files are copied by this process, later
        if not forked.worth_it(due) or not all(map(_may_come_in_any_order, due)):
            self._write_all(due)
            return
        written: set[str] = self._writer._written_files
        for done in told("Writing pages", len(due), forked.each(partial(self._write_one, due), range(len(due)))):
            if done.files is None:
                self._write_all([due[done.place]])  # what went wrong there goes wrong here
            elif twice := written & done.files:
                raise FileOverwriteFailedError(
                    f"File {min(twice)} is to be overwritten: two pages have one address"
                )
            else:
                written |= done.files
                self._keep(due[done.place], done)

    def _left_alone(self, pages: list[Asked]) -> set[int]:
        """The places of the pages that are what they would be; their files are noted as written."""
        if self._records is None:
            return set()
        left = set()
        written, kept = self._writer._written_files, self._writer.settings.setdefault(KEPT_FILES, set())
        output = os.path.abspath(self._writer.output_path)  # noqa: PTH100 - as Pelican notes what it has written
        for place, page in enumerate(pages):
            call = page.call(self._cut)
            fresh = self._records.fresh(call) if _may_come_in_any_order(page) else None
            if fresh:
                files = [f"{output}/{found[0]}" for found in fresh.outputs]
                if written.isdisjoint(files):
                    left.add(place)
                    written.update(files)
                    kept.update(files)
        return left

    def _write_all(self, pages: list[Asked]) -> None:
        if self._records is None:
            for page in pages:
                self._writer.write_file(*page.given, **page.named)
            return
        watch_contents()
        try:
            for place, page in enumerate(pages):
                written = FilesOfOnePage(self._writer)
                with (
                    written,
                    listening() as complaints,
                    seen_in(getattr(page.call(()).template, "name", None)) as seen,
                ):
                    self._writer.write_file(*page.given, **page.named)
                self._keep(page, self._done(place, written.new, seen, complaints.count))
        finally:
            leave_contents()

    def _write_one(self, pages: list[Asked], place: int) -> Done:
        watch_contents()  # in a worker, whose pages are all seen
        page = pages[place]
        self._writer._written_files = set()
        try:
            with listening() as complaints, seen_in(getattr(page.call(()).template, "name", None)) as seen:
                self._writer.write_file(*page.given, **page.named)
        except Exception:
            return Done(place, None)
        return self._done(place, self._writer._written_files, seen, complaints.count)

    def _done(self, place: int, files: set[str], seen: list[Inputs], complaints: int) -> Done:
        if self._records is None or not seen or complaints:
            return Done(place, files)
        return Done(place, files, seen[0], tuple(map(self._records.output_of, files)))

    def _keep(self, page: Asked, done: Done) -> None:
        if self._records and done.inputs and done.outputs and _may_come_in_any_order(page):
            self._records.put(page.call(self._cut), done.inputs, done.outputs)


def _may_come_in_any_order(page: Asked) -> bool:
    """Whether no other page may lie at the same address; `override_output` asks for that."""
    return not page.named.get("override_output")


def nobody_listens() -> bool:
    """Whether no plugin follows the writing of pages in this process."""
    if signals.article_generator_write_article.receivers or signals.page_generator_write_page.receivers:
        return False
    return all(getattr(receiver, ALONE, False) for receiver in signals.content_written.receivers_for(None))


def write_articles(generator: Any, pelicans_own: Callable[[Any], None], writer: Any) -> None:
    """Stand in for ArticlesGenerator.generate_pages."""
    if not nobody_listens():
        pelicans_own(writer)
        return
    writing = Writing(writer, records_for(writer, generator.settings), later=True)
    pelicans_own(writing)
    if writing.has_two_of_a_name():  # Pelican makes up its mind while it writes
        pelicans_own(Writing(writer, records_for(writer, generator.settings)))
    else:
        writing.write_noted()


def write_others(generator: Any, pelicans_own: Callable[[Any], None], writer: Any) -> None:
    """Stand in for another generator's generate_output."""
    pelicans_own(Writing(writer, records_for(writer, generator.settings)) if nobody_listens() else writer)


def records_for(writer: Any, settings: Any) -> PageRecords | None:
    """Return what is known of the last build's pages, None where a writer of a plugin's may give pages more."""
    records: PageRecords | None = settings[RECORDS] if _assigns_only(type(writer)) else None
    if records:
        records.written = writer._written_files
    return records


def take_over(generator: Any) -> None:
    """Let a generator's pages be written by these."""
    watch_templates(generator.env)
    if isinstance(generator, ArticlesGenerator):
        generator.generate_pages = partial(write_articles, generator, generator.generate_pages)
    elif hasattr(generator, "generate_output"):
        generator.generate_output = partial(write_others, generator, generator.generate_output)


def begin_writing(generators: Sequence[Any]) -> None:
    """Look up what was written in the last build, once all that pages are made of is there."""
    forget_contents()
    articles = next((one for one in generators if isinstance(one, ArticlesGenerator)), None)
    if articles is None:
        return
    settings = articles.settings
    if "WHOLE_SITE" not in settings:  # that plugin begins its own set for each build
        settings[KEPT_FILES] = set()
    classes = [type(one) for one in generators]
    settings[RECORDS] = PageRecords(
        settings, articles.output_path, articles.env, articles.context, all_assign_only(classes)
    )


def end_writing(pelican: Any) -> None:
    """Keep what was written for the next build."""
    records = pelican.settings.pop(RECORDS, None)
    if records:
        records.save()


def all_assign_only(classes: Iterable[Any]) -> bool:
    """Whether whoever is called between the making of posts and the writing of pages gives posts new attributes
    only by assigning them, and so is seen."""
    callers = [one for signal in AFTER for one in signal.receivers_for(None)]
    return all(map(_assigns_only, [*callers, *classes]))


def _assigns_only(caller: Any) -> bool:
    module = getattr(inspect.unwrap(getattr(caller, "func", caller)), "__module__", "") or ""
    package = module.partition(".")[0]
    if package == "pelican":
        return not module.startswith("pelican.plugins.")
    return bool(getattr(sys.modules.get(package), "ASSIGNS_ONLY", False))
