# SPDX-License-Identifier: AGPL-3.0-or-later
"""Gives each post exactly three related ones, wherever the site has four posts or more.

The author's choice (`related:` in the front matter) comes first, in the author's order. What is missing is found
by likeness: posts that share tags, the category and words, rare ones above all (likeness). What was found in the
last build is kept, and only what may be otherwise now is looked for again.
"""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from html import unescape
from itertools import chain
from typing import Any, NamedTuple

from pelican.contents import Article
from pelican.plugins import signals

from plugins.incremental import forked
from plugins.incremental.contents_once import ALONE
from plugins.incremental.notes import kept_as, note, noted
from plugins.likeness import Features, Index, may_be_others

COUNT = 3
ENOUGH = 2 * COUNT
"""Posts that are found by likeness: some of them may be named by the author already."""

TELLING_WORDS = 16
"""Words of its text that stand for a post: of the longer ones those that are there most often."""

TAG, CATEGORY, TITLE, SUMMARY, TEXT = 8, 3, 4, 2, 2
"""How much a tag, the category, a word of the title, of the summary and of the text tell of a post."""

MARKUP = re.compile(r"<[^>]*>")
WORD = re.compile(r"[^\W\d_]{4,}")
NOTE, FEATURES = "related posts", "features of posts"


class Found(NamedTuple):
    """What was found out about one post; `alike` are the paths of the files of the posts that are most like it."""

    path: str
    kept_as: str | None
    order: tuple[float, str]
    alike: list[str]


def words(html: Any) -> list[str]:
    """Return the longer words of a piece of HTML."""
    return WORD.findall(unescape(MARKUP.sub(" ", str(html))).lower())


def note_telling_words(content: Any) -> None:
    """Set `telling_words` on a new post: they need its text, which later builds do not look at any more."""
    if isinstance(content, Article):
        counted = Counter(words(content._content))
        often = [word for word, count in counted.items() if count > 1]
        if len(often) >= TELLING_WORDS:
            counted = Counter({word: counted[word] for word in often})
        content.telling_words = sorted(counted, key=lambda word: (-counted[word], -len(word), word))[
            :TELLING_WORDS
        ]


setattr(note_telling_words, ALONE, True)


def features(post: Any) -> Features:
    """Return what stands for a post, with weights: its tags, its category, and words."""
    found: Features = {f"category {post.category.slug}": CATEGORY}
    found |= {f"tag {tag.slug}": TAG for tag in getattr(post, "tags", ())}
    for text, weight in ((post.telling_words, TEXT), (words(post.summary), SUMMARY), (words(post.title), TITLE)):
        found |= dict.fromkeys(text, weight)
    return found


def alike(posts: Sequence[Any], settings: Any) -> list[list[int]]:
    """Return for each post, newest first, the places of those that are most like it."""
    before = {path: Found(path, *more) for path, *more in noted(settings, NOTE) or ()}
    known = [before.pop(post.relative_source_path, None) for post in posts]
    places = {post.relative_source_path: place for place, post in enumerate(posts)}
    nearest = {place: old.alike for place, old in enumerate(known) if old}
    order = [order_of(post) for post in posts]
    kept = [kept_as(post) for post in posts]
    changed = [
        place
        for place, old in enumerate(known)
        if not old or old.order != order[place] or not old.kept_as or old.kept_as != kept[place]
    ]
    if changed or before:
        gone = [*before.values(), *(old for place in changed if (old := known[place]))]
        nearest |= _looked_for(posts, changed, gone, order, settings)
        found = (nearest[place] for place in range(len(posts)))
        note(settings, NOTE, list(zip(places, kept, order, found, strict=True)))
    return [[places[path] for path in nearest[place]] for place in range(len(posts))]


def _looked_for(
    posts: Sequence[Any],
    changed: Sequence[int],
    gone: Sequence[Found],
    order: Sequence[tuple[float, str]],
    settings: Any,
) -> dict[int, list[str]]:
    """Return by place, where it may be otherwise than in the last build, the files of the posts that are most
    alike.

    `gone` are those of the last build that there are no more, as they were, or that are others now.
    """
    before: dict[str, Features] = noted(settings, FEATURES) or {}
    again, paths = set(changed), [post.relative_source_path for post in posts]
    of_posts = [
        features(post) if place in again or path not in before else before[path]
        for place, (path, post) in enumerate(zip(paths, posts, strict=True))
    ]
    note(settings, FEATURES, dict(zip(paths, of_posts, strict=True)))
    index, newest_last = Index(of_posts), order[::-1]
    was = [(before.get(old.path, {}), len(order) - bisect_right(newest_last, old.order)) for old in gone]

    def nearest(place: int) -> tuple[int, list[str]]:
        return place, [paths[other] for other in index.nearest(place, ENOUGH)]

    due = sorted(may_be_others(index, changed, was))
    return dict(forked.each(nearest, due, batch=64) if forked.worth_it(due) else map(nearest, due))


def order_of(post: Any) -> tuple[float, str]:
    """Return what sorts posts as listings do, oldest first."""
    return post.date.timestamp(), post.slug


def chosen(post: Any, by_slug: Mapping[str, Any]) -> list[Any]:
    """Return the published posts that the author names, in that order."""
    named = getattr(post, "related", None) or []
    slugs = named if isinstance(named, list) else str(named).split(",")
    posts = [by_slug.get(str(slug).strip()) for slug in slugs]
    return [other for other in dict.fromkeys(posts) if other is not None and other is not post]


def relate(generator: Any) -> None:
    """Set `related_posts` on every post; hidden posts and drafts are offered nowhere, and get the newest."""
    posts = sorted(generator.articles, key=order_of, reverse=True)
    by_slug = {post.slug: post for post in posts}
    newest = posts[: COUNT + 1]
    for post, places in zip(posts, alike(posts, generator.settings), strict=True):
        found = dict.fromkeys([*chosen(post, by_slug), *(posts[place] for place in places), *newest])
        found.pop(post, None)
        post.related_posts = list(found)[:COUNT]
    for post in chain(generator.hidden_articles, generator.drafts):
        post.related_posts = list(dict.fromkeys([*chosen(post, by_slug), *posts[:COUNT]]))[:COUNT]


def register() -> None:
    """Connect this plugin to Pelican (called once by Pelican)."""
    signals.content_object_init.connect(note_telling_words)
    signals.article_generator_finalized.connect(relate)
