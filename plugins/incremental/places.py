# SPDX-License-Identifier: AGPL-3.0-or-later
"""Knows where a site's two trees lie, and shows readers the one or the other in one step.

The place that readers know is a link to one of two folders in `.NAME.versions` beside it, and a rename turns it.
A host that takes up the folder itself gets a real one, which is exchanged with the other tree. Neither costs more
for a large site. Where the system allows neither, as with a folder that a container has mounted, its files are
replaced one after the other.
"""

import ctypes
import errno
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from plugins.incremental import tree_changes, trees
from plugins.incremental.trees import Tree

AT_FDCWD, RENAME_EXCHANGE = -100, 2  # linux/fcntl.h, linux/fs.h
NAMES = ("a", "b")
LINKS = 40
"""After so many links that lead to links the system gives up, too."""

CANNOT = (errno.EBUSY, errno.EXDEV, errno.EACCES, errno.EPERM, errno.EROFS)
"""What a system says that does not let this folder be exchanged."""


@dataclass(frozen=True)
class Place:
    """Where readers find a site, and the folder with its trees and what is noted of them."""

    site: Path
    home: Path

    @property
    def scratch(self) -> str:
        """The name of whatever is not finished yet; it lies beside the trees, in no tree."""
        return str(self.home / "unfinished")

    def notes(self, tree: str) -> Path:
        """Where a tree is noted: under a name that goes with it wherever it is moved."""
        return self.home / f"{os.stat(tree).st_ino}.json"  # noqa: PTH116

    def live(self) -> str | None:
        """Return the tree that readers see, None where there is none yet."""
        found = os.path.realpath(self.site)
        if not os.path.lexists(found):
            return None
        if not Path(found).is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(self.site))
        return found

    def lacks_a_tree(self) -> bool:
        """Whether there are not yet two trees to take turns."""
        return not all((self.home / name).is_dir() for name in NAMES)

    def resting(self, live: str | None) -> str:
        """Return the tree that nobody sees, made where there is none."""
        trees_there = []
        for name in NAMES:
            path = self.home / name
            if path.is_symlink():  # a build ended right after it had exchanged the link for a folder
                path.unlink()
            if live is None or not path.is_dir() or not path.samefile(live):
                trees_there.append(path)
        found = next((path for path in trees_there if path.is_dir()), trees_there[0])
        found.mkdir(exist_ok=True)
        return str(found)


def place_of(output: str, elsewhere: Path) -> Place:
    """Return the place of an output folder. A link of somebody's own stays, and leads to the place.

    Where nothing can be written beside it the trees lie `elsewhere`.
    """
    site = Path(os.path.abspath(output))  # noqa: PTH100 - what `..` means is decided before any link
    for _ in range(LINKS):
        site = site.parent.resolve() / site.name
        home = site.with_name(f".{site.name}.versions")
        if not site.is_symlink():
            break
        leads_to = Path(os.path.abspath(site.parent / site.readlink()))  # noqa: PTH100
        if leads_to.parent == home:
            break
        site = leads_to
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        if error.errno not in CANNOT:
            raise
        home = elsewhere / sha256(os.fsencode(site)).hexdigest()[:16]
        home.mkdir(parents=True, exist_ok=True)
    ignored = home / ".gitignore"
    if not ignored.exists():
        ignored.write_text("*\n")
    return Place(site, home)


@contextmanager
def alone(place: Place, say_that_we_wait: Callable[[], None]) -> Iterator[None]:
    """Hold the place for one build. Processes that it started hold it too: a killed build's may still write."""
    with (place.home / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say_that_we_wait()
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def show(place: Place, tree: Tree, *, real: bool) -> str:
    """Let readers see a finished tree; return "", or why that took more than one step."""
    try:
        if place.home.parent != place.site.parent:
            raise OSError(errno.EACCES, os.strerror(errno.EACCES), str(place.site.parent))
        (_show_folder if real else _show_link)(place, tree.root)
    except OSError as error:
        if error.errno not in CANNOT or place.site.is_symlink() or not place.site.is_dir():
            raise
        _replace_files(place, tree)
        return str(error.strerror)
    _sync_folder(place.site.parent)
    return ""


def _show_link(place: Place, root: str) -> None:
    link = Path(place.scratch)
    _clear(link)
    link.symlink_to(f"{place.home.name}/{Path(root).name}")
    if place.site.is_symlink() or not place.site.exists():
        link.replace(place.site)
        return
    spare = next(path for path in (place.home / name for name in NAMES) if str(path) != root)
    _clear(spare)
    link.rename(spare)
    _exchange(spare, place.site)  # what was a folder is the other tree now


def _show_folder(place: Place, root: str) -> None:
    if not os.path.lexists(place.site):
        Path(root).rename(place.site)
        return
    _exchange(Path(root), place.site)
    if Path(root).is_symlink():
        Path(root).unlink()


def _replace_files(place: Place, tree: Tree) -> None:
    """Bring a folder up to date that cannot be exchanged: each file is whole at any time, the site is not."""
    unfinished = place.site / ".unfinished"
    _clear(unfinished)
    noted = trees.load(str(place.site), place.notes(str(place.site)))
    site = trees.look(str(place.site), noted)
    tree_changes.catch_up(site, tree, str(unfinished), hidden=False)
    trees.save(site, place.notes(site.root), place.scratch)


def _exchange(one: Path, other: Path) -> None:
    """Swap two names in one step; where the system cannot, in three. Raises OSError."""
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if renameat2:
        if renameat2(AT_FDCWD, os.fsencode(one), AT_FDCWD, os.fsencode(other), RENAME_EXCHANGE) == 0:
            return
        if ctypes.get_errno() not in (errno.EINVAL, errno.ENOSYS):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(other))
    aside = one.with_name("exchanged")
    _clear(aside)
    other.rename(aside)
    one.rename(other)
    aside.rename(one)


def _clear(path: Path) -> None:
    """Remove whatever an earlier build left under a name."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
    else:
        shutil.rmtree(path)


def sync(root: str) -> None:
    """Wait until all that was written is on the disk. Raises OSError where it cannot be."""
    syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if syncfs is None:
        os.sync()
        return
    opened = os.open(root, os.O_RDONLY)
    try:
        if syncfs(opened):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), root)
    finally:
        os.close(opened)


def _sync_folder(folder: Path) -> None:
    """Let the switch be on the disk before the next build changes the tree that was seen until now."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def forget_others(place: Place) -> None:
    """Remove the notes of trees that are no more."""
    here = (str(path) for path in (place.site, *(place.home / name for name in NAMES)) if path.is_dir())
    for path in set(place.home.glob("*.json")) - {place.notes(tree) for tree in here}:
        path.unlink(missing_ok=True)
