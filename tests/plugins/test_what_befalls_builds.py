"""Whatever befalls a build or what it has kept, the next one gives what a build from nothing gives."""

import os
import random
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from foreign_sites import EDITS, PICTURE, ForeignSite, text
from jinja2 import UndefinedError
from small_sites import ROOT
from test_same_bytes import everything

from plugins.incremental import forked


@pytest.fixture(autouse=True)
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the project's plugins on the path."""
    monkeypatch.syspath_prepend(str(ROOT))
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("seed", range(4))
def test_a_store_with_broken_bytes(tmp_path: Path, seed: int) -> None:
    """Wherever a disk has lost some: nothing of it is believed, and no build fails for it."""
    site = ForeignSite(tmp_path)
    site.built()
    store = site.cache / "incremental" / "kept.sqlite3"
    data, chance = bytearray(store.read_bytes()), random.Random(seed)
    for _ in range(200):
        data[chance.randrange(100 if seed % 2 else 4096, len(data))] ^= 1 + chance.randrange(255)
    store.write_bytes(bytes(data))
    for name in ("title", "nothing"):
        EDITS[name](site)
        site.check(f"{seed} {name}")


def test_a_store_that_lost_the_texts(tmp_path: Path) -> None:
    """What is missing of a post is made again of its file."""
    site = ForeignSite(tmp_path)
    site.built()
    with sqlite3.connect(site.cache / "incremental" / "kept.sqlite3") as store:
        store.execute("DELETE FROM bodies")
        store.execute("DELETE FROM results")
    store.close()
    shutil.rmtree(site.output)
    site.check("lost")


def test_a_store_that_is_gone_or_comes_from_elsewhere(tmp_path: Path) -> None:
    """Other times and the same bytes; a store of another edition of the site; none."""
    site = ForeignSite(tmp_path)
    site.check("at first")
    shutil.copytree(site.cache, tmp_path / "elsewhere")
    EDITS["title"](site)
    site.check("title")
    shutil.rmtree(site.cache)
    shutil.copytree(tmp_path / "elsewhere", site.cache)
    for path in (tmp_path / "content").rglob("*.md"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
    site.check("an old store")
    shutil.rmtree(site.cache)
    site.check("none")


def test_two_sites_share_a_store(tmp_path: Path) -> None:
    """And one site with the settings of a preview and of the real thing, into one folder in turn."""
    site = ForeignSite(tmp_path)
    for url in ("https://foreign.example.com", "", "https://foreign.example.com"):
        site.settings["SITEURL"] = url
        site.check(url)
        EDITS["title"](site)


def test_a_save_within_one_second_of_one_size(tmp_path: Path) -> None:
    """Neither its size nor its time tells; its bytes do."""
    site = ForeignSite(tmp_path)
    site.check("at first")
    path = tmp_path / "content" / "two.md"
    was = path.stat()
    site.files["two.md"] = str(site.files["two.md"]).replace("Second", "Zweite")
    site.write()
    os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))
    site.check("saved")


@pytest.mark.parametrize("least", [2, 1000])
def test_a_build_that_fails_in_the_middle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, least: int) -> None:
    """The next one is whole, whether the mistake was mended or what else was edited was taken back."""
    monkeypatch.setattr(forked, "LEAST", least)
    monkeypatch.setattr(forked, "cores", lambda: 2)
    site = ForeignSite(tmp_path)
    site.check("at first")
    one = site.files["one.md"]
    EDITS["title"](site)
    site.templates["archives.html"] = "{{ articles[0].nothing.at_all }}"
    for _ in range(2):
        with pytest.raises(UndefinedError):
            site.built()
    del site.templates["archives.html"]
    site.files["one.md"] = one
    site.check("taken back")


def test_one_pelican_runs_again_and_again(tmp_path: Path) -> None:
    """As with --autoreload."""
    site = ForeignSite(tmp_path)
    pelican = site.pelican("kept", site.with_incremental)
    expected = []
    for name in ("nothing", "title", "tags", "deleted", "template"):
        EDITS[name](site)
        site.write()
        pelican.run()
        expected.append((name, {**site.files}, {**site.templates}, everything(site.output)))
    for name, files, templates, found in expected:
        site.files, site.templates = files, templates
        clean = site.from_nothing()
        assert (name, [one for one in found.keys() | clean.keys() if found.get(one) != clean.get(one)]) == (
            name,
            [],
        )


def test_a_page_that_makes_room_for_a_file(tmp_path: Path) -> None:
    """With two trees in turn as well: a file that is copied now to where a page was stays."""
    site = ForeignSite(tmp_path, DELETE_OUTPUT_DIRECTORY=True)
    site.with_incremental.append("plugins.whole_site")
    site.files["pages/robots.md"] = text("R", slug="robots", save_as="robots2.txt")
    site.check("at first")
    site.files["extra/robots2.txt"] = "<i>"
    site.settings["EXTRA_PATH_METADATA"] = {
        **site.settings["EXTRA_PATH_METADATA"],
        "extra/robots2.txt": {"path": "robots2.txt"},
    }
    del site.files["pages/robots.md"]
    site.check("a file")


@pytest.mark.parametrize("whole", [False, True])
def test_a_page_that_somebody_complains_of_stays(tmp_path: Path, whole: bool) -> None:
    """It says what it said, and cannot be noted any more; so it is written in each build, and not taken away."""
    site = ForeignSite(tmp_path, DELETE_OUTPUT_DIRECTORY=whole)
    site.with_incremental += ["plugins.whole_site"] if whole else []
    site.files["two.md"] = text("Two", "2024-02-02", "[it]({static}images/b.svg)")
    site.files["images/b.svg"] = PICTURE
    site.files["seven.md"] = text("Seven", "2024-07-07", "Plain.")
    site.templates["article.html"] = "{{ article.title }}{% set unused = article.content %}"
    site.check("at first")
    del site.files["images/b.svg"]
    site.check("complained of")
    site.check("again")


@pytest.mark.parametrize("how", ["a lambda", "a function of the settings"])
def test_settings_that_are_code(tmp_path: Path, how: str) -> None:
    """An extension that is told by a function how to work is told by today's."""
    site = ForeignSite(tmp_path)
    site.files["two.md"] = text("Two", "2024-02-02", "## A Heading\n\nWords.")
    for said in ("old", "new"):
        conf = tmp_path / "pelicanconf.py"
        made = "slug = lambda text, by: 'X'" if how == "a lambda" else "def slug(text, by):\n    return 'X'"
        conf.write_text(f"{made.replace('X', said)}\n")
        toc = {"markdown.extensions.toc": {"slugify": _loaded(conf)}}
        site.settings["MARKDOWN"] = {"extension_configs": toc, "output_format": "html5"}
        site.check(said)
    assert b'id="new"' in everything(site.output)["two.html"]


def _loaded(conf: Path) -> Any:
    space: dict[str, Any] = {"__name__": "pelicanconf"}
    exec(compile(conf.read_text(), str(conf), "exec"), space)
    return space["slug"]
