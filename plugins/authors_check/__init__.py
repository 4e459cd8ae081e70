# SPDX-License-Identifier: AGPL-3.0-or-later
"""Looks at the texts themselves: their headings, the weight of their pictures, and whether they are for everyone.

`python -m plugins.authors_check` runs this check and all others without writing a site.
"""

from collections.abc import Sequence
from typing import Any

from pelican.generators import StaticGenerator
from pelican.plugins import signals

from plugins.authors_check.headings import heading_mistakes
from plugins.authors_check.leaks import leaks
from plugins.authors_check.pictures import heavy_pictures
from plugins.call_to_action import slips, unknown_names
from plugins.findings import report, watch
from plugins.hidden_posts import PUBLIC, contents_of, static_files
from plugins.incremental.own_page import FOR_ONE
from plugins.unread_texts import unread_texts


def check_texts(generators: Sequence[Any]) -> None:
    """Report what is wrong with everything public, and with the texts below broken headers."""
    settings = generators[0].settings
    public = contents_of(generators, PUBLIC)
    for content in public:
        report(settings, heading_mistakes(content))
    for text in unread_texts(settings):
        library = settings["WHITEPAPER_LIBRARY"]
        report(settings, (*heading_mistakes(text), *unknown_names(text, library), *slips(text)))
    statics = [one for one in generators if isinstance(one, StaticGenerator)]
    files = {address: name for generator in statics for address, name in static_files(generator).items()}
    report(settings, heavy_pictures(public, files, settings))
    report(settings, leaks(generators))


def check_one(generators: Sequence[Any], content: Any) -> None:
    """Report what is wrong with one text; its pictures' weights are told by the build, since they stop none."""
    report(generators[0].settings, heading_mistakes(content))


setattr(check_texts, FOR_ONE, check_one)


def register() -> None:
    """Connect this plugin to Pelican (called once by Pelican)."""
    watch()
    signals.all_generators_finalized.connect(check_texts)
