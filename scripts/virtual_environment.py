"""Makes .venv and installs locked packages into it, with what the machine happens to have.

A bare machine has Python and perhaps nothing else: no uv, no venv module, no pip. Each way is tried, the quickest
first, and when none is left one sentence names the package to install. A set of packages (requirements/site.txt
and so on) is installed again when its lock has changed; the stamp that says so is written last, and an
install that was killed half-way begins anew. Plain standard library. The user's pip configuration is left alone.
"""

import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".venv"
PYTHON = HOME / "bin" / "python"
HALF_WAY = HOME / ".installing"
LARGER = {"dev": ("site", "api")}
"""Sets that hold others: whoever has dev has site and api too (a test compares the locks)."""


class NoWay(Exception):
    """The machine cannot do it; the text says what to install."""


def set_up(sets: Sequence[str]) -> None:
    """Bring .venv to the state of the named locks; exit with a sentence where that is impossible."""
    try:
        with _alone():
            _bring_up_to_date(sets)
    except NoWay as why:
        sys.exit(str(why))
    except KeyboardInterrupt:
        sys.exit("Stopped. The next start takes up where this one left.")


def _bring_up_to_date(sets: Sequence[str]) -> None:
    due = [name for name in sets if not _is_installed(name)]
    if not due:
        return
    if HALF_WAY.exists() or not _works():
        _make_environment()
    for name in due:
        if _is_installed(name):
            continue
        print(f"Installing the packages of requirements/{name}.txt into .venv ...", flush=True)
        HALF_WAY.touch()
        try:
            _install(_lock(name))
        except NoWay:
            HALF_WAY.unlink()  # refused, not torn: what was there before still is
            raise
        HALF_WAY.unlink()
        for each in (name, *LARGER.get(name, ())):
            _stamp(each).write_text(_state(each))


def _lock(name: str) -> Path:
    lock = ROOT / "requirements" / f"{name}.txt"
    if not lock.is_file():
        raise NoWay(f"There is no requirements/{name}.txt; the sets are site, api and dev.")
    return lock


def _stamp(name: str) -> Path:
    return HOME / f".installed-{name}"


def _state(name: str) -> str:
    return hashlib.sha256(_lock(name).read_bytes()).hexdigest()


def _is_installed(name: str) -> bool:
    try:
        return PYTHON.exists() and _stamp(name).read_text() == _state(name)
    except OSError:
        return False


@contextmanager
def _alone() -> Iterator[None]:
    """Two terminals must not install at once: the second one waits."""
    path = ROOT / ".cache" / "bootstrap.lock"
    try:
        path.parent.mkdir(exist_ok=True)
        path.touch()
    except OSError as error:
        told = f"Nothing can be written in {path.parent}: {error.strerror}."
        raise NoWay(f"{told} Clone the project into a folder of your own.") from error
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _run(*command: str | Path, quiet: bool = True) -> bool:
    """Whether the command succeeded. Its output is shown unless `quiet`."""
    sink = subprocess.DEVNULL if quiet else None
    environment = {**os.environ, "UV_PYTHON_DOWNLOADS": "never", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    try:
        done = subprocess.run(command, stdout=sink, stderr=sink, env=environment, check=False)  # noqa: S603 # own words
    except OSError:
        return False
    return done.returncode == 0


def _works() -> bool:
    """Whether .venv holds a Python that runs and is new enough (an upgrade of the system may have taken it)."""
    return _run(PYTHON, "-c", "import sys; sys.exit(sys.version_info < (3, 11) or sys.prefix == sys.base_prefix)")


def _uv() -> str | None:
    found = shutil.which("uv")
    return found if found and _run(found, "--version") else None  # a version manager's shim may lead nowhere


def _make_environment() -> None:
    ways: list[tuple[str | Path, ...]] = []
    if uv := _uv():
        ways.append((uv, "venv", "--quiet", "--python", sys.executable, HOME))
    if importlib.util.find_spec("ensurepip"):
        ways.append((sys.executable, "-m", "venv", HOME))
    if importlib.util.find_spec("venv") and importlib.util.find_spec("pip"):
        ways.append((sys.executable, "-m", "venv", "--without-pip", HOME))
    for way in ways:
        shutil.rmtree(HOME, ignore_errors=True)
        if _run(*way) and _works():
            return
    shutil.rmtree(HOME, ignore_errors=True)
    raise NoWay(_what_is_missing())


def _what_is_missing() -> str:
    """The sentence that names the package: Debian and its kin split venv and pip off from Python."""
    if not shutil.which("apt"):
        return f"{sys.executable} can make no virtual environment: install its venv and ensurepip modules, or uv."
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    of_the_system = Path("/usr/bin/python3").resolve() == Path("/usr/bin", version)
    package = "python3-venv" if of_the_system else f"{version}-venv"
    return f"Python's venv module is missing. Install it and try again: apt install {package}"


def _install(lock: Path) -> None:
    """Install by uv, by the environment's own pip, or by the pip of the Python that it was made from."""
    tried = False
    if uv := _uv():
        tried = True
        if _run(uv, "pip", "install", "--quiet", "--python", PYTHON, "--require-hashes", "-r", lock, quiet=False):
            return
        print("uv did not manage; trying pip.", flush=True)
    options = ("install", "--quiet", "--require-hashes", "-r", lock)
    if _run(PYTHON, "-m", "pip", "--version") or _run(PYTHON, "-m", "ensurepip", "--default-pip"):
        pip: tuple[str | Path, ...] = (PYTHON, "-m", "pip")
    elif _run(sys.executable, "-m", "pip", "--python", PYTHON, "--version"):
        pip = (sys.executable, "-m", "pip", "--python", PYTHON)
    elif tried:
        raise NoWay("The packages were not installed: uv says above what is wrong.")
    else:
        raise NoWay(_what_is_missing())
    if not _run(*pip, *options, quiet=False):
        raise NoWay("The packages were not installed: pip says above what is wrong. The next start tries again.")
