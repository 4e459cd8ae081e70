"""Builds the site so that nobody ever sees half of it.

    python scripts/build_site.py             # as the authors see it: pelicanconf.py into var/site
    python scripts/build_site.py --publish   # for the world: publishconf.py into output/

Pelican empties its output folder first and fills it for seconds. So it is given a folder that nobody reads, and
only a finished site takes the place of the old one: var/site is a link that is renamed over, output/ a folder that
is exchanged. When the build fails, the old site stays, and the author's mistake is printed, not a traceback.
"""

import argparse
import ctypes
import fcntl
import logging
import os
import shutil
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
AT_FDCWD, RENAME_EXCHANGE = -100, 2  # linux/fcntl.h, linux/fs.h


class NotBuilt(Exception):
    """The site was not built; the text is for the author."""


def main() -> None:
    """Build; exit with 1 and one message where that fails."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--publish", action="store_true", help="for the world: publishconf.py")
    arguments.add_argument("--site", type=Path, help="where the site goes (var/site, with --publish output)")
    options = arguments.parse_args()
    os.chdir(ROOT)
    place = options.site or Path("output" if options.publish else "var/site")
    try:
        with _alone(place):
            if options.publish:
                publish(place)
                print(f"The site is in {os.path.relpath(place)}/.")
            else:
                preview(place)
    except NotBuilt as why:
        sys.exit(str(why))
    except KeyboardInterrupt:
        sys.exit("Stopped. The last good site is as it was.")


def preview(link: Path) -> None:
    """Build into whichever of two folders rests, then turn `link` to it in one rename."""
    live = link.readlink().name if link.is_symlink() else ""
    resting = link.with_name(f"{link.name}-a")
    if live == resting.name:
        resting = link.with_name(f"{link.name}-b")
    build("pelicanconf.py", resting)
    fresh = link.with_name(f"{link.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(resting.name)
    if link.is_dir() and not link.is_symlink():
        shutil.rmtree(link)  # made by hand, or by `pelican -o`
    fresh.replace(link)


def publish(folder: Path) -> None:
    """Build beside `folder`, then exchange the two; whoever reads in the old one goes on reading."""
    fresh = folder.with_name(f".{folder.name}.new")
    try:
        build("publishconf.py", fresh)
        if folder.exists():
            _exchange(fresh, folder)
        else:
            fresh.rename(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def build(settings_file: str, folder: Path) -> None:
    """Let Pelican build into `folder`, which nobody reads. Raises NotBuilt with the author's message."""
    from jinja2 import TemplateError
    from pelican import Pelican, console, log
    from pelican.settings import read_settings

    shutil.rmtree(folder, ignore_errors=True)
    console.quiet = True  # its own counts; what the log says is for the author and goes another way
    log.init(logging.WARNING, fatal="errors", name="pelican", handler=logging.StreamHandler(sys.stdout))
    try:
        Pelican(read_settings(settings_file, override={"OUTPUT_PATH": str(folder.absolute())})).run()
    except TemplateError as error:
        raise NotBuilt(f"{_line_of_template(error)}: {error.message}. Nothing was built.") from error
    except (Exception, SystemExit) as error:
        raise NotBuilt(_told(error)) from error


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


def _exchange(one: Path, other: Path) -> None:
    """Swap two folders in one step; where the system cannot, in two."""
    renameat2 = getattr(ctypes.CDLL(None), "renameat2", None)
    if renameat2 and renameat2(AT_FDCWD, bytes(one), AT_FDCWD, bytes(other), RENAME_EXCHANGE) == 0:
        return
    aside = one.with_name(f"{one.name}.old")
    other.rename(aside)
    one.rename(other)
    aside.rename(one)


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    """A second build of the same site waits for the first."""
    name = "".join(sign if sign.isalnum() else "-" for sign in str(place.absolute()))
    path = Path(".cache", f"build{name}.lock")
    try:
        path.parent.mkdir(exist_ok=True)
        path.touch()
    except OSError as error:
        raise NotBuilt(f"Nothing can be written in {ROOT}/.cache: {error.strerror}. Nothing was built.") from error
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    main()
