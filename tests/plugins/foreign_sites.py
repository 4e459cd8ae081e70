"""A site that this project has never seen, with Pelican's own themes, built with what is kept and without."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pelican
import pytest
from blinker import Signal
from pelican import Pelican
from pelican.plugins import signals
from pelican.settings import read_settings
from small_sites import write_files
from test_same_bytes import everything

from plugins.incremental import code_stamp

THEMES = Path(pelican.__file__).parent / "themes"
PICTURE = '<svg xmlns="http://www.w3.org/2000/svg" width="4" height="2"></svg>'


def text(title: str, date: str = "2024-01-02", body: str = "A few words.", **more: str) -> str:
    """A post in Pelican's plain Markdown."""
    lines = [f"{name.title()}: {value}" for name, value in {"title": title, "date": date, **more}.items()]
    return "\n".join(lines) + f"\n\n{body}\n"


def files() -> dict[str, str | bytes | Path]:
    """A site that uses what a reader of Pelican's manual finds there."""
    return {
        "one.md": text("One", "2024-01-01", "First, to [two]({filename}two.md).", tags="red, blue", slug="one"),
        "two.md": text("Two", "2024-02-02", "Second ![it]({static}images/a.svg).", tags="red", author="Ann"),
        "one-de.md": text("Eins", "2024-01-01", "Das erste.", lang="de", slug="one", tags="red"),
        "cooking/three.rst": "Three\n#####\n:date: 2024-03-03\n:tags: blue\n\nSome *words*.\n",
        "cooking/four.html": "<html><head><title>Four</title><meta name=date content=2024-04-04></head>"
        "<body><p>Four</p></body></html>",
        "five.md": text("Five", "2024-05-05", status="draft"),
        "six.md": text("Six", "2024-06-06", status="hidden", author="Bob"),
        "pages/about.md": text("About", "2024-01-01", "Us. [one]({filename}/one.md)"),
        "extra/robots.txt": "User-agent: *\n",
        "images/a.svg": PICTURE,
    }


SETTINGS: dict[str, Any] = {
    "SITENAME": "A Foreign Site",
    "SITEURL": "https://foreign.example.com",
    "AUTHOR": "Nobody",
    "TIMEZONE": "UTC",
    "DEFAULT_PAGINATION": 2,
    "ARTICLE_TRANSLATION_ID": "slug",
    "USE_FOLDER_AS_CATEGORY": True,
    "DEFAULT_METADATA": {"license": "free"},
    "STATIC_PATHS": ["images", "extra"],
    "EXTRA_PATH_METADATA": {"extra/robots.txt": {"path": "robots.txt"}},
    "YEAR_ARCHIVE_SAVE_AS": "{date:%Y}/index.html",
    "MONTH_ARCHIVE_SAVE_AS": "{date:%Y}/{date:%m}/index.html",
    "AUTHOR_FEED_ATOM": "feeds/author-{slug}.atom.xml",
    "CATEGORY_FEED_ATOM": "feeds/{slug}.atom.xml",
    "FEED_ALL_ATOM": "feeds/all.atom.xml",
    "TYPOGRIFY": False,
    "CACHE_CONTENT": False,
    "LOAD_CONTENT_CACHE": False,
}


class ForeignSite:
    """Its files, templates, settings and plugins, to be edited between its builds."""

    def __init__(self, home: Path, **changed: Any) -> None:
        self.home, self.files = home, files()
        self.templates = {"special.html": "{{ article.title }}"}
        self.settings: dict[str, Any] = {**SETTINGS, **changed}
        self.plugins: list[Any] = []
        self.with_incremental: list[Any] = ["plugins.incremental"]

    @property
    def output(self) -> Path:
        """Where the builds that keep what they can write, each over the last one."""
        return self.home / "kept" / "output"

    @property
    def cache(self) -> Path:
        """What they keep."""
        return self.home / "kept" / "cache"

    def built(self) -> dict[str, bytes]:
        """The files of a build that keeps what it can."""
        self.pelican("kept", [*self.plugins, *self.with_incremental]).run()
        return everything(self.output)

    def from_nothing(self) -> dict[str, bytes]:
        """The files of Pelican's own build."""
        shutil.rmtree(self.home / "clean", ignore_errors=True)
        self.pelican("clean", self.plugins).run()
        return everything(self.home / "clean" / "output")

    def pelican(self, place: str, plugins: list[Any]) -> Pelican:
        """Pelican, ready to run, with the receivers of earlier builds forgotten."""
        self.write()
        for value in vars(signals).values():
            if isinstance(value, Signal):
                value._clear_state()
        code_stamp.version_of.cache_clear()
        changed: dict[str, Any] = {
            "THEME": str(THEMES / "simple"),
            **self.settings,
            "PATH": str(self.home / "content"),
            "OUTPUT_PATH": str(self.home / place / "output"),
            "CACHE_PATH": str(self.home / place / "cache"),
            "THEME_TEMPLATES_OVERRIDES": [str(self.home / "templates")],
            "PLUGINS": list(plugins),
        }
        return Pelican(read_settings(None, override=changed))

    def write(self) -> None:
        """Bring the folders up to date."""
        rewrite(self.home / "content", self.files)
        rewrite(self.home / "templates", self.templates)

    def check(self, what: str = "") -> None:
        """Fail where the two differ."""
        expected, found = self.from_nothing(), self.built()
        wrong = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
        if wrong:
            first = wrong[0]
            pytest.fail(f"{what}: {wrong}\n{first}: {found.get(first)!r}\nand not {expected.get(first)!r}")


def rewrite(folder: Path, wanted: Mapping[str, str | bytes | Path]) -> None:
    """Write what is new or other, and take away the rest, as an editor does."""
    if not folder.exists():
        write_files(folder, {})
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        if path.relative_to(folder).as_posix() not in wanted:
            path.unlink()
    for name, said in wanted.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text() != said:
            path.write_text(str(said))


WORDS = "{% macro translations_for(a) %}T{% endmacro %}{% macro entry_hreflang(a) %}{% endmacro %}"
Edit = Callable[[ForeignSite], Any]


def change(name: str, said: str) -> Edit:
    """Write one file."""
    return lambda site: site.files.__setitem__(name, said)


EDITS: dict[str, Edit] = {
    "nothing": lambda site: None,
    "body": change(
        "two.md", text("Two", "2024-02-02", "Other [one]({filename}one.md).", tags="red", author="Ann")
    ),
    "title": change(
        "one.md", text("Uno", "2024-01-01", "To [two]({filename}two.md).", tags="red, blue", slug="one")
    ),
    "date": change("cooking/three.rst", "Three\n#####\n:date: 2023-03-03\n:tags: blue\n\nSome *words*.\n"),
    "tags": change("two.md", text("Two", "2024-02-02", "Other.", tags="green", author="Ann")),
    "slug": change("two.md", text("Two", "2024-02-02", "Other.", tags="green", author="Ann", slug="zwei")),
    "template of one": change("two.md", text("Two", "2024-02-02", "Other.", tags="green", template="special")),
    "rename": lambda site: site.files.__setitem__("cooking/2.md", site.files.pop("two.md")),
    "new translation": change("four-fr.md", text("Quatre", "2024-04-05", "Le mot.", lang="fr", slug="four")),
    "hidden is shown": change("six.md", text("Six", "2024-06-06", author="Bob")),
    "draft is out": change("five.md", text("Five", "2024-05-05", category="News")),
    "picture": change("images/a.svg", PICTURE.replace("4", "5")),
    "page": change("pages/about.md", text("About us", "2024-01-01", "We.")),
    "template": lambda site: site.templates.__setitem__("translations.html", WORDS),
    "new template": lambda site: site.templates.__setitem__("tag.html", "{{ tag }} {{ articles|length }}"),
    "deleted": lambda site: site.files.pop("cooking/three.rst"),
    "translation gone": lambda site: site.files.pop("one-de.md"),
    "a setting": lambda site: site.settings.__setitem__("SITENAME", "Another Name"),
    "nothing again": lambda site: None,
}
"""One after the other, each upon what the last has left."""
