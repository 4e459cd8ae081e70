# SPDX-License-Identifier: AGPL-3.0-or-later
"""Shows readers the whole old site or the whole new one, whatever becomes of the build.

Pelican writes for seconds into the folder that is read. With this plugin it writes into a tree that nobody sees,
which is first made like the one that is seen, and only a build that has ended well shows it. A second build of the
same site waits for the first. DELETE_OUTPUT_DIRECTORY means what it always did, at the end of the build: what was
there before and was not written again goes, what OUTPUT_RETENTION names stays.

While a build runs, settings["OUTPUT_PATH"] is the tree and settings["SITE_PATH"] the place that readers know. For
plugins that write only what has changed:

- settings["FILES_AS_BUILT"] says what each file of the tree holds, by its path there (trees.content_hash). What is
  missing, or is not what the plugin wrote, must be written.
- settings["KEPT_FILES"] is a set to which it adds the paths of those that it has not written and that belong to
  the site, in this process and before the build ends.
- The signal `site_is_whole` gives the hashes of all files of the new site before it is shown.
"""

import errno
import gc
import logging
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from blinker import signal
from pelican import utils
from pelican.plugins import signals

from plugins.incremental import places, tree_changes, trees
from plugins.incremental.new_files import written_anew
from plugins.incremental.places import Place
from plugins.incremental.trees import Tree

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)
TAKES_THE_FOLDER = ("CI", "NETLIFY")
"""Variables that machines set which build for a host; it takes up the folder, and cannot follow a link."""

WORTH_NOTING = 100
"""Files that were read since nothing was noted of them, so that the next build does not read them again."""

site_is_whole = signal("site_is_whole")

log = logging.getLogger(__name__)


@dataclass
class Build:
    """One run: where the site lies, the tree that readers see (none: without files), and the one to build in."""

    place: Place
    live: Tree
    tree: Tree
    caught_up: bool
    context: dict[str, Any] = field(default_factory=dict)


def bracket(pelican: Any) -> None:
    """Let each run of a Pelican build the site whole; with --autoreload there are many."""
    pelican.run = partial(run_whole, pelican, pelican.run)


def run_whole(pelican: Any, pelicans_own: Callable[[], None]) -> None:
    """Stand in for Pelican.run. Raises what that does, and OSError where a tree cannot be made ready or shown."""
    settings, output = pelican.settings, pelican.output_path
    if _holds_the_sources(output, settings):
        log.warning(
            "%s holds what the site is made of, so it is built in there: readers may see half of it.", output
        )
        pelicans_own()
        return
    place = places.place_of(output, Path(settings["CACHE_PATH"], "versions").absolute())
    with places.alone(place, partial(_say_that_we_wait, output)):
        with _without_gc():
            build = _prepared(place)
        with _built_in(build, pelican):
            pelicans_own()
        with _without_gc():
            _finish(build, pelican)


def _holds_the_sources(output: str, settings: dict[str, Any]) -> bool:
    """Whether the output folder is one that must stay where it is."""
    folder, here = os.path.realpath(output), os.path.realpath(os.curdir)
    sources = [os.path.realpath(path) for path in (settings["PATH"], settings["THEME"])]
    sources += [here] if here != folder else []  # whoever stands in the site itself is in nobody's way
    return any(os.path.commonpath([folder, path]) == folder for path in sources)


def _say_that_we_wait(output: str) -> None:
    said = f"Another build of {os.path.relpath(output)} is under way; this one begins when it has ended."
    print(said, file=sys.stderr, flush=True)


def _prepared(place: Place) -> Build:
    """Make the tree that nobody sees like the one that is seen."""
    seen = place.live()
    live = Tree("", folders={trees.TOP: None})
    if seen:
        live = trees.look(seen, trees.load(seen, place.notes(seen)))
        if live.read >= WORTH_NOTING:
            trees.save(live, place.notes(seen), place.scratch)
    rests = place.resting(seen)
    tree = trees.look(rests, trees.load(rests, place.notes(rests)))
    return Build(place, live, tree, tree_changes.catch_up(tree, live, place.scratch))


@contextmanager
def _without_gc() -> Iterator[None]:
    """Many thousands of small things are made, and none is garbage: to look for some takes as long as the rest."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@contextmanager
def _built_in(build: Build, pelican: Any) -> Iterator[None]:
    """Let Pelican and its plugins write into the tree that nobody sees."""
    settings, root = pelican.settings, build.tree.root
    output, old_files_go = pelican.output_path, pelican.delete_outputdir
    settings["WHOLE_SITE"], settings["SITE_PATH"], settings["KEPT_FILES"] = build, str(build.place.site), set()
    settings["FILES_AS_BUILT"] = {path: file.content for path, file in build.tree.files.items()}
    settings["OUTPUT_PATH"] = pelican.output_path = root
    pelican.delete_outputdir = False  # not yet: see _finish
    try:
        with written_anew(root), _copies_that_fail():
            yield
    finally:
        settings["OUTPUT_PATH"] = pelican.output_path = output
        pelican.delete_outputdir = old_files_go


@contextmanager
def _copies_that_fail() -> Iterator[None]:
    """Let a file that cannot be copied for want of room end the build; Pelican only warns of it."""

    def copy_or_raise(source: str, destination: str) -> None:
        try:
            shutil.copyfile(source, destination)
        except OSError as error:
            if error.errno in NO_ROOM:
                raise
            pelicans_own(source, destination)

    pelicans_own, utils.copy_file = utils.copy_file, copy_or_raise
    try:
        yield
    finally:
        utils.copy_file = pelicans_own


def note_static_files(generator: Any) -> None:
    """Remember where this build's static files are told: Pelican may leave alone those that are up to date."""
    if "WHOLE_SITE" in generator.settings:
        generator.settings["WHOLE_SITE"].context = generator.context


def _finish(build: Build, pelican: Any) -> None:
    """Take away what is old, and show the new site."""
    settings, place, live = pelican.settings, build.place, build.live
    tree = trees.look(build.tree.root, build.tree)
    if pelican.delete_outputdir:
        copied = build.context.get("staticfiles", ())  # also what a text only names
        static = (one.save_as for one in copied if Path(settings["PATH"], one.source_path).is_file())
        roots = (tree.root, str(place.site), os.path.abspath(pelican.output_path))  # noqa: PTH100
        kept = trees.relative([*settings["KEPT_FILES"], *static], *roots)
        tree_changes.remove_unwritten(tree, build.tree, kept, pelican.output_retention)
    tree_changes.give_back_times(tree, live)
    site_is_whole.send(pelican, files={path: file.content for path, file in tree.files.items()})
    real = _is_real(place, settings)
    if live.root and trees.alike(tree, live) and place.site.is_symlink() != real:
        if build.caught_up:
            _note(place, tree)
        return
    _note(place, tree)
    why = places.show(place, tree, real=real)
    if why:
        log.warning("%s cannot be exchanged (%s), so its files were, one after the other.", place.site, why)
    elif not real and place.lacks_a_tree():  # the first build makes it, and no later one costs the site's size
        rests = trees.look(place.resting(tree.root))
        tree_changes.catch_up(rests, tree, place.scratch)
        _note(place, rests)
    places.forget_others(place)


def _note(place: Place, tree: Tree) -> None:
    """Note a tree once it is on the disk: after a power cut its files would look as noted and hold nothing."""
    places.sync(tree.root)
    trees.save(tree, place.notes(tree.root), place.scratch)


def _is_real(place: Place, settings: dict[str, Any]) -> bool:
    """Whether the site is to be a real folder: OUTPUT_IS_REAL, else where somebody takes up the folder itself."""
    told = settings.get("OUTPUT_IS_REAL")
    if told is not None:
        return bool(told)
    taken = any(os.environ.get(name, "").lower() not in ("", "0", "false") for name in TAKES_THE_FOLDER)
    return taken or (place.site / ".git").exists()  # a repository within another is a folder to that one


def register() -> None:
    """Connect this plugin to Pelican (called once by Pelican)."""
    signals.initialized.connect(bracket)
    signals.static_generator_finalized.connect(note_static_files)
