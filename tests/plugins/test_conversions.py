"""A content file is converted once: again only when it, or anything that it was made with, has changed."""

import multiprocessing
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from counted_markdown import EXTENSION, VARIABLE, converted
from pelican.settings import read_settings
from small_sites import ALICE, ROOT, MakeSite, post
from test_same_bytes import everything

from plugins.incremental import forked

MARKDOWN = read_settings(str(ROOT / "pelicanconf.py"))["MARKDOWN"]
COUNTED = {**MARKDOWN, "extensions": [*MARKDOWN["extensions"], EXTENSION]}
FILES: dict[str, str | bytes | Path] = {
    "authors/alice-archer.md": ALICE,
    "one.md": post("One", body="First. [Two]({filename}two.md)", tags="[trust, listening]"),
    "two.md": post("Two", "2024-01-03", "Second."),
}
TEXTS = ["First. [Two]({filename}two.md)", "Second."]


@pytest.fixture(autouse=True)
def counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each test counts for itself."""
    monkeypatch.setenv(VARIABLE, str(tmp_path / "converted"))
    yield


@pytest.fixture
def build(make_site: MakeSite, tmp_path: Path) -> Any:
    """Builds with a store of the test's own, and counts what is converted."""

    def run(files: dict[str, Any] = FILES, **settings: Any) -> Path:
        return make_site(
            files, theme="minimal", CACHE_PATH=str(tmp_path / "cache"), **{"MARKDOWN": COUNTED, **settings}
        )

    return run


def store_of(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "incremental" / "kept.sqlite3"


def test_a_second_build_converts_nothing_and_writes_the_same(build: Any) -> None:
    """What is kept gives the same bytes as what is made."""
    cold = everything(build())
    assert converted() == TEXTS
    warm = everything(build())
    assert converted() == []
    assert warm == cold
    assert everything(build(PLUGINS=_without_store())) == cold


def _without_store() -> list[str]:
    plugins: list[str] = read_settings(str(ROOT / "pelicanconf.py"))["PLUGINS"]
    return [name for name in plugins if name != "plugins.incremental"]


def test_only_what_changed_is_converted(build: Any) -> None:
    """Another text, and nothing else; a text that comes back is known, whatever its file is called."""
    build()
    converted()
    build(FILES | {"two.md": post("Two", "2024-01-03", "Another.")})
    assert converted() == ["Another."]
    (files := dict(FILES)).pop("one.md")
    build(files | {"renamed.md": FILES["one.md"]})
    assert converted() == []


def test_a_setting_counts_where_the_reader_looks_at_it(build: Any) -> None:
    """Markdown's own settings do, the site's name does not; a setting that comes back is known."""
    cold = everything(build())
    converted()
    assert b"Another Blog" in everything(build(SITENAME="Another Blog"))["one/index.html"]
    assert converted() == []
    plain = {**COUNTED, "extensions": [one for one in COUNTED["extensions"] if one != "smarty"]}
    build(MARKDOWN=plain)
    assert converted() == TEXTS
    assert everything(build()) == cold
    assert converted() == []


def test_another_version_of_the_code_converts_anew(build: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever makes a text, Python itself too, is part of what a conversion is known by."""
    build()
    converted()
    monkeypatch.setattr("markdown.__version__", "99")
    _forget_versions()
    build()
    assert converted() == TEXTS
    monkeypatch.undo()
    _forget_versions()


def _forget_versions() -> None:
    from plugins.incremental.code_stamp import version_of

    version_of.cache_clear()


def test_a_file_that_a_text_takes_in_counts_too(build: Any, tmp_path: Path) -> None:
    """Nobody said that it does: it was opened."""
    included = tmp_path / "included.txt"
    included.write_text("Old words.")
    snippets = {"pymdownx.snippets": {"base_path": [str(tmp_path)]}}
    settings = {
        **COUNTED,
        "extensions": [*COUNTED["extensions"], "pymdownx.snippets"],
        "extension_configs": {**COUNTED["extension_configs"], **snippets},
    }
    files = FILES | {"two.md": post("Two", "2024-01-03", 'Second.\n\n--8<-- "included.txt"')}
    assert b"Old words." in everything(build(files, MARKDOWN=settings))["two/index.html"]
    converted()
    build(files, MARKDOWN=settings)
    assert converted() == []
    included.write_text("New words.")
    assert b"New words." in everything(build(files, MARKDOWN=settings))["two/index.html"]
    assert converted() == ["Second."]


def test_what_a_reader_complains_of_is_complained_of_each_time(
    build: Any, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    """Nothing is kept that would spare an author the next warning."""
    classic = "Title: Three\nSlug: three\nDate: 2024-01-04\nDate: 2024-01-05\nAuthor: Alice Archer\n\nThird.\n"
    settings: dict[str, Any] = {"PLUGINS": ["plugins.incremental"], "DIRECT_TEMPLATES": []}
    for times in (2, 1):  # a worker tries it first, and from then on it is left to Pelican
        build({"three.md": classic}, **settings)
        assert converted() == ["Title: Three"] * times
    assert "Duplicate definition of `date`" in caplog.text  # once: in one process Pelican says a thing once


def test_whatever_the_store_is_the_site_is_the_same(build: Any, tmp_path: Path) -> None:
    """Broken, cut off, of another version, or where nothing can be written: the build makes all itself."""
    cold = everything(build())
    store = store_of(tmp_path)
    whole = store.read_bytes()
    for broken in (b"", b"not a database" * 500, whole[: len(whole) // 2], whole[:4096] + b"\xff" * 9_000):
        store.write_bytes(broken)
        assert everything(build()) == cold
    with sqlite3.connect(store) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    converted()
    assert everything(build()) == cold
    assert converted() == TEXTS
    assert everything(build()) == cold
    assert converted() == []
    store.unlink()
    store.parent.rmdir()
    store.parent.write_text("A file is where the folder should be.")
    assert everything(build()) == cold
    assert converted() == TEXTS


def test_a_result_that_nobody_asks_for_goes_after_a_month(build: Any, tmp_path: Path) -> None:
    """What each build asks for stays, so that the store does not grow for ever."""
    build()
    with sqlite3.connect(store_of(tmp_path)) as db:
        db.execute("UPDATE results SET day = day - 29")
    db.close()
    without_one = {name: text for name, text in FILES.items() if name != "one.md"}
    build(without_one)
    with sqlite3.connect(store_of(tmp_path)) as db:
        assert len(db.execute("SELECT DISTINCT day FROM results").fetchall()) == 2
        db.execute("UPDATE results SET day = day - 2")
    db.close()
    build(without_one)
    converted()
    build()
    assert converted() == TEXTS[:1]


def test_many_new_texts_are_converted_in_other_processes(build: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """On all cores, each once; with one core the site is the same."""
    files: dict[str, Any] = {"authors/alice-archer.md": ALICE}
    files |= {f"p{n}.md": post(f"P{n}", f"2024-01-{n % 28 + 1:02}", f"Body {n:02}.") for n in range(60)}
    monkeypatch.setattr(forked, "cores", lambda: 2)
    cold = everything(build(files))
    assert converted() == [f"Body {n:02}." for n in range(60)]
    monkeypatch.setattr(forked, "cores", lambda: 1)
    assert everything(build(files)) == cold
    assert converted() == []
    assert multiprocessing.active_children() == []


def test_each_piece_of_work_is_done_once_elsewhere_and_a_failure_is_raised() -> None:
    """The results come in any order; no process is left."""
    done = list(forked.each(lambda piece: (piece * 2, os.getpid()), range(200)))
    assert sorted(double for double, _ in done) == [piece * 2 for piece in range(200)]
    assert os.getpid() not in {where for _, where in done}

    def fails(piece: int) -> int:
        return 1 // (piece - 70)

    with pytest.raises(ZeroDivisionError):
        list(forked.each(fails, range(100)))
    assert multiprocessing.active_children() == []


def test_a_build_that_is_killed_leaves_no_worker(tmp_path: Path) -> None:
    """Whoever kills it kills what it has forked, however that is done."""
    code = (
        "import os, sys, time; sys.path.insert(0, '.')\n"
        "from pathlib import Path; from plugins.incremental import forked\n"
        "forked.cores = lambda: 2\n"
        "def work(piece):\n"
        f"    Path({str(tmp_path)!r}, str(os.getpid())).touch(); time.sleep(60)\n"
        "list(forked.each(work, range(64)))"
    )
    build = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)
    workers = wait_until(lambda: len(found := list(tmp_path.iterdir())) == 2 and found)
    build.kill()
    build.wait()
    wait_until(lambda: not any(is_alive(int(worker.name)) for worker in workers))


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that ended and that nobody asks about does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until(look: Any) -> Any:
    """What `look` finds, as soon as it finds something."""
    deadline = time.monotonic() + 30
    while not (found := look()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return found
