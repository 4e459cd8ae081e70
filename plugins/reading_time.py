# SPDX-License-Identifier: AGPL-3.0-or-later
"""Says how many minutes a post takes to read, so that a reader can choose one for the time there is."""

import re
from collections.abc import Sequence
from html import unescape
from itertools import chain
from math import ceil
from typing import Any

from pelican.plugins import signals

from plugins.incremental.own_page import FOR_ONE

WORDS_PER_MINUTE = 230  # adults reading English prose: Brysbaert 2019, 238 for non-fiction, rounded down

TAG = re.compile(r"<[^>]*>")
WORD = re.compile(r"\w[\w'’.-]*")


def word_count(html: str) -> int:
    """Count the words a reader sees in a piece of HTML."""
    return len(WORD.findall(unescape(TAG.sub(" ", html))))


def reading_minutes(words: int) -> int:
    """Turn a number of words into whole minutes, at least one, the last one begun counting as one."""
    return max(1, ceil(words / WORDS_PER_MINUTE))


def set_reading_time(generator: Any) -> None:
    """Set `word_count` and `reading_minutes` on every post, hidden ones and drafts too."""
    for post in chain(generator.articles, generator.hidden_articles, generator.drafts):
        set_for_one([generator], post)


def set_for_one(_: Sequence[Any], post: Any) -> None:
    """Set them on one post."""
    post.word_count = word_count(post._content)  # before links are resolved: they add no words
    post.reading_minutes = reading_minutes(post.word_count)


setattr(set_reading_time, FOR_ONE, set_for_one)


def register() -> None:
    """Connect this plugin to Pelican (called once by Pelican)."""
    signals.article_generator_finalized.connect(set_reading_time)
