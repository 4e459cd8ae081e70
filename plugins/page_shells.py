# SPDX-License-Identifier: AGPL-3.0-or-later
"""Writes the pages that the service's answers are dressed in, in each language that the site speaks.

page-shell.html, a direct template, is in the site's own language. For each further one that a public post, page or
whitepaper is in there is another, such as page-shell.de.html, with header and footer as there. Variants of a
language share one, since the service speaks none. A shell without its two places stops the build: the service's
pages would be empty.
"""

from pathlib import Path
from typing import Any

from pelican.plugins import signals

from plugins.mistakes import ContentMistakes, Mistake, shown_path

SHELL = "page-shell.html"
TITLE_PLACE, MAIN_PLACE = "[[shell:title]]", "[[shell:main]]"


def further_languages(context: dict[str, Any], settings: dict[str, Any]) -> dict[str, str]:
    """Return by language the tag that its shell carries: de, or de-AT where all that is German is Austrian."""
    tags = {content.lang for content in (*context["articles"], *context["pages"])}
    tags |= {paper.language for paper in context.get("whitepapers", ())}
    found: dict[str, str] = {}
    for tag in sorted(tags):  # a language stands before its variants
        found.setdefault(without_variant(tag), tag)
    found.pop(without_variant(settings["DEFAULT_LANG"]), None)
    return found


def without_variant(tag: str) -> str:
    """Return the language of a tag: de for de-AT."""
    return tag.lower().partition("-")[0]


def check_shell(output: Path, name: str, template: str) -> None:
    """Raise a mistake where the shell that was written lacks a place, or has one for the text twice."""
    shell = (output / name).read_text(encoding="utf-8") if (output / name).exists() else ""
    title = shell.partition("<title>")[2].partition("</title>")[0]
    told = ""
    if not shell:
        told = f'{name} was not written. DIRECT_TEMPLATES in pelicanconf.py must name "page_shell".'
    elif TITLE_PLACE not in title:
        told = f"The page has no {TITLE_PLACE} in its title. Put it there: the service fills it in."
    elif shell.count(MAIN_PLACE) != 1:
        told = f"The page must have {MAIN_PLACE} once, inside <main>: the service puts its text there."
    if told:
        raise ContentMistakes([Mistake(template, 1, told)])


def write_shells(generator: Any, writer: Any) -> None:
    """Write the shell of each further language, and check all of them."""
    settings, output = generator.settings, Path(generator.output_path)
    template = shown_path(str(Path(settings["THEME"], "templates", "page_shell.html")))
    check_shell(output, SHELL, template)
    for language, tag in further_languages(generator.context, settings).items():
        name = f"page-shell.{language}.html"
        writer.write_file(name, generator.get_template("page_shell"), generator.context, page_lang=tag)
        check_shell(output, name, template)


def register() -> None:
    """Connect this plugin to Pelican (called once by Pelican)."""
    signals.article_writer_finalized.connect(write_shells)
