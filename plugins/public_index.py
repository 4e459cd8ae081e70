# SPDX-License-Identifier: AGPL-3.0-or-later
"""Tells the service what the site holds: public-index.json.

The service knows the site by this file alone, and by the shells that it names. So the index names exactly what a
stranger may know: no draft, future or hidden post.
"""

import json
from pathlib import Path
from typing import Any

from pelican.plugins import signals

from plugins.languages import consents
from plugins.page_shells import further_languages

INDEX = "public-index.json"
STAY_AWAY = "/*\n  X-Robots-Tag: noindex\n"  # Netlify's _headers file


def public_index(context: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    """Return the index; addresses are root-relative, `comments_etag` is None where no comments were fetched."""
    return {
        "version": 1,
        "site": {
            "name": settings["SITENAME"],
            "url": settings["SITEURL"],
            "language": settings["DEFAULT_LANG"],
        },
        "shells": sorted(further_languages(context, settings)),
        "style_hash": settings.get("STYLE_HASH", ""),
        "comments_etag": context.get("COMMENTS_ETAG"),
        "consents": consents(settings),
        "posts": {
            post.slug: {
                "title": str(post.title),
                "url": f"/{post.url}",
                "language": post.lang,
                "comments": "open" if getattr(post, "comments_open", False) else "closed",
            }
            for post in context["articles"]
        },
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
    """Write the index, and in previews the header that keeps search engines away."""
    settings, output = generator.settings, Path(generator.output_path)
    index = public_index(generator.context, settings)
    text = json.dumps(index, ensure_ascii=False, sort_keys=True, indent=1)
    (output / INDEX).write_text(f"{text}\n", encoding="utf-8")
    if settings["NOINDEX"]:
        (output / "_headers").write_text(STAY_AWAY, encoding="utf-8")


def register() -> None:
    """Connect this plugin to Pelican (called once by Pelican)."""
    signals.article_writer_finalized.connect(write_index)
