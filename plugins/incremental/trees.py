# SPDX-License-Identifier: AGPL-3.0-or-later
"""Makes one tree of files like another for the price of what differs.

A site stands in two trees that take turns, so that a build can work in one while the other is read. What is known
of a tree is noted beside it: of each file what it holds, and how to tell by one `stat` that it still does.
Nothing is believed beyond that, so a build that was killed, a hand that changed a file, or lost notes need no
repair: what does not fit its note is read again.
"""

import errno
import json
import os
import shutil
import time
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import blake2b, file_digest
from pathlib import Path
from stat import S_IFMT, S_IMODE, S_ISDIR, S_ISLNK, S_ISREG
from typing import NamedTuple

SHAPE = 1
"""Of the notes; notes of another shape are not read."""

TICK_NS = 20_000_000
"""Within which a file may be changed twice and have one time: the time of what is younger is not believed."""

TOP = ""
"""The tree's own folder among the folders, which are named by their path from there."""


class File(NamedTuple):
    """A file or link: what it holds, and how it looked when that was found out."""

    content: str
    mode: int
    inode: int
    size: int
    written: int
    changed: int


Folder = tuple[int, int] | None
"""A folder's inode and when something was put in it or taken out last; None: it has to be listed again."""


@dataclass
class Tree:
    """All files and folders below a root, by their paths from there."""

    root: str
    files: dict[str, File] = field(default_factory=dict)
    folders: dict[str, Folder] = field(default_factory=dict)
    seen: int = 0


def content_hash(data: bytes) -> str:
    """Return what stands for a file's bytes in the notes."""
    return blake2b(data, digest_size=16).hexdigest()


def look(root: str, noted: Tree | None = None) -> Tree:
    """Return the tree as it is now; only what is otherwise than `noted` is listed and read."""
    noted, found = noted or Tree(root), Tree(root, seen=time.time_ns())
    top = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        unlisted = _look_at_folders(found, noted, top)
        _look_at_files(found, noted, top)
    finally:
        os.close(top)
    while unlisted:
        path = unlisted.pop()
        with os.scandir(f"{root}/{path}") as entries:
            for entry in entries:
                name = f"{path}/{entry.name}" if path else entry.name
                stat = entry.stat(follow_symlinks=False)
                if S_ISDIR(stat.st_mode):
                    if name not in found.folders:
                        found.folders[name] = (stat.st_ino, stat.st_ctime_ns)
                        unlisted.append(name)
                elif name not in found.files and _is_file(stat.st_mode):
                    found.files[name] = _read(root, name, stat)
    return found


def _look_at_folders(found: Tree, noted: Tree, top: int) -> list[str]:
    """Find the noted folders that are still there; return those that have to be listed."""
    stat = os.fstat(top)
    found.folders[TOP] = now = (stat.st_ino, stat.st_ctime_ns)
    unlisted = [] if noted.folders.get(TOP) == now else [TOP]
    for path, folder in noted.folders.items():
        if path == TOP or _parent(path) not in found.folders:
            continue
        try:
            stat = os.stat(path, dir_fd=top, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            continue
        if S_ISDIR(stat.st_mode):
            found.folders[path] = now = (stat.st_ino, stat.st_ctime_ns)
            if now != folder:
                unlisted.append(path)
    return unlisted


def _look_at_files(found: Tree, noted: Tree, top: int) -> None:
    """Find the noted files that are still there; those that look otherwise are read."""
    for path, file in noted.files.items():
        if _parent(path) not in found.folders:  # else it may be another's, by way of a link
            continue
        try:
            stat = os.stat(path, dir_fd=top, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            continue
        if file[1:] == (stat.st_mode, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns):
            found.files[path] = file
        elif _is_file(stat.st_mode):
            found.files[path] = _read(found.root, path, stat)


def _is_file(mode: int) -> bool:
    """Whether it is part of a site: pipes and sockets are not."""
    return S_ISREG(mode) or S_ISLNK(mode)


def _parent(path: str) -> str:
    return path.rpartition("/")[0]


def _read(root: str, path: str, stat: os.stat_result) -> File:
    if S_ISLNK(stat.st_mode):
        return _file(content_hash(os.fsencode(Path(root, path).readlink())), stat)
    with open(f"{root}/{path}", "rb") as file:  # noqa: PTH123 - thousands of them
        return _file(file_digest(file, lambda: blake2b(digest_size=16)).hexdigest(), stat)


def _file(content: str, stat: os.stat_result) -> File:
    return File(content, stat.st_mode, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)


def catch_up(tree: Tree, model: Tree, scratch: str) -> bool:
    """Make a tree like its model; whether that took anything. `scratch` is a free name in the same file system.

    Each file comes in by a rename, so whoever still reads here reads one or the other; old ones go last.
    """
    before = (dict(tree.files), set(tree.folders))
    for path in sorted(tree.folders.keys() & model.files.keys()):
        _remove_folder(tree, path)
    for path in tree.files.keys() & model.folders.keys():
        _remove_file(tree, path)
    for path in sorted(model.folders.keys() - tree.folders.keys()):
        Path(tree.root, path).mkdir()
        tree.folders[path] = tree.folders[_parent(path)] = None
    for path, wanted in model.files.items():
        has = tree.files.get(path)
        if has is None or has.content != wanted.content or S_IFMT(has.mode) != S_IFMT(wanted.mode):
            _copy(f"{model.root}/{path}", f"{tree.root}/{path}", wanted, scratch)
            tree.folders[_parent(path)] = None
            tree.files[path] = _file(wanted.content, Path(tree.root, path).lstat())
        elif (has.mode, has.written) != (wanted.mode, wanted.written):
            tree.files[path] = _dress(f"{tree.root}/{path}", wanted)
    for path in tree.files.keys() - model.files.keys():
        _remove_file(tree, path)
    for path in sorted(tree.folders.keys() - model.folders.keys()):
        _remove_folder(tree, path)
    return before != (tree.files, set(tree.folders))


def _dress(path: str, like: File) -> File:
    """Give a file the mode and the time of one with the same content."""
    if not S_ISLNK(like.mode):
        Path(path).chmod(S_IMODE(like.mode))
    os.utime(path, ns=(like.written, like.written), follow_symlinks=False)
    return _file(like.content, Path(path).lstat())


def _copy(source: str, target: str, like: File, scratch: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(scratch)  # noqa: PTH108 - thousands of them
    if S_ISLNK(like.mode):
        Path(scratch).symlink_to(Path(source).readlink())
    else:
        with open(source, "rb") as old, open(scratch, "xb") as new:  # noqa: PTH123
            if not _copied_by_the_system(old.fileno(), new.fileno(), like.size):
                shutil.copyfileobj(old, new)
    _dress(scratch, like)
    os.replace(scratch, target)  # noqa: PTH105


def _copied_by_the_system(source: int, target: int, size: int) -> bool:
    """Let file systems that can share blocks do so. Raises OSError where there is no room."""
    if not hasattr(os, "copy_file_range"):
        return False
    done = 0
    while done < size:
        try:
            step = os.copy_file_range(source, target, size - done)
        except OSError as error:
            if done or error.errno not in (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
                raise
            return False
        if not step:
            return False  # some file systems say so of files that are not empty
        done += step
    return True


def _remove_file(tree: Tree, path: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(f"{tree.root}/{path}")  # noqa: PTH108 - thousands of them
    del tree.files[path]
    tree.folders[_parent(path)] = None


def _remove_folder(tree: Tree, path: str) -> None:
    """Remove a folder with whatever is in it."""
    if path not in tree.folders:  # with the one that it was in
        return
    shutil.rmtree(f"{tree.root}/{path}")
    tree.folders[_parent(path)] = None
    inside = f"{path}/"
    for name in [name for name in tree.files if name.startswith(inside)]:
        del tree.files[name]
    for name in [name for name in tree.folders if name == path or name.startswith(inside)]:
        del tree.folders[name]


def remove_unwritten(tree: Tree, before: Tree, kept: Collection[str], retained: Collection[str]) -> None:
    """Remove what was there `before`, was not written since and is not `kept`, and the folders that this empties.

    What lies at the top under a name that is `retained` stays with all that is in it.
    """
    old = [path for path, file in tree.files.items() if before.files.get(path) == file and path not in kept]
    for path in old:
        if path.partition("/")[0] in retained:
            continue
        _remove_file(tree, path)
        parent = _parent(path)
        while parent != TOP:
            try:
                os.rmdir(f"{tree.root}/{parent}")  # noqa: PTH106
            except OSError:  # something is in it
                break
            del tree.folders[parent]
            parent = _parent(parent)
            tree.folders[parent] = None


def give_back_times(tree: Tree, model: Tree) -> None:
    """Let a file that holds the same as in the model be as old as there: no reader has to fetch it again."""
    for path, file in tree.files.items():
        same = model.files.get(path)
        if same and same.content == file.content and same.written != file.written:
            tree.files[path] = _dress(f"{tree.root}/{path}", file._replace(written=same.written))


def alike(tree: Tree, other: Tree) -> bool:
    """Whether two trees hold the same files."""
    return tree.files.keys() == other.files.keys() and all(
        (file.content, file.mode) == (other.files[path].content, other.files[path].mode)
        for path, file in tree.files.items()
    )


def save(tree: Tree, notes: Path, scratch: str) -> None:
    """Note what is known of a tree."""
    sure = tree.seen - TICK_NS
    files = {path: file if file.changed < sure else file._replace(changed=0) for path, file in tree.files.items()}
    folders = {path: folder if folder and folder[1] < sure else None for path, folder in tree.folders.items()}
    Path(scratch).write_text(json.dumps([SHAPE, files, folders], separators=(",", ":")), encoding="ascii")
    Path(scratch).replace(notes)


def load(root: str, notes: Path) -> Tree | None:
    """Return what was noted of a tree, None where there is nothing of use."""
    try:
        shape, files, folders = json.loads(notes.read_bytes())
        if shape != SHAPE:
            return None
        noted = {path: File(*file) for path, file in files.items()}
        return Tree(root, noted, {path: tuple(folder) if folder else None for path, folder in folders.items()})
    except (OSError, ValueError, TypeError, AttributeError):
        return None


def relative(paths: Iterable[str], *roots: str) -> set[str]:
    """Return the paths as a tree has them: those below one of the roots without it, others as they are."""
    found = set()
    for path in map(os.fspath, paths):
        below = next((path.removeprefix(f"{root}/") for root in roots if path.startswith(f"{root}/")), path)
        found.add(below.replace(os.sep, "/"))
    return found
