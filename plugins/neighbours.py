# SPDX-License-Identifier: AGPL-3.0-or-later
"""Gives each post the one before and the one after it, so that a reader can go on in order.

"Before" is the older post. The order is that of the listings (date, then slug), so that the two never
disagree. Hidden posts and drafts are neither neighbours nor have any: their addresses are not given away.
"""

from itertools import chain
from typing import Any

from pelican.plugins import signals


def link_neighbours(generator: Any) -> None:
    """Set `previous_post` (older) and `next_post` (newer) on every post, None at the ends."""
    for post in chain(generator.hidden_articles, generator.drafts):
        post.previous_post = post.next_post = None
    order = sorted(generator.articles, key=lambda post: (post.date, post.slug))
    for older, post, newer in zip([None, *order], order, [*order[1:], None], strict=False):
        post.previous_post, post.next_post = older, newer


def register() -> None:
    """Connect this plugin to Pelican (called once by Pelican)."""
    signals.article_generator_finalized.connect(link_neighbours)
