"""Two trees take turns: whatever happened to either, catching up makes them equal, and nothing else is touched."""

import os
import random
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.incremental import places, tree_changes, trees
from plugins.incremental.new_files import written_anew
from plugins.incremental.places import Place
from plugins.incremental.trees import Tree

NAMES = st.sampled_from(("a", "b", "a/b", "a/b/c", "b/a", "c/a/x", "c", "é\n", "\udcff"))
CONTENTS = st.one_of(st.binary(max_size=4), st.sampled_from(("-> a", "-> ../..", "-> nowhere", "/")))
"""What stands under a name: bytes, a link, or an empty folder."""

EDITS = st.lists(st.tuples(NAMES, st.one_of(st.none(), CONTENTS)), max_size=8)
"""What somebody does to a tree: puts something under a name, or with None takes it away."""


def put(root: Path, name: str, content: bytes | str | None) -> None:
    """Let this stand under a name, whatever stood there or above it."""
    path = root / name
    for above in reversed(path.relative_to(root).parents):
        if (root / above).is_symlink() or (root / above).is_file():
            (root / above).unlink()
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    if content is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content == "/":
        path.mkdir()
    else:
        path.symlink_to(content.removeprefix("-> "))


def held(root: Path) -> dict[str, bytes | str]:
    """What stands under each name, found without the notes: bytes, where a link leads, and folders."""
    found: dict[str, bytes | str] = {}
    for parent, folders, files in os.walk(root):
        for name in (*folders, *files):
            path = Path(parent, name)
            content = f"-> {path.readlink()}" if path.is_symlink() else "/" if path.is_dir() else path.read_bytes()
            found[str(path.relative_to(root))] = content
    return found


def looked_at(root: Path) -> Tree:
    """The tree, by its notes beside it, which are renewed."""
    notes = root.with_name(f"{root.name}.json")
    tree = trees.look(str(root), trees.load(str(root), notes))
    trees.save(tree, notes, str(root.with_name("unfinished")))
    return tree


def caught_up(tree: Path, model: Path) -> Tree:
    """The tree after it has caught up with the model."""
    found = looked_at(tree)
    tree_changes.catch_up(found, looked_at(model), str(tree.with_name("unfinished")))
    return found


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], tuple[Path, Path]]:
    """Makes two trees, both empty."""

    def make() -> tuple[Path, Path]:
        home = tmp_path_factory.mktemp("trees")
        for name in ("a", "b"):
            (home / name).mkdir()
        return home / "a", home / "b"

    return make


@given(rounds=st.lists(st.tuples(EDITS, EDITS, st.booleans()), min_size=1, max_size=4))
def test_whatever_is_done_to_both_trees_they_are_equal_afterwards(
    two: Callable[[], tuple[Path, Path]], rounds: list[Any]
) -> None:
    """Edits, damage, foreign files and lost notes: the tree becomes its model, which is as it was."""
    tree, model = two()
    for done_to_model, done_to_tree, forgotten in rounds:
        for root, edits in ((model, done_to_model), (tree, done_to_tree)):
            for name, content in edits:
                put(root, name, content)
        if forgotten:
            tree.with_name("a.json").unlink(missing_ok=True)
        wanted = held(model)
        known = caught_up(tree, model)
        assert held(tree) == wanted == held(model)
        assert {name for name, content in wanted.items() if content != "/"} == known.files.keys()
        assert trees.look(str(tree), known).files == known.files
        tree, model = model, tree  # they take turns


class Killed(BaseException):
    """The process is no more."""


_steps_left: int | None = None


def _count(event: str, arguments: tuple[Any, ...]) -> None:
    global _steps_left
    if _steps_left is None or event not in ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.utime"):
        return
    _steps_left -= 1
    if _steps_left < 0:
        raise Killed


@pytest.fixture(scope="module")
def killed_after() -> Iterator[Callable[[int | None], None]]:
    """Sets after how many steps on files everything ends; None: never."""
    sys.addaudithook(_count)

    def set_steps(steps: int | None) -> None:
        global _steps_left
        _steps_left = steps

    yield set_steps
    set_steps(None)


@given(before=EDITS, after=EDITS, steps=st.integers(0, 40))
def test_a_tree_that_was_killed_between_any_two_steps_needs_no_cleaning(
    two: Callable[[], tuple[Path, Path]],
    killed_after: Callable[[int | None], None],
    before: list[Any],
    after: list[Any],
    steps: int,
) -> None:
    """However far it came, the next time it is made equal; the model is never touched."""
    tree, model = two()
    for name, content in before:
        put(model, name, content)
    caught_up(tree, model)
    for name, content in after:
        put(model, name, content)
    wanted = held(model)
    killed_after(steps)
    try:
        caught_up(tree, model)
    except Killed:
        pass
    finally:
        killed_after(None)
    assert held(model) == wanted
    caught_up(tree, model)
    assert held(tree) == wanted


def test_what_nobody_touched_is_not_read(two: Callable[[], tuple[Path, Path]]) -> None:
    """One stat for each file and folder is all: nothing is opened, listed or copied."""
    tree, model = two()
    for number in range(20):
        put(model, f"{number}/index.html", b"text")
        os.utime(model / f"{number}" / "index.html", (1, 1))
    caught_up(tree, model)
    known = [trees.look(str(root), trees.look(str(root))) for root in (tree, model)]
    assert [one.read for one in known] == [0, 0]
    assert tree_changes.catch_up(*known, str(tree.with_name("unfinished"))) is False
    put(tree, "7/index.html", b"TEXT")
    assert trees.look(str(tree), known[0]).read == 2  # the file and its folder
    (tree / "8" / "new").write_bytes(b"")
    assert trees.look(str(tree), known[0]).read == 4


def test_a_file_that_changes_twice_within_a_tick_is_not_believed(tmp_path: Path) -> None:
    """Notes of what had just been written are looked into again, since a clock has no finer times."""
    tree = tmp_path / "tree"
    tree.mkdir()
    for _ in range(50):
        (tree / "page").write_bytes(b"one")
        inode = looked_at(tree).files["page"].inode
        (tree / "page").write_bytes(b"two")
        assert looked_at(tree).files["page"].content == trees.content_hash(b"two")
        assert (tree / "page").stat().st_ino == inode


@pytest.mark.parametrize(
    "broken", [b"", b"[", b"null", b"[1]", b"[0,[],[],[],[]]", b'[1,["a"],[[1]],[],[]]', b"\xff"]
)
def test_notes_that_are_broken_are_no_notes(tmp_path: Path, broken: bytes) -> None:
    """Then everything is looked at again."""
    (tmp_path / "notes").write_bytes(broken)
    assert trees.load(str(tmp_path), tmp_path / "notes") is None


def test_files_bring_their_mode_and_time(two: Callable[[], tuple[Path, Path]]) -> None:
    """A server makes ETag and Last-Modified of them, and the same text should have the same in both trees."""
    tree, model = two()
    put(model, "page", b"text")
    caught_up(tree, model)
    (model / "page").chmod(0o640)
    os.utime(model / "page", ns=(5, 1_234_567_890_123_456_789))
    caught_up(tree, model)
    first, second = (tree / "page").stat(), (model / "page").stat()
    assert (first.st_mode, first.st_mtime_ns) == (second.st_mode, second.st_mtime_ns)
    assert first.st_ino != second.st_ino


def test_what_was_neither_written_nor_kept_goes(two: Callable[[], tuple[Path, Path]]) -> None:
    """Of what lay there before only what was written again, kept, or retained at the top stays."""
    tree, model = two()
    for name in ("old/deep/page", "same", "written", "kept/page", "media/old", "CNAME"):
        put(model, name, b"text")
    before = caught_up(tree, model)
    put(tree, "written", b"text")
    put(tree, "new", b"text")
    now = trees.look(str(tree), before)
    tree_changes.remove_unwritten(now, before, {"kept/page"}, {"media", "CNAME"})
    tree_changes.give_back_times(now, looked_at(model))
    left = {"written", "new", "kept", "kept/page", "media", "media/old", "CNAME"}
    assert held(tree).keys() == left
    assert (tree / "written").stat().st_mtime_ns == (model / "written").stat().st_mtime_ns
    assert trees.look(str(tree), now).files == now.files


def test_who_reads_in_a_tree_is_not_disturbed_when_it_is_written(tmp_path: Path) -> None:
    """A file that is emptied to be written anew is another one: a reader goes on with what it began with."""
    page = tmp_path / "tree" / "page"
    page.parent.mkdir()
    for path in (page, tmp_path / "beside"):
        path.write_text("old")
        with path.open() as reader, written_anew(str(page.parent)):
            path.write_text("new")
            assert reader.read() == ("old" if path == page else "new")


def shown(site: Path) -> str:
    """The text of the site's one page."""
    return (site / "page").read_text()


def next_tree(place: Place, text: str) -> Tree:
    """A finished tree in the place, with one page."""
    root = Path(place.resting(place.live()))
    put(root, "page", text.encode())
    return trees.look(str(root))


@pytest.mark.parametrize("real", [False, True], ids=["a link", "a folder"])
def test_whatever_stands_in_the_place_the_new_site_is_shown(tmp_path: Path, real: bool) -> None:
    """Nothing, a link of ours, a folder: readers find the new site, and the old one is the tree that rests."""
    site = tmp_path / "site"
    place = places.place_of(str(site), tmp_path / "elsewhere")
    kinds = [real, real, not real, real, real]
    for number, kind in enumerate(random.sample(kinds, len(kinds))):
        assert places.show(place, next_tree(place, str(number)), real=kind) == ""
        assert (shown(site), site.is_symlink()) == (str(number), not kind)
        if number:
            assert shown(Path(place.resting(place.live()))) == str(number - 1)
    assert {path.name for path in place.home.iterdir()} <= {"a", "b", ".gitignore"}


def test_a_link_of_somebodys_own_stays(tmp_path: Path) -> None:
    """It leads to the place, whose trees lie beside where it leads."""
    (tmp_path / "large" / "disk").mkdir(parents=True)
    (tmp_path / "site").symlink_to("large/disk/site")
    home = tmp_path / "large" / "disk" / ".site.versions"
    for text in ("one", "two", "three"):
        assert (place := places.place_of(str(tmp_path / "site"), tmp_path)).home == home
        assert places.show(place, next_tree(place, text), real=False) == ""
        assert shown(tmp_path / "site") == text
    assert (tmp_path / "site").readlink() == Path("large/disk/site")


def test_where_nothing_can_be_exchanged_files_are_replaced(tmp_path: Path) -> None:
    """Each is whole at any time; what is no longer there goes last, and the reason is told."""
    site = tmp_path / "site"
    put(site, "page", b"old")
    put(site, "gone/page", b"old")
    place = Place(site, tmp_path / "elsewhere" / "site")
    place.home.mkdir(parents=True)
    with (site / "page").open() as reader:
        assert places.show(place, next_tree(place, "new"), real=False) == "Permission denied"
        assert reader.read() == "old"
    assert held(site) == {"page": b"new"}


def test_a_link_that_is_left_over_is_no_tree(tmp_path: Path) -> None:
    """A build that was killed right after it had exchanged the link for a folder left it where a tree was."""
    place = places.place_of(str(tmp_path / "site"), tmp_path)
    places.show(place, next_tree(place, "one"), real=True)
    (place.home / "a").symlink_to(".site.versions/b")
    assert places.show(place, next_tree(place, "two"), real=True) == ""
    assert shown(tmp_path / "site") == "two"


def test_notes_are_written_where_a_killed_build_has_left_a_link(tmp_path: Path) -> None:
    """What was left half copied is taken away, and nothing is written to where it leads."""
    (tmp_path / "a").mkdir()
    (tmp_path / "unfinished").symlink_to("a")
    trees.save(trees.look(str(tmp_path / "a")), tmp_path / "notes", str(tmp_path / "unfinished"))
    assert (tmp_path / "notes").is_file() and list((tmp_path / "a").iterdir()) == []
