# SPDX-License-Identifier: AGPL-3.0-or-later
"""Knows what a tree of files holds, for the price of one `stat` a file.

A site stands in two trees that take turns, so that a build can work in one while the other is read. What is known
of a tree is noted beside it: of each file what it holds, and how to tell by one `stat` that it still does.
Nothing is believed beyond that, so a build that was killed, a hand that changed a file, or lost notes need no
repair: what does not fit its note is read again.
"""

import json
import os
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import blake2b, file_digest
from pathlib import Path
from stat import S_ISDIR, S_ISLNK, S_ISREG
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
    read: int = 0
    """How many files were read and folders listed when it was looked at, since nothing was noted of them."""


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
        found.read += 1
        with os.scandir(f"{root}/{path}") as entries:
            for entry in entries:
                name = f"{path}/{entry.name}" if path else entry.name
                stat = entry.stat(follow_symlinks=False)
                if S_ISDIR(stat.st_mode):
                    if name not in found.folders:
                        found.folders[name] = (stat.st_ino, stat.st_ctime_ns)
                        unlisted.append(name)
                elif name not in found.files and _is_file(stat.st_mode):
                    found.files[name] = _read(found, name, stat)
    return found


def _look_at_folders(found: Tree, noted: Tree, top: int) -> list[str]:
    """Find the noted folders that are still there; return those that have to be listed."""
    stat = os.fstat(top)
    found.folders[TOP] = now = (stat.st_ino, stat.st_ctime_ns)
    unlisted, lost = [] if noted.folders.get(TOP) == now else [TOP], False
    for path, folder in noted.folders.items():
        if path == TOP or (lost and parent_of(path) not in found.folders):
            continue
        try:
            stat = os.stat(path, dir_fd=top, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            lost = True
            continue
        if S_ISDIR(stat.st_mode):
            found.folders[path] = now = (stat.st_ino, stat.st_ctime_ns)
            if now != folder:
                unlisted.append(path)
        else:
            lost = True
    return unlisted


def _look_at_files(found: Tree, noted: Tree, top: int) -> None:
    """Find the noted files that are still there; those that look otherwise are read."""
    lost = not noted.folders.keys() <= found.folders.keys()
    for path, file in noted.files.items():
        if lost and parent_of(path) not in found.folders:  # it may be another's, by way of a link
            continue
        try:
            stat = os.stat(path, dir_fd=top, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            continue
        if stat.st_ctime_ns == file.changed and stat.st_ino == file.inode and stat.st_size == file.size:
            found.files[path] = file
        elif _is_file(stat.st_mode):
            found.files[path] = _read(found, path, stat)


def _is_file(mode: int) -> bool:
    """Whether it is part of a site: pipes and sockets are not."""
    return S_ISREG(mode) or S_ISLNK(mode)


def parent_of(path: str) -> str:
    """Return the folder of a path in a tree."""
    return path.rpartition("/")[0]


def _read(tree: Tree, path: str, stat: os.stat_result) -> File:
    tree.read += 1
    if S_ISLNK(stat.st_mode):
        return file_of(content_hash(os.fsencode(Path(tree.root, path).readlink())), stat)
    with open(f"{tree.root}/{path}", "rb") as file:  # noqa: PTH123 - thousands of them
        return file_of(file_digest(file, lambda: blake2b(digest_size=16)).hexdigest(), stat)


def file_of(content: str, stat: os.stat_result) -> File:
    """Return what is noted of a file that was just read or written."""
    return File(content, stat.st_mode, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)


def alike(tree: Tree, other: Tree) -> bool:
    """Whether two trees hold the same files."""
    return tree.files.keys() == other.files.keys() and all(
        (file.content, file.mode) == (other.files[path].content, other.files[path].mode)
        for path, file in tree.files.items()
    )


def save(tree: Tree, notes: Path, scratch: str) -> None:
    """Note what is known of a tree."""
    sure = tree.seen - TICK_NS
    files = [file if file.changed < sure else file._replace(changed=0) for file in tree.files.values()]
    folders = [folder if folder and folder[1] < sure else None for folder in tree.folders.values()]
    columns = [list(tree.files), list(zip(*files, strict=True)), list(tree.folders), folders]  # read twice as fast
    with suppress(FileNotFoundError):  # of a build that was killed; it may be a link
        Path(scratch).unlink()
    Path(scratch).write_text(json.dumps([SHAPE, *columns], separators=(",", ":")), encoding="ascii")
    Path(scratch).replace(notes)


def load(root: str, notes: Path) -> Tree | None:
    """Return what was noted of a tree, None where there is nothing of use."""
    try:
        shape, paths, columns, names, stamps = json.loads(notes.read_bytes())
        if shape != SHAPE:
            return None
        files = dict(zip(paths, map(File, *columns), strict=True)) if paths else {}
        folders: dict[str, Folder] = dict(
            zip(names, (tuple(stamp) if stamp else None for stamp in stamps), strict=True)
        )
        return Tree(root, files, folders)
    except (OSError, ValueError, TypeError):
        return None


def relative(paths: Iterable[str], *roots: str) -> set[str]:
    """Return the paths as a tree has them: those below one of the roots without it, others as they are."""
    found = set()
    for path in map(os.fspath, paths):
        below = next((path.removeprefix(f"{root}/") for root in roots if path.startswith(f"{root}/")), path)
        found.add(below.replace(os.sep, "/"))
    return found
