# SPDX-License-Identifier: AGPL-3.0-or-later
"""Renders the pages of all posts and listings on all cores, where nobody can tell the difference.

Pelican renders a page and writes it before it goes on to the next. Here the pages are only noted, and then each
process renders its share. Where a plugin of the site's is called for each page and might keep something of it, or
the order of writing matters, Pelican's own way is taken.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from pelican.contents import Content
from pelican.generators import ArticlesGenerator
from pelican.plugins import signals
from pelican.writers import FileOverwriteFailedError

from plugins.incremental import forked
from plugins.incremental.progress import told

ALONE = "works_on_the_file_alone"
"""The attribute that a receiver of content_written has which may be called in any process."""

ATTACHES = ("{attach}", "|attach|")


class Noted:
    """A writer that notes the pages that it is asked to write; in all else it is the real one."""

    def __init__(self, writer: Any) -> None:
        self._writer = writer
        self.pages: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._writer, name)

    def write_file(self, *given: Any, **named: Any) -> None:
        """Note a page, as Writer.write_file takes it."""
        self.pages.append((given, named))

    def write_all(self) -> None:
        """Render and write all pages. Raises whatever Pelican's own way would."""
        if not (
            forked.worth_it(self.pages) and all(map(_may_come_in_any_order, self.pages)) and _nobody_listens()
        ):
            for given, named in self.pages:
                self._writer.write_file(*given, **named)
            return
        for _, named in self.pages:
            _attach_files(named.get("article"))
        written: set[str] = self._writer._written_files
        done = forked.each(self._write_one, range(len(self.pages)))
        for place, files in told("Writing pages", len(self.pages), done):
            if files is None:
                given, named = self.pages[place]
                self._writer.write_file(*given, **named)  # what went wrong there goes wrong here
            elif twice := written & files:
                raise FileOverwriteFailedError(
                    f"File {min(twice)} is to be overwritten: two pages have one address"
                )
            else:
                written |= files

    def _write_one(self, place: int) -> tuple[int, set[str] | None]:
        given, named = self.pages[place]
        self._writer._written_files = set()
        try:
            self._writer.write_file(*given, **named)
        except Exception:
            return place, None
        return place, self._writer._written_files


def _may_come_in_any_order(page: tuple[tuple[Any, ...], dict[str, Any]]) -> bool:
    """Whether no other page may lie at the same address; `override_output` asks for that."""
    return not page[1].get("override_output")


def _nobody_listens() -> bool:
    """Whether no plugin follows the writing of pages in this process."""
    after = signals.content_written.receivers_for(None)
    return not signals.article_generator_write_article.receivers and all(
        getattr(receiver, ALONE, False) for receiver in after
    )


def _attach_files(article: Any) -> None:
    """Resolve a text that moves static files beside itself: they are copied by this process, later."""
    if isinstance(article, Content) and any(mark in article._content for mark in ATTACHES):
        _ = article.content


def write_on_all_cores(pelicans_own: Callable[[Any], None], writer: Any) -> None:
    """Stand in for ArticlesGenerator.generate_pages."""
    noted = Noted(writer)
    pelicans_own(noted)
    noted.write_all()


def take_over(generator: ArticlesGenerator) -> None:
    """Let a generator's pages be written by write_on_all_cores."""
    generator.generate_pages = partial(write_on_all_cores, generator.generate_pages)
