# SPDX-License-Identifier: AGPL-3.0-or-later
"""Takes away what earlier builds left in the output folder, once the new site stands there.

Pelican empties the folder first (DELETE_OUTPUT_DIRECTORY) and reads the content then: one mistake in a post, and
the last good site is gone. Here the old files stay until all is written. What this build has neither written nor
left as it was (unchanged_files) goes.
"""

import os
from pathlib import Path
from typing import Any

from pelican.plugins import signals

from plugins.unchanged_files import KEPT


def put_off(pelican: Any) -> None:
    """Keep Pelican from emptying the folder at the start."""
    pelican.old_files_go, pelican.delete_outputdir = pelican.delete_outputdir, False


def remember(pelican: Any) -> None:
    """Note what is there before the first file is written, and when each was changed last."""
    output, content = os.path.realpath(pelican.output_path), os.path.realpath(pelican.path)
    holds_content = os.path.commonpath([output, content]) == output
    found = old_files(Path(output)) if pelican.old_files_go and not holds_content else []
    kept = set(pelican.output_retention)
    pelican.old_files = {
        path: path.lstat().st_ctime_ns for path in found if path.relative_to(output).parts[0] not in kept
    }


def old_files(folder: Path) -> list[Path]:
    """Return all files below a folder; a link counts as one, wherever it leads."""
    found = []
    for parent, folders, files in os.walk(folder):
        links = [name for name in folders if Path(parent, name).is_symlink()]
        found += [Path(parent, name) for name in (*files, *links)]
    return found


def take_away(pelican: Any) -> None:
    """Delete what was there before and is not of this build, and the folders that this leaves empty."""
    as_they_lay = {Path(os.path.realpath(path)) for path in pelican.settings.get(KEPT, ())}
    for path, changed in pelican.old_files.items():
        if path in as_they_lay:
            continue
        if os.path.lexists(path) and path.lstat().st_ctime_ns == changed:
            path.unlink()
            for parent in path.parents:
                if parent == Path(pelican.output_path).resolve() or any(parent.iterdir()):
                    break
                parent.rmdir()


def register() -> None:
    """Connect this plugin to Pelican (called once by Pelican)."""
    signals.initialized.connect(put_off)
    signals.get_writer.connect(remember)
    signals.finalized.connect(take_away)
