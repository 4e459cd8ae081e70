"""What is committed is what was checked: the hook looks at what is staged, and moves nothing of the work aside."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MAKEFILE = """PY = python3
{hooks}
check:
	@! grep -rn WRONG content
	@test "$$VAR_DIR" = "{folder}/var" && test -d .cache && test ! -e content/new.md
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository with this project's hook and a check of its own."""
    made = (ROOT / "Makefile").read_text().partition("\nhooks:")[2].partition("\n\n")[0]
    (tmp_path / "Makefile").write_text(MAKEFILE.format(hooks=f"hooks:{made}\n", folder=tmp_path))
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "check_staged.py", tmp_path / "scripts")
    (tmp_path / "content").mkdir()
    (tmp_path / "content" / "post.md").write_text("Good.\n")
    (tmp_path / ".gitignore").write_text(".*/\n")
    run(tmp_path, "git", "init", "-q")
    assert run(tmp_path, "make", "-s", "hooks").returncode == 0
    run(tmp_path, "git", "add", ".")
    done = commit(tmp_path)
    assert done.returncode == 0, done.stderr
    return tmp_path


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder, without what git or make around this test say."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "MAKE", "VAR_DIR"))}
    return subprocess.run(command, cwd=folder, env=ours, capture_output=True, text=True, check=False)


def commit(folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """Commit as bob."""
    bob = ("-c", "user.name=bob", "-c", "user.email=bob@example.com")
    return run(folder, "git", *bob, "commit", "-qm", "x", *more)


def test_what_is_staged_is_checked_and_not_what_lies_there(project: Path) -> None:
    """A staged mistake stops the commit though it is mended in the folder; one in the folder alone does not."""
    post = project / "content" / "post.md"
    post.write_text("WRONG\n")
    run(project, "git", "add", ".")
    post.write_text("Mended, and not staged.\n")
    (project / "content" / "new.md").write_text("WRONG, and not staged.\n")
    stopped = commit(project)
    assert stopped.returncode == 1
    assert "content/post.md:1:WRONG" in stopped.stdout + stopped.stderr
    assert "Nothing was committed. Mend what is named above, and stage it with git add." in stopped.stderr
    run(project, "git", "add", "content/post.md")
    post.write_text("WRONG again, and not staged.\n")
    assert commit(project).returncode == 0
    assert post.read_text() == "WRONG again, and not staged.\n"
    assert (project / "content" / "new.md").exists()
    assert "Mended" in run(project, "git", "show", "HEAD:content/post.md").stdout


def test_commit_all_checks_what_it_takes_along(project: Path) -> None:
    """`git commit -a` stages for itself, and the hook sees that."""
    (project / "content" / "post.md").write_text("WRONG\n")
    assert commit(project, "-a").returncode == 1
