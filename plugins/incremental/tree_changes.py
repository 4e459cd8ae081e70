# SPDX-License-Identifier: AGPL-3.0-or-later
"""Makes one tree of files like another for the price of what differs, and takes away what a build left behind.

Files are copied and never linked: who writes into one of two names of a file changes both, and one of the trees is
being read.
"""

import errno
import os
import shutil
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from stat import S_IFMT, S_IMODE, S_ISLNK

from plugins.incremental.trees import TOP, File, Tree, file_of, parent_of


def catch_up(tree: Tree, model: Tree, scratch: str, *, hidden: bool = True) -> bool:
    """Make a tree like its model; whether that took anything. `scratch` is a free name in the same file system.

    Another file comes in by a rename, so whoever still reads here reads one or the other, and old ones go last. A
    new one does too where the tree is not `hidden`.
    """
    before = (dict(tree.files), set(tree.folders))
    for path in sorted(tree.folders.keys() & model.files.keys()):
        _remove_folder(tree, path)
    for path in tree.files.keys() & model.folders.keys():
        _remove_file(tree, path)
    for path in sorted(model.folders.keys() - tree.folders.keys()):
        os.mkdir(f"{tree.root}/{path}")  # noqa: PTH102 - thousands of them
        tree.folders[path] = tree.folders[parent_of(path)] = None
    for path, wanted in model.files.items():
        has = tree.files.get(path)
        if has is None or has.content != wanted.content or S_IFMT(has.mode) != S_IFMT(wanted.mode):
            free = hidden and has is None
            tree.files[path] = _copy(
                f"{model.root}/{path}", f"{tree.root}/{path}", wanted, "" if free else scratch
            )
            tree.folders[parent_of(path)] = None
        elif (has.mode, has.written) != (wanted.mode, wanted.written):
            tree.files[path] = _dress(f"{tree.root}/{path}", wanted)
    for path in tree.files.keys() - model.files.keys():
        _remove_file(tree, path)
    for path in sorted(tree.folders.keys() - model.folders.keys()):
        _remove_folder(tree, path)
    return before != (tree.files, set(tree.folders))


def _dress(path: str, like: File) -> File:
    """Give a file the mode and the time of one with the same content, unless it is another's too."""
    if Path(path).lstat().st_nlink > 1:  # STATIC_CREATE_LINKS
        return file_of(like.content, Path(path).lstat())
    if not S_ISLNK(like.mode):
        Path(path).chmod(S_IMODE(like.mode))
    os.utime(path, ns=(like.written, like.written), follow_symlinks=False)
    return file_of(like.content, Path(path).lstat())


def _copy(source: str, target: str, like: File, scratch: str) -> File:
    """Copy a file or link with its mode and time; by way of `scratch`, if any."""
    if scratch:
        with suppress(FileNotFoundError):
            Path(scratch).unlink()
        _copy(source, scratch, like, "")
        Path(scratch).replace(target)
        return file_of(like.content, Path(target).lstat())
    if S_ISLNK(like.mode):
        Path(target).symlink_to(Path(source).readlink())
        return _dress(target, like)
    with open(source, "rb", buffering=0) as old, open(target, "xb", buffering=0) as new:  # noqa: PTH123
        if not _copied_by_the_system(old.fileno(), new.fileno(), like.size):
            shutil.copyfileobj(old, new)
        if os.fstat(new.fileno()).st_mode != like.mode:
            os.chmod(new.fileno(), S_IMODE(like.mode))  # noqa: PTH101
        os.utime(new.fileno(), ns=(like.written, like.written))
        return file_of(like.content, os.fstat(new.fileno()))


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
    tree.folders[parent_of(path)] = None


def _remove_folder(tree: Tree, path: str) -> None:
    """Remove a folder with whatever is in it."""
    if path not in tree.folders:  # with the one that it was in
        return
    shutil.rmtree(f"{tree.root}/{path}")
    tree.folders[parent_of(path)] = None
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
        parent = parent_of(path)
        while parent != TOP:
            try:
                os.rmdir(f"{tree.root}/{parent}")  # noqa: PTH106
            except OSError:  # something is in it
                break
            del tree.folders[parent]
            parent = parent_of(parent)
            tree.folders[parent] = None


def give_back_times(tree: Tree, model: Tree) -> None:
    """Let a file that holds the same as in the model be as old as there: no reader has to fetch it again."""
    for path, file in tree.files.items():
        same = model.files.get(path)
        if same and same.content == file.content and same.written != file.written:
            tree.files[path] = _dress(f"{tree.root}/{path}", file._replace(written=same.written))
