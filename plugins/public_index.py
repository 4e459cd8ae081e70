# SPDX-License-Identifier: AGPL-3.0-or-later
"""Tells the service what the site holds: public-index.json, and checks the page that its answers are dressed in.

The service knows the site by these two files alone. So the index names exactly what a stranger may know (no draft,
future or hidden post), and a shell without its two places stops the build: the service's pages would be empty.
"""

import json
from pathlib import Path
from typing import Any

from pelican.plugins import signals

from plugins.languages import consents
from plugins.mistakes import ContentMistakes, Mistake, shown_path

INDEX, SHELL = "public-index.json", "page-shell.html"
TITLE_PLACE, MAIN_PLACE = "[[shell:title]]", "[[shell:main]]"
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


def check_shell(output: Path, template: str) -> None:
    """Raise a mistake where the shell that was written lacks a place, or has one for the text twice."""
    shell = (output / SHELL).read_text(encoding="utf-8") if (output / SHELL).exists() else ""
    title = shell.partition("<title>")[2].partition("</title>")[0]
    told = ""
    if not shell:
        told = f'{SHELL} was not written. DIRECT_TEMPLATES in pelicanconf.py must name "page_shell".'
    elif TITLE_PLACE not in title:
        told = f"The page has no {TITLE_PLACE} in its title. Put it there: the service fills it in."
    elif shell.count(MAIN_PLACE) != 1:
        told = f"The page must have {MAIN_PLACE} once, inside <main>: the service puts its text there."
    if told:
        raise ContentMistakes([Mistake(template, 1, told)])


def write_index(generator: Any, **_: Any) -> None:
    """Write the index, and in previews the header that keeps search engines away."""
    settings, output = generator.settings, Path(generator.output_path)
    check_shell(output, shown_path(str(Path(settings["THEME"], "templates", "page_shell.html"))))
    index = public_index(generator.context, settings)
    text = json.dumps(index, ensure_ascii=False, sort_keys=True, indent=1)
    (output / INDEX).write_text(f"{text}\n", encoding="utf-8")
    if settings["NOINDEX"]:
        (output / "_headers").write_text(STAY_AWAY, encoding="utf-8")


def register() -> None:
    """Connect this plugin to Pelican (called once by Pelican)."""
    signals.article_writer_finalized.connect(write_index)
