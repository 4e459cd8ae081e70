"""Sets up what this site is compared with, in a virtual environment of its own.

Pelican imports every plugin that is installed beside it, so the rivals' plugins must never come into .venv.
bench/build/rivals.txt is the lock, with hashes.
"""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

LOCK = Path(__file__).with_name("build") / "rivals.txt"
STAMP = ".installed"


def set_up(home: Path) -> Path:
    """Bring the environment up to date; return its Python. Exit with a sentence where that is impossible."""
    python, state = home / "bin" / "python", hashlib.sha256(LOCK.read_bytes()).hexdigest()
    stamp = home / STAMP
    if stamp.is_file() and stamp.read_text() == state:
        return python
    print("Installing stock Pelican and Hugo into an environment of their own ...", flush=True)
    shutil.rmtree(home, ignore_errors=True)
    options = ("--quiet", "--require-hashes", "-r", str(LOCK))
    if uv := shutil.which("uv"):
        steps = [[uv, "venv", "--quiet", "--python", sys.executable, str(home)]]
        steps += [[uv, "pip", "install", "--python", str(python), *options]]
    else:
        steps = [[sys.executable, "-m", "venv", str(home)], [str(python), "-m", "pip", "install", *options]]
    for step in steps:
        if subprocess.run(step, check=False).returncode:
            sys.exit("The programs to compare with could not be installed. Without them: --only ours")
    stamp.write_text(state)
    return python


def hugo(python: Path) -> Path:
    """Return Hugo itself, not the Python script that starts it."""
    return next(python.parent.parent.glob("lib/python*/site-packages/hugo/binaries/hugo*"))
