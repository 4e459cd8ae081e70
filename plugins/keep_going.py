# SPDX-License-Identifier: AGPL-3.0-or-later
"""Publishes the good posts although others have errors, where the owner asks for that (CHECK_KEEP_GOING).

A blog of many authors may rather miss one post than wait for its author. What has an error is left out as if its
file were not there, and the site is made anew from the others: nothing lists it, links to it become mere words,
and what it alone shows is not copied. The command ends well, so that a host publishes the site, and says in the
end what was left out. Warnings are told and leave nothing out, in a strict site too.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from pelican.plugins import signals

from plugins.findings import LEFT_OUT
from plugins.front_matter.header import ENDINGS
from plugins.mistakes import ContentMistakes, Mistake, tell


def can_be_left_out(mistake: Mistake, settings: dict[str, Any]) -> bool:
    """Whether a mistake is one text's own; one of a setting, or of the theme, concerns all."""
    path = Path(mistake.path).absolute()
    return path.suffix[1:].lower() in ENDINGS and path.is_relative_to(Path(settings["PATH"]).absolute())


def run_with_the_good_ones(pelican: Any, pelicans_own: Callable[[], None]) -> None:
    """Stand in for Pelican.run. Raises ContentMistakes where leaving files out is no help."""
    settings = pelican.settings
    settings[LEFT_OUT] = set()
    told: list[Mistake] = []
    while True:
        try:
            pelicans_own()
            break
        except ContentMistakes as found:
            errors = [mistake for mistake in found.mistakes if not mistake.warning]
            if not all(can_be_left_out(mistake, settings) for mistake in errors):
                raise
            told += errors
            settings[LEFT_OUT] |= {mistake.path for mistake in errors}
    for mistake in sorted(told):
        tell(str(mistake))
    count = len(settings[LEFT_OUT])
    if count:
        files = "1 file was" if count == 1 else f"{count} files were"
        tell(f"{files} left out because of errors (CHECK_KEEP_GOING). The others are published.")


def take_over(pelican: Any) -> None:
    """Let a build go on without what is broken."""
    if pelican.settings.get("CHECK_KEEP_GOING"):
        pelican.run = partial(run_with_the_good_ones, pelican, pelican.run)


def register() -> None:
    """Connect this plugin to Pelican (called once by Pelican)."""
    signals.initialized.connect(take_over)
