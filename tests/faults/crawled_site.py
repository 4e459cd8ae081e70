"""A small real site in editions, and a reader who is in it all the time.

Each page says which edition it is of, and so does a picture that is large enough to be cut in the middle. An
edition has a page that no other has, so that files come and go.
"""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
POSTS = 40
"""Enough that pages are rendered by several processes."""

PICTURE_LINES = 5_000
TEMPLATES = {
    "base.html": "<!doctype html><!-- edition {{ EDITION }} -->{% block main %}{% endblock %}</html>",
    "article.html": '{% extends "base.html" %}{% block main %}{{ article.content }}{% endblock %}',
    "index.html": '{% extends "base.html" %}{% block main %}'
    '{% for post in articles %}<a href="{{ post.url }}">{{ post.title }}</a>\n{% endfor %}{% endblock %}',
}
SETTINGS = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
SITENAME, SITEURL, AUTHOR, TIMEZONE, THEME = "Editions", "", "Alice", "UTC", "theme"
PLUGIN_PATHS = [{str(ROOT)!r}]
PLUGINS = ["plugins.incremental", "plugins.whole_site"]
ARTICLE_URL, ARTICLE_SAVE_AS, STATIC_PATHS = "{{slug}}/", "{{slug}}/index.html", ["images"]
DIRECT_TEMPLATES, DEFAULT_PAGINATION, DELETE_OUTPUT_DIRECTORY = ["index"], False, True
AUTHOR_SAVE_AS = CATEGORY_SAVE_AS = TAG_SAVE_AS = ""
FEED_ALL_ATOM = CATEGORY_FEED_ATOM = TRANSLATION_FEED_ATOM = None
"""

COUNTED = """
import atexit, os, runpy, signal, sys

steps, last, me = 0, int(sys.argv.pop(1)), os.getpid()

def hear(event, arguments):
    global steps
    changes = event in ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.symlink", "os.utime")
    changes = changes or event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR)
    if changes and ".versions" in str(arguments[0]):
        steps += 1
        if steps == last:
            os.kill(me, signal.SIGKILL)

sys.addaudithook(hear)
atexit.register(lambda: print("steps:", steps, file=sys.stderr))
runpy.run_module("pelican", run_name="__main__", alter_sys=True)
"""
"""Pelican's command line, which is killed before that change of its trees which has the given number; 0: never."""


class Editions:
    """The project of the site, in a folder of its own, with `output` where readers find it."""

    def __init__(self, home: Path, output: Path) -> None:
        self.home, self.output, self.edition = home, output, 0
        self.environment = {name: value for name, value in os.environ.items() if name not in ("CI", "NETLIFY")}
        for folder in ("theme/templates", "theme/static", "content/images"):
            (home / folder).mkdir(parents=True)
        for name, text in TEMPLATES.items():
            (home / "theme" / "templates" / name).write_text(text)
        (home / "settings.py").write_text(SETTINGS)
        for number in range(POSTS):
            self._write(f"post-{number}", f"Words of post {number}. " * 40)

    def _write(self, slug: str, text: str) -> None:
        head = f"Title: {slug}\nDate: 2024-01-01\nSlug: {slug}\n\n"
        (self.home / "content" / f"{slug}.md").write_text(head + text)

    def edit(self) -> int:
        """Write the next edition; return its number."""
        (self.home / "content" / f"only-in-{self.edition}.md").unlink(missing_ok=True)
        self.edition += 1
        self._write(f"only-in-{self.edition}", "New.")
        picture = f"<!-- edition {self.edition} -->\n" * PICTURE_LINES + "</svg>\n"
        (self.home / "content" / "images" / "large.svg").write_text(picture)
        return self.edition

    def start(
        self, output: Path | None = None, killed_at: int | None = None, **more: Any
    ) -> subprocess.Popen[str]:
        """Begin to build the edition."""
        pelican = ["-m", "pelican"] if killed_at is None else ["-c", COUNTED, str(killed_at)]
        given = ["content", "-s", "settings.py", "-o", str(output or self.output), "-e", f"EDITION={self.edition}"]
        return subprocess.Popen(
            [sys.executable, *pelican, *given],
            env=self.environment,
            cwd=self.home,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **more,
        )

    def build(self, output: Path | None = None) -> None:
        """Build the edition, which must go well."""
        process = self.start(output)
        said, told = process.communicate(timeout=120)
        assert process.returncode == 0, said + told


def everything(folder: Path) -> dict[str, bytes]:
    """Each file's bytes, by path."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def edition_of(text: str) -> int:
    """Which edition a whole page or picture is of. Raises AssertionError where it is not whole, or of two."""
    assert text.endswith(("</html>", "</svg>\n")), f"half a file: {text[-60:]!r}"
    found = set(re.findall(r"<!-- edition (\d+) -->", text))
    assert len(found) == 1, f"of editions {found}"
    return int(found.pop())


def crawl(tree: Path) -> int:
    """Read all that a tree's front page leads to; return the one edition that all of it is of."""
    front = (tree / "index.html").read_text()
    edition, links = edition_of(front), re.findall(r'<a href="([^"]+)"', front)
    assert len(links) == POSTS + 1 and f"only-in-{edition}/" in links
    for name in (*(f"{link}index.html" for link in links), "images/large.svg"):
        assert edition_of((tree / name).read_text()) == edition, name
    return edition


class Reader:
    """Reads the site again and again, and notes what a reader should never see."""

    def __init__(self, output: Path) -> None:
        self.output, self.rounds = output, 0
        self.seen: set[int] = set()
        self.complaints: list[str] = []
        self._left = threading.Event()

    def read(self) -> None:
        """Read until told to leave: all of one tree, and pages that are there in every edition."""
        while not self._left.is_set() and len(self.complaints) < 5:
            tree = os.open(self.output, os.O_RDONLY | os.O_DIRECTORY)
            try:
                self.seen.add(crawl(Path(f"/proc/self/fd/{tree}")))
            except (AssertionError, OSError) as error:
                if self.output.stat().st_ino == os.fstat(tree).st_ino:  # else it is no longer the site
                    self.complaints.append(repr(error))
            finally:
                os.close(tree)
            try:
                for name in ("index.html", "images/large.svg", *(f"post-{n}/index.html" for n in range(POSTS))):
                    edition_of((self.output / name).read_text())
            except (AssertionError, OSError) as error:
                self.complaints.append(repr(error))
            self.rounds += 1

    def leave(self) -> None:
        """Read no more."""
        self._left.set()


@contextmanager
def reading(output: Path) -> Iterator[Reader]:
    """Let somebody read the site while the block runs."""
    reader = Reader(output)
    thread = threading.Thread(target=reader.read)
    thread.start()
    try:
        yield reader
    finally:
        reader.leave()
        thread.join()
