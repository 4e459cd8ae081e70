# SPDX-License-Identifier: AGPL-3.0-or-later
"""Makes the PDFs without building the site: `python -m plugins.whitepaper_pdf`, which `make papers` calls.

The service's machine needs the papers and not the pages.
"""

import argparse
import logging
import sys
from datetime import UTC, datetime

from pelican.settings import read_settings

from plugins.mistakes import ContentMistakes, shown_path
from plugins.whitepaper_pdf import make_papers
from plugins.whitepapers import read_library


def main(arguments: list[str] | None = None) -> int:
    """Make the PDFs, say where they are, and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m plugins.whitepaper_pdf", description="Make the whitepapers' PDFs."
    )
    parser.add_argument("-s", "--settings", default="pelicanconf.py", help="Pelican's settings file")
    logging.getLogger("pelican").setLevel(logging.ERROR)  # its warnings are about the site
    settings = read_settings(parser.parse_args(arguments).settings)
    try:
        made = make_papers(read_library(settings, datetime.now(UTC)), settings)
    except ContentMistakes as mistakes:
        print(mistakes, file=sys.stderr)
        return 1
    for pdf in made:
        print(f"{shown_path(str(pdf.path))}: {pdf.page_count} pages{'' if pdf.is_new else ', unchanged'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
