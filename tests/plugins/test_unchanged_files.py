"""What a build would write as it lies there is left as it lies, and counts as this build's all the same."""

import os
from pathlib import Path
from typing import Any

from small_sites import ALICE, MakeSite, post

from plugins.unchanged_files import write_changed


def test_a_file_is_written_where_its_bytes_are_others(tmp_path: Path) -> None:
    """A missing file and another text are written, folders are made; the same bytes are not written again."""
    settings: dict[str, Any] = {}
    path = tmp_path / "a" / "b.txt"
    assert write_changed(path, b"one", settings)
    first = path.stat()
    assert not write_changed(path, b"one", settings)
    assert path.stat() == first
    assert write_changed(path, b"two", settings)
    assert (path.read_bytes(), list(path.parent.iterdir())) == (b"two", [path])


def test_each_file_is_noted_as_this_builds(tmp_path: Path) -> None:
    """Whether or not it was written, whoever removes old files is told its absolute path."""
    settings: dict[str, Any] = {}
    (tmp_path / "a").write_bytes(b"one")
    write_changed(tmp_path / "a", b"one", settings)
    write_changed(Path(os.path.relpath(tmp_path / "b")), b"two", settings)
    assert {os.path.realpath(path) for path in settings["KEPT_FILES"]} == {f"{tmp_path}/a", f"{tmp_path}/b"}
    assert all(Path(path).is_absolute() for path in settings["KEPT_FILES"])


def test_a_second_name_of_the_old_file_keeps_the_old_bytes(tmp_path: Path) -> None:
    """A site that shares its files with the one before leaves that one as it was."""
    (tmp_path / "old").write_bytes(b"one")
    (tmp_path / "new").hardlink_to(tmp_path / "old")
    assert write_changed(tmp_path / "new", b"two", {})
    assert ((tmp_path / "old").read_bytes(), (tmp_path / "new").read_bytes()) == (b"one", b"two")


def test_what_was_left_as_it_lay_is_not_taken_away(make_site: MakeSite) -> None:
    """A build that removes old files spares those, and takes what is of no page any more."""
    files = {"a.md": post("A"), "b.md": post("B"), "authors/alice-archer.md": ALICE}
    plugins = ["pelican.plugins.yaml_metadata", "plugins.listing_pages", "plugins.sitemap", "plugins.whole_site"]
    output = make_site(files, theme="minimal", plugins=plugins)
    before = (output / "robots.txt").stat().st_mtime_ns
    files.pop("b.md")
    make_site(files, theme="minimal", plugins=plugins, keep_output=True, DELETE_OUTPUT_DIRECTORY=True)
    assert (output / "robots.txt").stat().st_mtime_ns == before
    assert (output / "a").exists() and not (output / "b").exists()
