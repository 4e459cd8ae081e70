# SPDX-License-Identifier: AGPL-3.0-or-later
"""Gives each post exactly three related ones, wherever the site has four posts or more.

The author's choice (`related:` in the front matter) comes first, in the author's order. What is missing is found
by likeness: posts that share rare words and tags. An inverted index from words to posts keeps this fast, and a
word's list is capped at the newest posts that use it, since a word that all use says nothing: the work grows with
the number of posts, not with its square.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from html import unescape
from itertools import chain
from math import log
from typing import Any

from pelican.plugins import signals

from plugins.incremental import forked

COUNT = 3
LONGEST_LIST = 50
"""Posts that one word or tag leads to, the newest ones."""

TELLING_WORDS = 40
"""Words that stand for a post: those that are frequent in it and rare elsewhere."""

TAG_WEIGHT, CATEGORY_WEIGHT, TITLE_WEIGHT = 4.0, 1.5, 3
MARKUP = re.compile(r"<[^>]*>")
WORD = re.compile(r"[^\W\d_]{4,}")


def words(post: Any) -> Counter[str]:
    """Count the post's longer words, those of its title more than once."""
    text = unescape(MARKUP.sub(" ", post._content))  # before links are resolved: they add no words
    counted = Counter(WORD.findall(text.lower()))
    for word in WORD.findall(str(post.title).lower()):
        counted[word] += TITLE_WEIGHT
    return counted


def features(posts: Sequence[Any]) -> list[dict[str, float]]:
    """Return what stands for each post, with weights: its telling words (TF-IDF), tags and category."""
    counted = [words(post) for post in posts]
    used_by = Counter(word for count in counted for word in count)
    found: list[dict[str, float]] = []
    for post, count in zip(posts, counted, strict=True):
        weights = {word: (1 + log(n)) * log(len(posts) / used_by[word]) for word, n in count.items()}
        telling = sorted(weights, key=lambda word: (-weights[word], word))[:TELLING_WORDS]
        norm = sum(weights[word] ** 2 for word in telling) ** 0.5 or 1.0
        mine = {f"word {word}": weights[word] / norm for word in telling if weights[word] > 0}
        mine |= {f"tag {tag.slug}": TAG_WEIGHT**0.5 for tag in getattr(post, "tags", ())}
        mine[f"category {post.category.slug}"] = CATEGORY_WEIGHT**0.5
        found.append(mine)
    return found


def alike(posts: Sequence[Any]) -> list[list[int]]:
    """Return for each post, newest first, the places of the COUNT most similar ones; filled up with the newest."""
    of_post = features(posts)
    uses: dict[str, list[int]] = defaultdict(list)
    for place, mine in enumerate(of_post):
        for name in mine:
            if len(uses[name]) < LONGEST_LIST:
                uses[name].append(place)
    rarity = {name: 1.0 if name.startswith("word ") else 1 / log(2 + len(used)) for name, used in uses.items()}

    def nearest(place: int) -> tuple[int, list[int]]:
        scores: dict[int, float] = defaultdict(float)
        for name, weight in of_post[place].items():
            for other in uses[name]:
                if other != place:
                    scores[other] += weight * of_post[other][name] * rarity[name]
        best = sorted(scores, key=lambda other: (-scores[other], other))
        newest = (other for other in range(min(len(posts), 2 * COUNT + 1)) if other != place)
        return place, list(dict.fromkeys(chain(best[: 2 * COUNT], newest)))

    places = range(len(posts))
    found = forked.each(nearest, places, batch=64) if forked.worth_it(places) else map(nearest, places)
    return [near for _, near in sorted(found)]


def chosen(post: Any, by_slug: Mapping[str, Any]) -> list[Any]:
    """Return the published posts that the author names, in that order."""
    named = post.metadata.get("related") or []
    slugs = named if isinstance(named, list) else str(named).split(",")
    posts = [by_slug.get(str(slug).strip()) for slug in slugs]
    return [other for other in dict.fromkeys(posts) if other is not None and other is not post]


def relate(generator: Any) -> None:
    """Set `related_posts` on every post; hidden posts and drafts are offered nowhere, and get the newest."""
    posts = sorted(generator.articles, key=lambda post: (post.date, post.slug), reverse=True)
    by_slug = {post.slug: post for post in posts}
    for post, places in zip(posts, alike(posts), strict=True):
        found = dict.fromkeys([*chosen(post, by_slug), *(posts[place] for place in places)])
        post.related_posts = list(found)[:COUNT]
    for post in chain(generator.hidden_articles, generator.drafts):
        post.related_posts = list(dict.fromkeys([*chosen(post, by_slug), *posts[:COUNT]]))[:COUNT]


def register() -> None:
    """Connect this plugin to Pelican (called once by Pelican)."""
    signals.article_generator_finalized.connect(relate)
