# SPDX-License-Identifier: AGPL-3.0-or-later
"""Finds texts that would be public and are not for everyone: drafts, and whitepapers, for which readers sign up.

A link that gives one away is found with the other links. Here are the other ways: a setting that publishes a
folder or the drafts, and a whitepaper's text that stands in a post as well.
"""

import os
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from pelican.generators import StaticGenerator

from plugins.front_matter.header import Header, read_folder, read_header
from plugins.hidden_posts import KEPT_BACK, PUBLIC, contents_of
from plugins.mistakes import Mistake, shown_path

SETTINGS = "pelicanconf.py"
LONG_ENOUGH = 120
"""Letters of a paragraph that two texts do not share by chance."""

SHARE = 0.5
"""The part of a whitepaper's long paragraphs that a post may quote."""


def leaks(generators: Sequence[Any]) -> Iterator[Mistake]:
    """Yield an error for each text that would be public and is not for everyone."""
    settings = generators[0].settings
    papers = read_folder(Path(settings["PATH"], "whitepapers"))
    gated = {os.path.abspath(paper.path) for paper in papers}  # noqa: PTH100 - as Pelican names its sources
    for draft in contents_of(generators, KEPT_BACK):
        if draft.save_as:
            told = f'The draft {shown_path(draft.source_path)} would be public. Set DRAFT_SAVE_AS = "".'
            yield Mistake(SETTINGS, 1, told)
    public = contents_of(generators, PUBLIC)
    for content in public:
        if content.source_path in gated:
            told = f"The whitepaper {shown_path(content.source_path)} would be public. Mend ARTICLE_EXCLUDES."
            yield Mistake(SETTINGS, 1, told)
    drafts = {draft.source_path for draft in contents_of(generators, KEPT_BACK)}
    statics = [one for one in generators if isinstance(one, StaticGenerator)]
    for file in chain.from_iterable(one.staticfiles for one in statics):
        if file.source_path in gated | drafts and not linked(file, public):
            told = f"The text {shown_path(file.source_path)} would be public. Mend STATIC_PATHS."
            yield Mistake(SETTINGS, 1, told)
    yield from pasted([one for one in public if one.source_path not in gated], papers)


def linked(file: Any, public: Sequence[Any]) -> bool:
    """Whether a text links to a file, so that the link has been told already."""
    name = Path(file.source_path).name
    return any(name in link for content in public for tag in content.typed_html.tags for link in tag.links())


def pasted(public: Sequence[Any], papers: Sequence[Header]) -> Iterator[Mistake]:
    """Yield an error for each post that holds most of a whitepaper's text."""
    of_paper = {paper.path: long_paragraphs(paper.body) for paper in papers}
    owners = {text: path for path, texts in of_paper.items() for text in texts}
    if not owners:
        return
    for content in public:
        texts = long_paragraphs(Path(content.source_path).read_text(encoding="utf-8-sig"))
        shared = [owners[text] for text in texts if text in owners]
        for path in dict.fromkeys(shared):
            if shared.count(path) > SHARE * len(of_paper[path]):
                told = f"Here is most of the whitepaper {path}, for which readers sign up. Quote less of it."
                header = read_header(content.source_path)
                begun = len(header.body) - len(header.body.lstrip("\n"))
                yield Mistake(header.path, header.body_line + begun, told)


def long_paragraphs(body: str) -> set[str]:
    """Return the paragraphs of a text that are long enough to be known again."""
    return {text for text in (" ".join(part.split()) for part in body.split("\n\n")) if len(text) >= LONG_ENOUGH}
