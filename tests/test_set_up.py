"""Setting up on whatever machine: an old Python, Debian without venv, a changed lock, a torn install."""

import ast
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[1] / "scripts"
sys.path.insert(0, str(SCRIPTS))

import virtual_environment as subject  # noqa: E402 # scripts/ is no package


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A project in tmp_path whose installs are only noted: the list holds the names of the installed locks."""
    installed: list[str] = []
    (tmp_path / "requirements").mkdir()
    for name in ("site", "api", "dev"):
        (tmp_path / "requirements" / f"{name}.txt").write_text(f"# {name}\n")
    monkeypatch.setattr(subject, "ROOT", tmp_path)
    monkeypatch.setattr(subject, "HOME", tmp_path / ".venv")
    monkeypatch.setattr(subject, "PYTHON", tmp_path / ".venv" / "bin" / "python")
    monkeypatch.setattr(subject, "HALF_WAY", tmp_path / ".venv" / ".installing")
    monkeypatch.setattr(subject, "_install", lambda lock: installed.append(lock.stem))
    monkeypatch.setattr(subject, "_works", lambda: (tmp_path / ".venv" / "bin" / "python").exists())

    def make() -> None:
        shutil.rmtree(tmp_path / ".venv", ignore_errors=True)
        (tmp_path / ".venv" / "bin").mkdir(parents=True)
        (tmp_path / ".venv" / "bin" / "python").touch()
        installed.append(".venv")

    monkeypatch.setattr(subject, "_make_environment", make)
    return installed


def test_the_second_start_installs_nothing(machine: list[str]) -> None:
    """What is there already is not touched again."""
    subject.set_up(["site", "api"])
    assert machine == [".venv", "site", "api"]
    subject.set_up(["site", "api"])
    assert machine == [".venv", "site", "api"]


def test_whoever_can_test_can_serve(machine: list[str]) -> None:
    """The packages for the tests hold those of the site and of the service."""
    subject.set_up(["dev"])
    subject.set_up(["site", "api"])
    assert machine == [".venv", "dev"]


def test_a_changed_lock_is_installed_again(machine: list[str], tmp_path: Path) -> None:
    """After a pull with new versions the next start brings them, into the same environment."""
    subject.set_up(["site"])
    (tmp_path / "requirements" / "site.txt").write_text("# another version\n")
    subject.set_up(["site"])
    assert machine == [".venv", "site", "site"]


def test_a_killed_install_begins_anew(machine: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """An install that was torn leaves no half environment behind."""

    def torn(lock: Path) -> None:
        machine.append(f"{lock.stem} torn")
        raise KeyboardInterrupt

    with monkeypatch.context() as during:
        during.setattr(subject, "_install", torn)
        with pytest.raises(SystemExit, match="next start"):
            subject.set_up(["site"])
    subject.set_up(["site"])
    assert machine == [".venv", "site torn", ".venv", "site"]


def test_a_refused_install_is_told_and_tried_again(machine: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a network the sentence says so, and the environment stays as it was."""

    def refused(lock: Path) -> None:
        raise subject.NoWay("The packages were not installed: pip says above what is wrong.")

    with monkeypatch.context() as during:
        during.setattr(subject, "_install", refused)
        with pytest.raises(SystemExit, match="not installed"):
            subject.set_up(["site"])
    subject.set_up(["site"])
    assert machine == [".venv", "site"]


@pytest.mark.parametrize(("version", "package"), [((3, 11), "python3-venv"), ((3, 14), "python3.14-venv")])
def test_debian_without_venv_is_told_the_package(
    version: tuple[int, int], package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Debian's Python has no ensurepip until a package is installed: one sentence names exactly that package."""
    monkeypatch.setattr(subject, "ROOT", tmp_path)
    monkeypatch.setattr(subject, "HOME", tmp_path / ".venv")
    monkeypatch.setattr(subject, "PYTHON", tmp_path / ".venv" / "bin" / "python")
    monkeypatch.setattr(subject, "HALF_WAY", tmp_path / ".venv" / ".installing")
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "site.txt").touch()
    monkeypatch.setattr(subject.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(subject.shutil, "which", lambda name: "/usr/bin/apt" if name == "apt" else None)
    monkeypatch.setattr(subject.Path, "resolve", lambda path: Path("/usr/bin/python3.11"))

    class Version(tuple[int, ...]):
        major, minor = version

    monkeypatch.setattr(subject.sys, "version_info", Version((*version, 0)))
    with pytest.raises(SystemExit, match=f"apt install {package.replace('.', '[.]')}$"):
        subject.set_up(["site"])
    assert not (tmp_path / ".venv").exists()


def test_an_old_python_gets_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Python that is too old can read the file, and is told what is needed."""
    text = (SCRIPTS / "bootstrap.py").read_text()
    ast.parse(text, feature_version=(3, 4))
    monkeypatch.setattr(sys, "version_info", (3, 9, 2))
    monkeypatch.setattr(sys, "version", "3.9.2 (main)")
    with pytest.raises(SystemExit, match=r"^Python 3\.11 or newer is needed; this is 3\.9\.2 "):
        runpy.run_path(str(SCRIPTS / "bootstrap.py"), run_name="__main__")


def test_a_folder_that_cannot_be_written_gets_one_sentence(machine: list[str], tmp_path: Path) -> None:
    """Whoever cannot write in the clone is told where, without a traceback."""
    (tmp_path / ".cache").write_text("a file stands where the folder should be, which stops root too")
    with pytest.raises(
        SystemExit, match=rf"^Nothing can be written in {tmp_path}/\.cache: File exists\. Clone the"
    ):
        subject.set_up(["site"])
    assert machine == []


def test_the_checks_run_in_a_clone_that_was_moved() -> None:
    """No verb runs a program of .venv/bin by its own first line, which names the folder it was installed in."""
    run = subprocess.run(
        ["make", "-n", "check", "test", "serve"], cwd=SCRIPTS.parent, capture_output=True, text=True
    )
    programs = {word for word in run.stdout.split() if ".venv/bin/" in word}
    assert programs == {".venv/bin/python"}, run.stdout + run.stderr


def test_make_alone_lists_every_verb() -> None:
    """Each verb of the Makefile stands in the list with a line that says what it does."""
    made = subprocess.run(
        ["make", "--no-print-directory"], cwd=SCRIPTS.parent, capture_output=True, text=True, check=True
    ).stdout
    listed = {verb for line in made.splitlines() for verb in line.partition("  ")[0].split()}
    phony = next(
        line for line in (SCRIPTS.parent / "Makefile").read_text().splitlines() if line.startswith(".PHONY")
    )
    assert listed == set(phony.split()[1:])
