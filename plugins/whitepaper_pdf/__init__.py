# SPDX-License-Identifier: AGPL-3.0-or-later
"""Makes the whitepapers' PDFs with every build, into a private folder that the site is never served from.

They are made after all content was read and before anything is written, so that a whitepaper with a mistake
stops the build and leaves the site as it is, and so that the landing page can name the number of pages.
`python -m plugins.whitepaper_pdf` makes them without building the site.
"""

from pathlib import Path
from typing import Any

from pelican.plugins import signals

from plugins.findings import report, watch
from plugins.mistakes import ContentMistakes, Mistake
from plugins.whitepaper_pdf.typesetting import MadePdf, make_pdf
from plugins.whitepapers import Library


def private_folder(settings: dict[str, Any]) -> Path:
    """Return the folder for PDFs; one that would be published is refused."""
    folder = Path(settings["WHITEPAPER_DIR"]).resolve()
    site = settings.get("SITE_PATH", settings["OUTPUT_PATH"])  # what readers see, wherever a build writes
    for public, name in ((site, "output"), (settings["PATH"], "content")):
        if folder.is_relative_to(Path(public).resolve()):
            text = (
                f"The whitepapers' PDFs would lie in the {name} folder ({folder}), for anyone to fetch. "
                "Set WHITEPAPER_DIR (LEADAPI_WHITEPAPER_DIR) to a folder elsewhere."
            )
            raise ContentMistakes([Mistake("pelicanconf.py", 1, text)])
    return folder


def make_papers(library: Library, settings: dict[str, Any]) -> list[MadePdf]:
    """Make the PDFs that are missing or outdated; raise the mistakes of all whitepapers together."""
    folder = private_folder(settings)
    company = settings.get("COMPANY") or settings["SITENAME"]
    made: list[MadePdf] = []
    mistakes = list(library.mistakes)
    for whitepaper in (*library.papers, *library.earlier):
        try:
            pdf = make_pdf(whitepaper, folder, Path(settings["PATH"]), company)
        except ContentMistakes as error:
            mistakes += error.mistakes
        else:
            whitepaper.page_count = pdf.page_count
            made.append(pdf)
    if mistakes:
        raise ContentMistakes(mistakes)
    return made


def make_papers_of_build(generators: list[Any]) -> None:
    """Make the PDFs of a build, and report what keeps one from being made."""
    settings = generators[0].settings
    try:
        make_papers(settings["WHITEPAPER_LIBRARY"], settings)
    except ContentMistakes as error:
        report(settings, error.mistakes)


def register() -> None:
    """Connect this plugin to Pelican (called once by Pelican)."""
    watch()
    signals.all_generators_finalized.connect(make_papers_of_build)
