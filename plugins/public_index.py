# SPDX-License-Identifier: AGPL-3.0-or-later
"""Tells the service what the site holds: public-index.json, and the shards with posts that it names.

The service knows the site by these files alone, and by the shells that the index names. So they name exactly what
a stranger may know: no draft, future or hidden post.

All posts in one file would be written, sent and read anew for each new post. They lie in shards instead, which the
index names with their SHA-256: who reads knows which are new, and whether index and shard are of one build. A
post's shard follows from its slug, since hashes fill all shards alike, whenever a post is dated and however often
it is corrected: one post means one shard. How many there are follows from the number of posts, so that none grows
large; when it passes MOST_IN_SHARD times a power of 16, all are written once.
"""

import json
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any

from pelican.plugins import signals

from plugins.languages import consents
from plugins.page_shells import further_languages
from plugins.unchanged_files import write_changed

INDEX = "public-index.json"
SHARD = "public-index/posts-{key}.json"
MOST_IN_SHARD = 1_000
"""How many posts a shard holds at most, on average."""

ALL = "all"
"""The key where one shard is enough."""

STAY_AWAY = "/*\n  X-Robots-Tag: noindex\n"  # Netlify's _headers file
ENCODED = json.JSONEncoder(ensure_ascii=False, sort_keys=True).encode


def shard_digits(count: int) -> int:
    """Return how many hexadecimal digits tell the shards of so many posts apart."""
    digits = 0
    while count > MOST_IN_SHARD * 16**digits:
        digits += 1
    return digits


def post_shards(posts: Iterable[Any]) -> dict[str, bytes]:
    """Return what each shard holds by its key; a post stands on a line of its own."""
    lines = {post.slug: f"{ENCODED(post.slug)}: {ENCODED(told_of(post))}" for post in posts}
    digits = shard_digits(len(lines))
    shards: dict[str, list[str]] = {}
    for slug in sorted(lines):
        key = sha256(slug.encode()).hexdigest()[:digits] or ALL
        shards.setdefault(key, []).append(lines[slug])
    return {key: "{{\n{}\n}}\n".format(",\n".join(shard)).encode() for key, shard in sorted(shards.items())}


def told_of(post: Any) -> dict[str, str]:
    """Return what the service is told of a post."""
    return {
        "title": str(post.title),
        "url": f"/{post.url}",
        "language": post.lang,
        "comments": "open" if getattr(post, "comments_open", False) else "closed",
    }


def public_index(context: dict[str, Any], settings: dict[str, Any], shards: dict[str, bytes]) -> dict[str, Any]:
    """Return the index; addresses are root-relative, `comments_etag` is None where no comments were fetched."""
    return {
        "version": 2,
        "site": {
            "name": settings["SITENAME"],
            "url": settings["SITEURL"],
            "language": settings["DEFAULT_LANG"],
        },
        "shells": sorted(further_languages(context, settings)),
        "style_hash": settings.get("STYLE_HASH", ""),
        "comments_etag": context.get("COMMENTS_ETAG"),
        "consents": consents(settings),
        "post_shards": {key: sha256(data).hexdigest() for key, data in shards.items()},
        "whitepapers": {
            paper.slug: {
                "title": paper.title,
                "summary": paper.summary,
                "url": f"/{paper.url}",
                "thanks_url": f"/{paper.thanks_url}",
                "language": paper.language,
                "edition": paper.edition,
                "fields": paper.fields,
            }
            for paper in context.get("whitepapers", ())
        },
        "pages": {page.slug: {"title": str(page.title), "url": f"/{page.url}"} for page in context["pages"]},
    }


def write_index(generator: Any, **_: Any) -> None:
    """Write shards that are new and then the index, and in previews the header that keeps search engines away."""
    settings, output = generator.settings, Path(generator.output_path)
    shards = post_shards(generator.context["articles"])
    for key, data in shards.items():
        write_changed(output / SHARD.format(key=key), data, settings)
    index = public_index(generator.context, settings, shards)
    text = json.dumps(index, ensure_ascii=False, sort_keys=True, indent=1)
    write_changed(output / INDEX, f"{text}\n".encode(), settings)
    if settings["NOINDEX"]:
        (output / "_headers").write_text(STAY_AWAY, encoding="utf-8")


def register() -> None:
    """Connect this plugin to Pelican (called once by Pelican)."""
    signals.article_writer_finalized.connect(write_index)
