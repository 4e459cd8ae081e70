# SPDX-License-Identifier: AGPL-3.0-or-later
"""Builds only what changed.

What a content file says is converted once for its content and kept (conversions). What is new is converted on all
cores (forked), and so are pages rendered (rendering). Nothing that is kept is needed: without it, or with what
another version kept, a build gives the same bytes and takes longer.

The seams are Pelican's own signals, so any site and any reader gain by it.
"""

import gc
import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from pelican.generators import ArticlesGenerator, PagesGenerator
from pelican.plugins import signals
from pelican.readers import BaseReader
from pelican.utils import file_suffix

from plugins.incremental import forked
from plugins.incremental.code_stamp import stamp
from plugins.incremental.contents_once import EARLY, ContentsOnce, name_of_site, nobody_keeps_anything
from plugins.incremental.conversions import Conversion, extensions
from plugins.incremental.database import Database
from plugins.incremental.inputs import Watched
from plugins.incremental.notes import ROWS
from plugins.incremental.rendering import RECORDS, begin_writing, end_writing, take_over
from plugins.incremental.site_rows import SiteRows, forget_old_sites
from plugins.incremental.store import Store

SELDOM = (200_000, 50, 100)
"""How many things are made before Python looks which of them nobody needs any more: a build needs nearly all."""

KEPT = Path("incremental", "kept.sqlite3")
DATABASE, STORE, FILES = "INCREMENTAL_DATABASE", "INCREMENTAL_STORE", "INCREMENTAL_FILES"


def look_at_settings(pelican: Any) -> None:
    """Note the settings before plugins put among them what belongs to one build."""
    pelican.settings[EARLY] = dict(pelican.settings)


def open_store(pelican: Any) -> None:
    """Open what earlier builds kept; Pelican asks for generators at the start of each build."""
    settings = pelican.settings
    settings[DATABASE] = Database(Path(settings["CACHE_PATH"], KEPT))
    settings[STORE] = Store(settings[DATABASE], settings)
    settings[FILES] = {}
    for name in (ROWS, RECORDS):  # of a build that was given up
        settings.pop(name, None)
    gc.set_threshold(*SELDOM)


def watch_settings(readers: Any) -> None:
    """Note which settings the readers look at while they are made."""
    readers.settings = Watched(readers.settings)


def read_once(generator: Any) -> None:
    """Let each reader of a generator read a file only where nobody has yet."""
    readers, settings = generator.readers, generator.settings
    readers.settings = settings
    generator.get_files = partial(files_of, generator, generator.get_files)
    for reader in (*readers.readers.values(), *readers.disabled_readers.values()):
        made, reader.settings = reader.settings, settings
        if type(reader) is not BaseReader:  # what is only copied is not read
            names = made.names if isinstance(made, Watched) else set()
            reader.read = Conversion(reader, names, settings, settings[STORE])
    if isinstance(generator, ArticlesGenerator | PagesGenerator):
        generator.generate_context = partial(convert_first, generator, generator.generate_context)
    take_over(generator)


def files_of(
    generator: Any, pelicans_own: Callable[..., set[str]], paths: Any, exclude: Any = None, extensions: Any = None
) -> set[str]:
    """Return the names of the files below some folders; Pelican goes through the folders for each question."""
    asked = paths, exclude, tuple(generator.readers.extensions) if extensions is None else extensions
    found: dict[str, set[str]] = generator.settings[FILES]
    key = repr(asked)
    if key not in found:
        found[key] = pelicans_own(paths, exclude, extensions)
    return set(found[key])


def convert_first(generator: Any, pelicans_own: Callable[[], None]) -> None:
    """Make what is new on all cores, before Pelican reads one file after the other."""
    kind, settings = "ARTICLE" if isinstance(generator, ArticlesGenerator) else "PAGE", generator.settings
    names = sorted(generator.get_files(settings[f"{kind}_PATHS"], exclude=settings[f"{kind}_EXCLUDES"]))
    if forked.can() and settings.get("DEFAULT_DATE") != "fs" and nobody_keeps_anything(kind.lower()):
        rows = SiteRows(settings[DATABASE], name_of_site(generator, code_of(settings)))
        settings.setdefault(ROWS, rows)  # the posts' are those in which plugins note things
        ContentsOnce(generator, settings[STORE], rows).prepare(names)
    else:
        convert_texts(generator, names)
    try:
        pelicans_own()
    finally:
        settings[DATABASE].write()  # whatever becomes of the build


def convert_texts(generator: Any, names: Sequence[str]) -> None:
    """Convert new texts on all cores, and leave it to Pelican to make posts and pages of them."""
    of_kind: dict[str, list[str]] = {}
    for name in names:
        path = os.path.abspath(f"{generator.path}/{name}")  # noqa: PTH100 - the very text that Pelican asks with
        of_kind.setdefault(file_suffix(path), []).append(path)
    for suffix, paths in of_kind.items():
        read = generator.readers.readers[suffix].read
        if isinstance(read, Conversion):
            read.convert_new(paths)


def code_of(settings: Mapping[str, Any]) -> str:
    """Return what stands for all code that a build runs."""
    return stamp(["pelican", "jinja2", "markupsafe", "feedgenerator", *extensions(settings), *settings["PLUGINS"]])


def close_store(pelican: Any) -> None:
    """Keep what was made."""
    pelican.settings.pop(STORE).close()
    pelican.settings.pop(ROWS, None)
    database = pelican.settings.pop(DATABASE)
    forget_old_sites(database)
    database.close()


def register() -> None:
    """Connect this plugin to Pelican (called once by Pelican)."""
    signals.initialized.connect(look_at_settings)
    signals.get_generators.connect(open_store)
    signals.readers_init.connect(watch_settings)
    signals.generator_init.connect(read_once)
    signals.all_generators_finalized.connect(begin_writing)
    signals.finalized.connect(end_writing)
    signals.finalized.connect(close_store)
