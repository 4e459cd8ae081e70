# SPDX-License-Identifier: AGPL-3.0-or-later
"""Puts the approved comments into the pages, so that they are read without JavaScript and without the service.

The build says in public-index.json which state of the comments it holds (`comments_etag`); the service compares
and has the site built again when it is behind. Nothing that the service answers, or does not, breaks a build.
A copy of what is shown goes out with the site: the next build may run elsewhere, while the service is down.
"""

import sys
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

from pelican.plugins import signals

from plugins.baked_comments.approved import Comment, threads
from plugins.baked_comments.source import Approved, approved_comments, copy_text

__all__ = ["Comment", "register"]

COPY = "approved-comments.json"
FIELDS = ("id", "post", "parent", "name", "created", "html")


def bake(generator: Any) -> None:
    """Set `comments` (top level, oldest first), `comment_count` and `comments_open` on every post.

    Hidden posts and drafts have none: a discussion would tell the world of them.
    """
    settings = generator.settings
    approved, warning = approved_comments(
        settings["COMMENTS_URL"],
        Path(settings["VAR_DIR"], "comments.json"),
        f"{settings['SITEURL']}/{COPY}" if settings["COMMENTS_COPY"] else "",
    )
    if warning:
        # Not logged: `--fatal warnings` is for authors' mistakes, and this is nobody's.
        print(f"Warning: {warning}", file=sys.stderr, flush=True)
    generator.context["COMMENTS"], generator.context["COMMENTS_ETAG"] = approved, approved.etag
    of_post: dict[str, list[Comment]] = {}
    for comment in approved.comments:
        of_post.setdefault(comment.post, []).append(comment)
    for post in generator.articles:
        mine = of_post.get(post.slug, [])
        post.comments, post.comment_count = threads(mine), len(mine)
        post.comments_open = str(post.metadata.get("comments", "open")).lower() != "closed"
    for post in chain(generator.hidden_articles, generator.drafts):
        post.comments, post.comment_count, post.comments_open = [], 0, False


def publish_copy(generator: Any, **_: Any) -> None:
    """Write the copy beside the pages, of the comments under public posts alone."""
    approved: Approved = generator.context["COMMENTS"]
    if generator.settings["COMMENTS_COPY"]:
        public = {post.slug for post in generator.articles}
        shown = [{name: raw.get(name) for name in FIELDS} for raw in approved.raw if raw["post"] in public]
        copy = copy_text(replace(approved, raw=shown))
        Path(generator.output_path, COPY).write_text(copy, encoding="utf-8")


def register() -> None:
    """Connect this plugin to Pelican (called once by Pelican)."""
    signals.article_generator_finalized.connect(bake)
    signals.article_writer_finalized.connect(publish_copy)
