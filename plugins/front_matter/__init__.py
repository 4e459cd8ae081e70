# SPDX-License-Identifier: AGPL-3.0-or-later
"""Checks every content file's header and reports each mistake with file, line and fix.

Pelican skips a file it cannot read, says little about why, and publishes the rest with exit code 0. Here a file
with a mistake in its header is not read at all, so that the check goes on with all the others, and it stops the
build in the end (`findings`), before anything is written or deleted: the site that was built last stays as it is.
"""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from pelican.plugins import signals

from plugins.findings import findings, report, watch
from plugins.front_matter.header import ENDINGS, Header, read_folder, read_header
from plugins.front_matter.loose_files import loose_files, misnamed, unused
from plugins.front_matter.rules import ContentFiles, check_all
from plugins.front_matter.waiting import what_waits
from plugins.mistakes import note, tell


def read_headers(generator: Any, paths: list[str], excludes: list[str]) -> list[Header]:
    """Read the headers of all Markdown files below some folders of the content, in the order of their names."""
    found = generator.get_files(paths, exclude=excludes, extensions=ENDINGS)
    return [read_header(f"{generator.path}/{path.removeprefix('./')}") for path in sorted(found)]


def check_content(generator: Any) -> None:
    """Report all mistakes in the headers, and keep files that have errors from being read."""
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
    report(settings, [*misnamed(loose), *(mistake for header in headers for mistake in header.mistakes)])
    found = findings(settings)
    for header in (*files.posts, *files.pages):
        if found.broken(header.path):
            found.unread[os.path.relpath(header.path, generator.path)] = header
    for odd in unused(loose, headers):
        note(odd)
    settings["WAITING"] = what_waits(files)
    leave_out(generator)


def leave_out(generator: Any) -> None:
    """Keep a generator from reading files whose headers are broken."""
    generator.get_files = partial(readable_files, generator, generator.get_files)


def readable_files(generator: Any, pelicans_own: Callable[..., set[str]], *given: Any, **named: Any) -> set[str]:
    """Stand in for Generator.get_files."""
    unread = findings(generator.settings).unread
    return {path for path in pelicans_own(*given, **named) if path.removeprefix("./") not in unread}


def tell_what_waits(pelican: Any) -> None:
    """Say in one line what is not public yet, once the site is built."""
    if pelican.settings["WAITING"]:
        tell(pelican.settings["WAITING"])


def register() -> None:
    """Connect this plugin to Pelican (called once by Pelican)."""
    watch()
    signals.article_generator_init.connect(check_content)
    signals.page_generator_init.connect(leave_out)
    signals.finalized.connect(tell_what_waits)
