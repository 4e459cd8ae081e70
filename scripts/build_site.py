"""Builds the site, and tells an author's mistake in one line and not as a traceback.

    python scripts/build_site.py             # as the authors see it: pelicanconf.py into var/site
    python scripts/build_site.py --publish   # for the world: publishconf.py into output/
    python scripts/build_site.py --resident  # stays, and builds when it is asked to (plugins.incremental.resident)

It is Pelican that builds, and plugins.whole_site that lets nobody see half of it: when the build fails, the last
good site stays.
"""

import argparse
import logging
import os
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


class NotBuilt(Exception):
    """The site was not built; the text is for the author."""


def main() -> None:
    """Build; exit with 1 and one message where that fails."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--publish", action="store_true", help="for the world: publishconf.py")
    arguments.add_argument("--site", type=Path, help="where the site goes (var/site, with --publish output)")
    arguments.add_argument(
        "--real",
        action="store_true",
        help="make that a folder and not a link, for whatever copies it (COPY, rsync)",
    )
    arguments.add_argument("--resident", action="store_true", help="stay, for a program that asks for builds")
    options = arguments.parse_args()
    os.chdir(ROOT)
    place = options.site or Path("output" if options.publish else "var/site")
    given = {"OUTPUT_IS_REAL": True} if options.real else {}
    settings_file = "publishconf.py" if options.publish else "pelicanconf.py"
    if options.resident:
        stay(settings_file, place, **given)
        return
    try:
        build(settings_file, place, **given)
    except NotBuilt as why:
        sys.exit(str(why))
    except KeyboardInterrupt:
        sys.exit("Stopped. The last good site is as it was.")
    if options.publish:
        print(f"The site is in {os.path.relpath(place)}/.")


def build(settings_file: str, place: Path, **given: Any) -> None:
    """Let Pelican build the site at `place`. Raises NotBuilt with the author's message."""
    from jinja2 import TemplateError
    from pelican import Pelican, console, log
    from pelican.settings import read_settings

    console.quiet = True  # its own counts; what the log says is for the author and goes another way
    log.init(logging.WARNING, fatal="errors", name="pelican", handler=logging.StreamHandler(sys.stdout))
    given = {"OUTPUT_PATH": str(place.absolute()), "DELETE_OUTPUT_DIRECTORY": True, **given}
    try:
        Pelican(read_settings(settings_file, override=given)).run()
    except TemplateError as error:
        raise NotBuilt(f"{_line_of_template(error)}: {error.message}. Nothing was built.") from error
    except (Exception, SystemExit) as error:
        raise NotBuilt(_told(error)) from error


def stay(settings_file: str, place: Path, **given: Any) -> None:
    """Build whenever a line of the input asks for it."""
    sys.path.insert(0, str(ROOT))
    from plugins.incremental import resident

    def read_code() -> None:
        from pelican.plugins._utils import load_plugins
        from pelican.settings import read_settings

        load_plugins(read_settings(settings_file, override=given))

    def is_built() -> bool:
        try:
            build(settings_file, place, **given)
        except NotBuilt as why:
            print(why, file=sys.stderr)
            return False
        return True

    with suppress(KeyboardInterrupt):
        resident.serve(read_code, is_built)


def _line_of_template(error: BaseException) -> str:
    if hasattr(error, "lineno"):  # a syntax error; else Jinja puts the templates' own lines into the traceback
        return f"{getattr(error, 'filename', None) or 'a template'}:{error.lineno}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.endswith(".html")]
    return f"{os.path.relpath(frames[-1].filename)}:{frames[-1].lineno}" if frames else "a template"


def _told(error: BaseException) -> str:
    if hasattr(error, "mistakes"):
        return str(error)  # front matter and shortcodes: already whole sentences with file and line
    if isinstance(error, RuntimeError) and "error encountered" in str(error):
        return "The error above stopped the build. Nothing was built."
    return f"{type(error).__name__}: {error}. Nothing was built. For the whole story: pelican content -D"


if __name__ == "__main__":
    main()
