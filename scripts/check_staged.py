"""Runs `make check` on what is about to be committed, which may be other than what lies in the folder.

    make hooks      # git runs this before each commit from then on

The staged files are written into a folder of their own (git checkout-index), so that nothing of the work in
progress is moved aside or could be lost. What is expensive to make is shared: the environment and the caches.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHARED = (".venv", ".cache", ".mypy_cache", ".ruff_cache")


def main() -> None:
    """Check what is staged; exit with make's code, and one sentence where that is not 0."""
    with tempfile.TemporaryDirectory(prefix="staged-") as name:
        folder = Path(name)
        export = ["git", "checkout-index", "--all", "--force", f"--prefix={folder}/"]
        subprocess.run(export, cwd=ROOT, check=True)  # noqa: S603 # own words; git says which index is meant
        for shared in SHARED:
            (ROOT / shared).mkdir(exist_ok=True)
            (folder / shared).symlink_to(ROOT / shared)
        environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
        environment.setdefault("VAR_DIR", str(ROOT / "var"))  # which addresses were public
        command = ["make", "--no-print-directory", "check"]
        done = subprocess.run(command, cwd=folder, env=environment, check=False)  # noqa: S603 # own words
    if done.returncode:
        sys.exit("Nothing was committed. Mend what is named above, and stage it with git add.")


if __name__ == "__main__":
    main()
