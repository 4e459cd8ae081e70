"""Builds the site of the comparison in the current folder, as scripts/build_site.py builds this one: whole.

With --resident it stays, and builds when it is asked to.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    """Build into out/, by the settings of this site's side."""
    sys.path[:0] = [str(ROOT / "scripts"), str(ROOT)]
    import build_site

    settings = str(ROOT / "bench" / "build" / "ours" / "settings.py")
    here = {"PATH": str(Path("content").absolute()), "THEME": str(Path("theme").absolute())}
    work = build_site.stay if "--resident" in sys.argv[1:] else build_site.build
    work(settings, Path("out"), **here)


if __name__ == "__main__":
    main()
