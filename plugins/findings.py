# SPDX-License-Identifier: AGPL-3.0-or-later
"""Gathers what is wrong with the content over a whole build, and judges it once.

An author who mends one mistake and is then told the next one has been told too little. So a rule only
reports; and when every post was read, every address is known and nothing has been written or deleted yet, all
findings are told together. Errors stop the build, and where the site is strict (CHECK_STRICT) warnings do too.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pelican.plugins import signals
from pelican.utils import clean_output_dir

from plugins.mistakes import ContentMistakes, Mistake, print_mistakes_plainly, tell

if TYPE_CHECKING:
    from plugins.front_matter.header import Header

KEY = "FINDINGS"
LEFT_OUT = "LEFT_OUT"
"""The setting that holds the files, as mistakes name them, that this build does without (`keep_going`)."""


class CheckEnded(Exception):
    """The content was only to be checked (CHECK_ONLY), and nothing stops a build of it."""


@dataclass
class Findings:
    """What one build has found, and the posts and pages that are not read since their headers are broken."""

    mistakes: set[Mistake] = field(default_factory=set)
    unread: dict[str, "Header"] = field(default_factory=dict)
    """By path relative to the content folder."""
    left_out: frozenset[str] = frozenset()
    with_errors: set[str] = field(default_factory=set)

    def add(self, mistake: Mistake) -> None:
        """Add one finding; of what is left out nothing is told again."""
        if mistake.path in self.left_out:
            return
        self.mistakes.add(mistake)
        if not mistake.warning:
            self.with_errors.add(mistake.path)

    def broken(self, path: str) -> bool:
        """Whether there is an error in a file, named as its mistakes name it."""
        return path in self.left_out or path in self.with_errors


def findings(settings: dict[str, Any]) -> Findings:
    """Return what this build has found so far."""
    found: Findings = settings.setdefault(KEY, Findings())
    return found


def report(settings: dict[str, Any], mistakes: Iterable[Mistake]) -> None:
    """Add to what is judged before the first page is written."""
    found = findings(settings)
    for mistake in mistakes:
        found.add(mistake)


def is_strict(settings: dict[str, Any]) -> bool:
    """Whether warnings stop the build: as CHECK_STRICT says, or where the content holds the file that it names."""
    strict = settings.get("CHECK_STRICT", False)
    return Path(settings["PATH"], strict).is_file() if isinstance(strict, str) else bool(strict)


def decide(mistakes: Iterable[Mistake], settings: dict[str, Any]) -> None:
    """Raise where something stops the build, else tell the warnings."""
    strict = is_strict(settings) and not settings.get("CHECK_KEEP_GOING", False)
    found = sorted(replace(one, warning=False) if strict else one for one in mistakes)
    if any(not mistake.warning for mistake in found):
        raise ContentMistakes(found)
    for mistake in found:
        tell(str(mistake))


def begin(pelican: Any) -> None:
    """Forget what an earlier build found, and put off emptying the output; a build asks for generators first."""
    pelican.settings[KEY] = Findings(left_out=frozenset(pelican.settings.get(LEFT_OUT, ())))
    if pelican.delete_outputdir:
        pelican.delete_outputdir, pelican.empties_once_judged = False, True


def judge(pelican: Any) -> None:
    """Decide; Pelican asks for a writer when all is read, and writes after that."""
    decide(findings(pelican.settings).mistakes, pelican.settings)
    if pelican.settings.get("CHECK_ONLY"):
        raise CheckEnded
    output, content = os.path.realpath(pelican.output_path), os.path.realpath(pelican.path)
    if getattr(pelican, "empties_once_judged", False) and os.path.commonpath([output, content]) != output:
        clean_output_dir(pelican.output_path, pelican.output_retention)


def watch() -> None:
    """Connect the beginning and the end of the check; each plugin that reports calls it."""
    print_mistakes_plainly()
    signals.get_generators.connect(begin)
    signals.get_writer.connect(judge)
