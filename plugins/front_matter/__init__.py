# SPDX-License-Identifier: AGPL-3.0-or-later
"""Checks every content file's header and tells each mistake with file, line and fix.

Pelican skips a file it cannot read, says little about why, and publishes the rest with exit code 0. Here a
mistake stops the build, after all of them were found and before anything is written or deleted, so that the
site that was built last stays as it is.
"""

from pathlib import Path
from typing import Any

from pelican.plugins import signals

from plugins.front_matter.header import ENDINGS, Header, read_folder, read_header
from plugins.front_matter.loose_files import loose_files, misnamed, unused
from plugins.front_matter.rules import ContentFiles, check_all
from plugins.front_matter.waiting import what_waits
from plugins.mistakes import ContentMistakes, note, print_mistakes_plainly, tell


def read_headers(generator: Any, paths: list[str], excludes: list[str]) -> list[Header]:
    """Read the headers of all Markdown files below some folders of the content, in the order of their names."""
    found = generator.get_files(paths, exclude=excludes, extensions=ENDINGS)
    return [read_header(f"{generator.path}/{path.removeprefix('./')}") for path in sorted(found)]


def check_content(generator: Any) -> None:
    """Raise all mistakes in the content; Pelican has deleted and written nothing yet."""
    settings = generator.settings
    files = ContentFiles(
        posts=read_headers(generator, settings["ARTICLE_PATHS"], settings["ARTICLE_EXCLUDES"]),
        pages=read_headers(generator, settings["PAGE_PATHS"], settings["PAGE_EXCLUDES"]),
        authors=read_folder(Path(generator.path, "authors")),
        whitepapers=read_folder(Path(generator.path, "whitepapers")),
        settings=settings,
    )
    check_all(files)
    headers = [*files.posts, *files.pages, *files.authors, *files.whitepapers]
    loose = list(loose_files(settings))
    mistakes = [*misnamed(loose), *(mistake for header in headers for mistake in header.mistakes)]
    if mistakes:
        raise ContentMistakes(mistakes)
    for odd in unused(loose, headers):
        note(odd)
    settings["WAITING"] = what_waits(files)


def tell_what_waits(pelican: Any) -> None:
    """Say in one line what is not public yet, once the site is built."""
    if pelican.settings["WAITING"]:
        tell(pelican.settings["WAITING"])


def register() -> None:
    """Connect this plugin to Pelican (called once by Pelican)."""
    print_mistakes_plainly()
    signals.article_generator_init.connect(check_content)
    signals.finalized.connect(tell_what_waits)
