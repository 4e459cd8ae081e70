# SPDX-License-Identifier: AGPL-3.0-or-later
"""Checks the content without writing a site, so that an author knows in a second or two.

    python -m plugins.authors_check                     # this site's own content
    python -m plugins.authors_check --content FOLDER    # another folder
    python -m plugins.authors_check --strict            # warnings count too, whatever the content says
    python -m plugins.authors_check --pages             # the pages are weighed too, which takes as long as a build

Everything is read as a build reads it, and nothing that readers get is touched: what only makes pages is left out,
or makes them in a folder that is thrown away. The exit code is 1 where something stops a build.
"""

import argparse
import logging
import sys
import tempfile
from pathlib import Path
from typing import Any

from pelican import Pelican, console, log
from pelican.settings import read_settings

from plugins.findings import CheckEnded
from plugins.mistakes import ContentMistakes, sum_up

MAKE_PAGES = frozenset(
    f"plugins.{name}"
    for name in (
        "assets",
        "baked_comments",
        "feeds",
        "listing_pages",
        "minify",
        "neighbours",
        "page_shells",
        "page_weights",
        "public_index",
        "reading_time",
        "related_posts",
        "sitemap",
        "social_cards",
        "structured_data",
        "whole_site",
        "wide_content",
    )
)
"""Plugins that find no fault with a text."""


def check(settings_file: str, *, pages: bool, **override: Any) -> None:
    """Check the content. Raises ContentMistakes, and RuntimeError where Pelican itself logs an error."""
    settings = read_settings(settings_file, override=override)
    settings |= {"CHECK_ONLY": not pages, "CHECK_KEEP_GOING": False, "REMEMBER_ADDRESSES": False}
    settings["COMMENTS_URL"] = ""
    if not pages:
        settings["PLUGINS"] = [name for name in settings["PLUGINS"] if name not in MAKE_PAGES]
    with tempfile.TemporaryDirectory() as nowhere:  # for PDFs that are only tried
        settings |= {"OUTPUT_PATH": f"{nowhere}/site", "WHITEPAPER_DIR": f"{nowhere}/papers"}
        try:
            Pelican(settings).run()
        except CheckEnded:
            return


def main() -> None:
    """Check, and exit with 1 and all findings where something stops a build."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--settings", default="pelicanconf.py", help="the site's settings (pelicanconf.py)")
    arguments.add_argument("--content", type=Path, help="the folder to check, in place of the one that these name")
    arguments.add_argument("--strict", action="store_true", help="warnings count as errors")
    arguments.add_argument("--pages", action="store_true", help="weigh the pages too")
    options = arguments.parse_args()
    override: dict[str, Any] = {"CHECK_STRICT": True if options.strict else ".check-strict"}
    override["FEED_DOMAIN"] = "http://127.0.0.1"  # Pelican asks for one, and no feed is written
    if options.content:
        override["PATH"] = str(options.content.absolute())
    console.quiet = True
    log.init(logging.WARNING, fatal="errors", name="pelican", handler=logging.StreamHandler(sys.stderr))
    try:
        check(options.settings, pages=options.pages, **override)
    except ContentMistakes as found:
        sys.exit("\n".join([*map(str, found.mistakes), f"{sum_up(found.mistakes)}."]))
    except RuntimeError as error:
        sys.exit(f"The error above stopped the check. {error}")


if __name__ == "__main__":
    main()
