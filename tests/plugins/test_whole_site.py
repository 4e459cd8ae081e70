"""A build writes where nobody reads, and what stands in the output folder is what its settings always meant."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pelican import Pelican
from pelican.plugins import signals
from pelican.settings import read_settings
from small_sites import ROOT, MakeSite, post, theme_folder, write_files

from plugins import whole_site
from plugins.incremental.trees import content_hash
from plugins.mistakes import ContentMistakes

PLUGINS: list[Any] = ["pelican.plugins.yaml_metadata", "plugins.whole_site"]
FILES: dict[str, Any] = {"one.md": post("One"), "two.md": post("Two"), "images/a.svg": "<svg/>"}
PUBLISHED = {"theme": "minimal", "plugins": PLUGINS, "keep_output": True, "DELETE_OUTPUT_DIRECTORY": True}


@pytest.fixture(autouse=True)
def no_build_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where these tests run says nothing."""
    for name in whole_site.TAKES_THE_FOLDER:
        monkeypatch.delenv(name, raising=False)


def trees_of(output: Path) -> list[Path]:
    """The two trees."""
    return sorted(path for path in output.with_name(f".{output.name}.versions").iterdir() if path.is_dir())


def without_one(files: dict[str, Any]) -> dict[str, Any]:
    return {name: text for name, text in files.items() if name != "one.md"}


class Doing:
    """A plugin that does something at the end of each build."""

    def __init__(self, do: Any) -> None:
        self.do = do

    def register(self) -> None:
        """Connect it."""
        signals.finalized.connect(self.do)


def test_readers_see_the_old_site_until_the_new_one_is_whole(make_site: MakeSite) -> None:
    """When all is written, plugins' own files too, nothing of it is to be seen; a moment later all is."""
    output = make_site(FILES, **PUBLISHED)
    seen: list[str] = []

    def look(pelican: Any) -> None:
        seen.append((output / "index.html").read_text())
        Path(pelican.settings["OUTPUT_PATH"], "own.txt").write_text("a plugin's")
        assert pelican.settings["SITE_PATH"] == str(output) and not (output / "own.txt").exists()

    before = (output / "index.html").read_text()
    more = FILES | {"three.md": post("Three")}
    make_site(more, **{**PUBLISHED, "plugins": [*PLUGINS, Doing(look)]})
    assert seen == [before] != [(output / "index.html").read_text()]
    assert (output / "own.txt").read_text() == "a plugin's"


@pytest.mark.parametrize("named", ["one/index.html", "{tree}/one/index.html", "{site}/one/index.html"])
def test_what_is_no_longer_written_goes_unless_it_is_kept(make_site: MakeSite, named: str) -> None:
    """A plugin that skips a page names it among the kept files, by its whole path or by that in the site."""
    output = make_site(FILES, **PUBLISHED)
    held = content_hash((output / "one" / "index.html").read_bytes())

    def keep(pelican: Any) -> None:
        assert pelican.settings["FILES_AS_BUILT"]["one/index.html"] == held
        pelican.settings["KEPT_FILES"].add(named.format(tree=pelican.output_path, site=output))

    make_site(without_one(FILES), **{**PUBLISHED, "plugins": [*PLUGINS, Doing(keep)]})
    assert content_hash((output / "one" / "index.html").read_bytes()) == held
    make_site(without_one(FILES), **PUBLISHED)
    assert not (output / "one").exists() and (output / "two").is_dir()


def test_the_new_sites_files_are_told_before_it_is_shown(make_site: MakeSite, tmp_path: Path) -> None:
    """Who keeps account of what was written learns what each file holds."""
    told: dict[str, str] = {}

    def note(_: Any, files: dict[str, str]) -> None:
        assert not (tmp_path / "output").exists()
        told.update(files)

    with whole_site.site_is_whole.connected_to(note):
        output = make_site(FILES, **PUBLISHED)
    page = (output / "one" / "index.html").read_bytes()
    assert told["one/index.html"] == content_hash(page) and "images/a.svg" in told


@pytest.mark.parametrize("empties", [True, False])
def test_what_somebody_put_there_by_hand_is_pelicans_business(make_site: MakeSite, empties: bool) -> None:
    """DELETE_OUTPUT_DIRECTORY removes it, OUTPUT_RETENTION keeps it; without either it stays in both trees."""
    settings = {**PUBLISHED, "DELETE_OUTPUT_DIRECTORY": empties, "OUTPUT_RETENTION": ["CNAME"]}
    output = make_site(FILES, **settings)
    (output / "CNAME").write_text("blog.example.com")
    (output / "letter.txt").write_text("by hand")
    for number in range(3):
        make_site(FILES | {"more.md": post(f"More {number}")}, **settings)
        assert (output / "CNAME").read_text() == "blog.example.com"
        assert (output / "letter.txt").exists() is not empties
    (output / "CNAME").unlink()
    make_site(FILES, **settings)
    assert not (output / "CNAME").exists()


def test_a_page_that_was_changed_by_hand_is_made_again(make_site: MakeSite) -> None:
    """A hand in the seen tree does not outlast a build, and no plugin takes it for its own work."""
    output = make_site(FILES, **PUBLISHED)
    page = output / "one" / "index.html"
    good = page.read_bytes()
    page.write_bytes(b"by hand")
    make_site(FILES, **PUBLISHED)
    assert page.read_bytes() == good


def test_a_build_that_changes_nothing_changes_nothing(make_site: MakeSite) -> None:
    """No tree is turned to, and no file is newer: readers need not fetch it again."""
    output = make_site(FILES, **PUBLISHED)
    before = (output.readlink(), {path: path.stat().st_mtime_ns for path in output.rglob("*.html")})
    make_site(FILES, **PUBLISHED)
    assert (output.readlink(), {path: path.stat().st_mtime_ns for path in output.rglob("*.html")}) == before
    make_site(FILES | {"two.md": post("Two", body="Others.")}, **PUBLISHED)
    assert output.readlink() != before[0]
    assert (output / "one" / "index.html").stat().st_mtime_ns == before[1][output / "one" / "index.html"]


@pytest.mark.parametrize("told", [{"OUTPUT_IS_REAL": True}, "NETLIFY", "CI"])
def test_a_host_that_takes_up_the_folder_gets_a_folder(
    make_site: MakeSite, monkeypatch: pytest.MonkeyPatch, told: Any
) -> None:
    """Real files in a real folder, exchanged in one step; a link that stood there goes."""
    output = make_site(FILES, **PUBLISHED)
    assert output.is_symlink()
    if isinstance(told, str):
        monkeypatch.setenv(told, "true")
    real = {**PUBLISHED, **(told if isinstance(told, dict) else {})}
    for number in range(3):
        make_site(FILES | {"more.md": post(f"More {number}")}, **real)
        assert output.is_dir() and not output.is_symlink()
        assert f"More {number}" in (output / "index.html").read_text()
        assert not [path for path in output.rglob("*") if path.is_symlink()]
    make_site(FILES, **PUBLISHED, OUTPUT_IS_REAL=False)
    assert output.is_symlink()


def test_a_folder_is_taken_over_and_left_alone_by_a_build_that_fails(make_site: MakeSite, tmp_path: Path) -> None:
    """An output folder of before stays what it is until a build has ended well; then a link stands there."""

    def fail(_: Any) -> None:
        raise ContentMistakes([])

    output = tmp_path / "output"
    write_files(output, {"index.html": "old", "old/page.html": "old"})
    with pytest.raises(ContentMistakes):
        make_site(FILES, **{**PUBLISHED, "plugins": [*PLUGINS, Doing(fail)]})
    assert (output / "index.html").read_text() == "old" and not output.is_symlink()
    make_site(FILES, **PUBLISHED)
    assert output.is_symlink() and not (output / "old").exists() and (output / "one").is_dir()


def test_static_files_that_are_up_to_date_stay(make_site: MakeSite) -> None:
    """Pelican leaves them as they are when it is told to (STATIC_CHECK_IF_MODIFIED), so they are not written."""
    for _ in range(3):
        output = make_site(FILES, **PUBLISHED, STATIC_CHECK_IF_MODIFIED=True)
        assert (output / "images" / "a.svg").read_text() == "<svg/>"


def test_the_pdfs_may_not_lie_in_the_site(make_site: MakeSite, tmp_path: Path) -> None:
    """The place that readers know counts, and not the tree that is written."""
    plugins = [
        "pelican.plugins.yaml_metadata",
        "plugins.whitepapers",
        "plugins.whitepaper_pdf",
        "plugins.whole_site",
    ]
    for _ in range(2):
        make_site(FILES, **PUBLISHED)
        with pytest.raises(ContentMistakes, match="for anyone to fetch"):
            make_site(
                FILES, **{**PUBLISHED, "plugins": plugins, "WHITEPAPER_DIR": str(tmp_path / "output" / "pdf")}
            )


def test_two_sites_never_mix(make_site: MakeSite, tmp_path: Path) -> None:
    """Each output has its own trees beside it, wherever the content is."""
    one = make_site(FILES, **PUBLISHED)
    other = tmp_path / "elsewhere" / "site"
    make_site(without_one(FILES), **PUBLISHED, OUTPUT_PATH=str(other))
    make_site(without_one(FILES), **PUBLISHED, OUTPUT_PATH=str(other))
    assert (one / "one").is_dir() and not (other / "one").exists()
    assert len(trees_of(one)) == len(trees_of(other)) == 2
    assert sorted(path.name for path in other.parent.iterdir()) == [".site.versions", "site"]


def test_many_builds_in_one_process_take_turns(make_site: MakeSite, tmp_path: Path) -> None:
    """As with --autoreload: each run shows its own site, and one that fails shows nothing."""
    output = make_site(FILES, **PUBLISHED)
    settings = read_settings(
        str(ROOT / "pelicanconf.py"),
        override={
            "PATH": str(tmp_path / "content"),
            "OUTPUT_PATH": str(output),
            "THEME": str(theme_folder(tmp_path, "minimal")),
            "CACHE_PATH": str(tmp_path / "cache"),
            "PLUGINS": PLUGINS,
        },
    )
    pelican = Pelican(settings)
    for number in range(3):
        write_files(tmp_path / "content", FILES | {"more.md": post(f"More {number}", more="slug: more\n")})
        pelican.run()
        assert f"More {number}" in (output / "more" / "index.html").read_text()
        assert (pelican.output_path, settings["OUTPUT_PATH"]) == (str(output), str(output))
    write_files(tmp_path / "content", FILES | {"same.md": post("One", more="slug: one\n")})
    with pytest.raises(RuntimeError):
        pelican.run()
    assert "More 2" in (output / "more" / "index.html").read_text()
    write_files(tmp_path / "content", FILES | {"more.md": post("More 4", more="slug: more\n")})
    pelican.run()
    assert "More 4" in (output / "more" / "index.html").read_text()


def test_an_output_that_holds_the_sources_stays_where_it_is(tmp_path: Path) -> None:
    """`pelican content -o .` writes in there as ever, and says what readers may see."""
    write_files(tmp_path / "site" / "content", {"one.md": "Title: One\nDate: 2024-01-01\n\nText.\n"})
    (tmp_path / "site" / "notes.txt").write_text("mine")
    settings = f"import sys\nsys.path.append({str(ROOT)!r})\nPLUGINS = ['plugins.whole_site']\n"
    (tmp_path / "site" / "conf.py").write_text(settings)
    command = [sys.executable, "-m", "pelican", "content", "-s", "conf.py", "-o", ".", "-d"]
    done = subprocess.run(command, cwd=tmp_path / "site", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "readers may see half of it" in " ".join((done.stdout + done.stderr).split())
    assert (tmp_path / "site" / "one.html").exists() and (tmp_path / "site" / "notes.txt").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_static_files_that_are_links_to_the_content_stay_links(make_site: MakeSite, tmp_path: Path) -> None:
    """With STATIC_CREATE_LINKS a file is the content's own, whose time is nobody's to change."""
    for number in range(3):
        files = FILES | {"more.md": post(f"More {number}")}
        output = make_site(files, **PUBLISHED, STATIC_CREATE_LINKS=True)
        source = tmp_path / "content" / "images" / "a.svg"
        assert (output / "images" / "a.svg").samefile(source)
        os.utime(source, (number, number))
    make_site(files, **PUBLISHED, STATIC_CREATE_LINKS=True)
    assert (output / "images" / "a.svg").read_text() == "<svg/>"
