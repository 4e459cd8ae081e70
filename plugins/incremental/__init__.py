# SPDX-License-Identifier: AGPL-3.0-or-later
"""Builds only what changed.

What a content file says is converted once for its content and kept (conversions). What is new is converted on all
cores (forked), and so are pages rendered (rendering). Nothing that is kept is needed: without it, or with what
another version kept, a build gives the same bytes and takes longer.

The seams are Pelican's own signals, so any site and any reader gain by it.
"""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from pelican.generators import ArticlesGenerator, PagesGenerator
from pelican.plugins import signals
from pelican.readers import BaseReader
from pelican.utils import file_suffix

from plugins.incremental.conversions import Conversion
from plugins.incremental.inputs import Watched
from plugins.incremental.rendering import take_over
from plugins.incremental.store import Store

KEPT = Path("incremental", "conversions.sqlite3")


def open_store(pelican: Any) -> None:
    """Open what earlier builds kept; Pelican asks for generators at the start of each build."""
    settings = pelican.settings
    settings["INCREMENTAL_STORE"] = Store(Path(settings["CACHE_PATH"], KEPT), settings)


def watch_settings(readers: Any) -> None:
    """Note which settings the readers look at while they are made."""
    readers.settings = Watched(readers.settings)


def read_once(generator: Any) -> None:
    """Let each reader of a generator read a file only where nobody has yet."""
    readers, settings = generator.readers, generator.settings
    for reader in (*readers.readers.values(), *readers.disabled_readers.values()):
        made, reader.settings = reader.settings, settings
        if type(reader) is not BaseReader:  # what is only copied is not read
            names = made.names if isinstance(made, Watched) else set()
            reader.read = Conversion(reader, names, settings, settings["INCREMENTAL_STORE"])
    if isinstance(generator, ArticlesGenerator | PagesGenerator):
        generator.generate_context = partial(convert_first, generator, generator.generate_context)


def convert_first(generator: Any, pelicans_own: Callable[[], None]) -> None:
    """Convert what is new on all cores, before Pelican reads one file after the other."""
    kind, settings = "ARTICLE" if isinstance(generator, ArticlesGenerator) else "PAGE", generator.settings
    of_kind: dict[str, list[str]] = {}
    for name in sorted(generator.get_files(settings[f"{kind}_PATHS"], exclude=settings[f"{kind}_EXCLUDES"])):
        path = os.path.abspath(f"{generator.path}/{name}")  # noqa: PTH100 - the very text that Pelican asks with
        of_kind.setdefault(file_suffix(path), []).append(path)
    for suffix, paths in of_kind.items():
        read = generator.readers.readers[suffix].read
        if isinstance(read, Conversion):
            read.convert_new(paths)
    try:
        pelicans_own()
    finally:
        settings["INCREMENTAL_STORE"].write()  # whatever becomes of the build


def close_store(pelican: Any) -> None:
    """Keep what was converted."""
    pelican.settings.pop("INCREMENTAL_STORE").close()


def register() -> None:
    """Connect this plugin to Pelican (called once by Pelican)."""
    signals.get_generators.connect(open_store)
    signals.readers_init.connect(watch_settings)
    signals.generator_init.connect(read_once)
    signals.article_generator_init.connect(take_over)
    signals.finalized.connect(close_store)
