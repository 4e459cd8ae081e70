"""What must be true of the files of this repository, whatever the programs do."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from leadapi.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ("site", "api", "dev")
PIN = re.compile(r"^([a-z0-9-]+)(?:\[[^]]*])?==(\S+)", re.MULTILINE)

# Put together here, so that this file names no host either.
REGISTRIES = ["py" + "pi.org", "pythonhosted" + ".org", "npmjs" + ".org", "npmjs" + ".com", "yarnpkg" + ".com"]
HOMES = ["/ro" + "ot/", "/ho" + "me/", "/Us" + "ers/"]


def tracked() -> list[Path]:
    """Every file that git keeps, or would keep."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def texts() -> dict[str, str]:
    """The text files among them, by path."""
    found = {}
    for path in tracked():
        try:
            found[str(path.relative_to(ROOT))] = path.read_text()
        except UnicodeDecodeError:
            continue  # a picture, a font
    return found


def pins(name: str) -> dict[str, str]:
    """Package and version for each line of a lock."""
    return dict(PIN.findall((ROOT / "requirements" / f"{name}.txt").read_text()))


@pytest.mark.parametrize("name", LOCKS)
def test_every_locked_package_has_hashes(name: str) -> None:
    """A package that was changed on its way is refused."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    blocks = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert len(blocks) > 5
    assert [block.split()[0] for block in blocks if "--hash=sha256:" not in block] == []


@pytest.mark.parametrize("name", LOCKS)
def test_locks_name_no_address(name: str) -> None:
    """Where packages come from is the user's own configuration."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    assert "://" not in text
    assert "--index" not in text and "--find-links" not in text and "--extra-index" not in text


@pytest.mark.parametrize("name", ["site", "api"])
def test_the_locks_agree_with_the_one_that_is_tested(name: str) -> None:
    """What is published and served has exactly the versions that the tests ran with."""
    tested = pins("dev")
    assert {package: version for package, version in pins(name).items() if tested.get(package) != version} == {}


def test_the_site_and_the_service_share_no_framework() -> None:
    """Pelican is not installed where the service runs alone, nor FastAPI where the site is built."""
    assert "pelican" not in pins("api")
    assert "fastapi" not in pins("site")


def test_no_file_names_a_registry() -> None:
    """The repository works behind any mirror: it names no package registry's host."""
    assert [name for name, text in texts().items() if any(host in text for host in REGISTRIES)] == []


def test_no_file_names_a_folder_of_one_machine() -> None:
    """Nothing points into somebody's home."""
    pattern = re.compile("|".join(rf"(?<![\w./-]){re.escape(home)}" for home in HOMES))
    assert [name for name, text in texts().items() if pattern.search(text)] == []


def test_package_locks_of_npm_name_no_address_of_a_package() -> None:
    """npm too takes packages from wherever the user's configuration says."""
    locks = {name: text for name, text in texts().items() if name.endswith("package-lock.json")}
    assert locks
    assert [name for name, text in locks.items() if '"resolved"' in text] == []
    for name in locks:
        assert "omit-lockfile-registry-resolved=true" in (ROOT / name).with_name(".npmrc").read_text(), name


def test_plugins_carry_their_licence() -> None:
    """Each plugin says that it is AGPL, as Pelican is; nothing else in the repository is."""
    header = "# SPDX-License-Identifier: AGPL-3.0-or-later\n"
    files = {name: text for name, text in texts().items() if name.endswith(".py")}
    assert [name for name, text in files.items() if name.startswith("plugins/") != text.startswith(header)] == []


def test_every_module_says_why_it_is_so() -> None:
    """A Python file opens with a docstring."""
    silent = []
    for name, text in texts().items():
        lines = [line for line in text.splitlines() if not line.startswith("#")]
        if name.endswith(".py") and not (lines and lines[0].startswith(('"""', 'r"""'))):
            silent.append(name)
    assert silent == []


def test_python_files_stay_short() -> None:
    """A module fits into one head: 300 lines at most."""
    rooms = ("leadapi/", "plugins/", "scripts/", "bench/")
    lines = {name: text.count("\n") for name, text in texts().items() if name.endswith(".py")}
    assert {name: count for name, count in lines.items() if name.startswith(rooms) and count > 300} == {}


def test_the_build_server_gets_every_program_that_a_test_needs() -> None:
    """What a test asks apt for, where it is missing, .ci/run installs."""
    asked = {
        package
        for name, text in texts().items()
        if name.startswith("tests/") and name != "tests/test_needed.py"
        for packages in re.findall(r'needed\([^)]*package="([^"]+)"|apt install ([a-z][a-z -]*)"', text)
        for package in "".join(packages).split()
    }
    assert {"chromium", "nginx-light", "nodejs", "npm"} <= asked
    installed = set(re.findall(r'packages="\$packages ([a-z-]+)"', (ROOT / ".ci" / "run").read_text()))
    assert asked - installed == set()


def test_the_readme_names_verbs_that_exist() -> None:
    """Whatever `make` command a document names, the Makefile has."""
    verbs = set(re.findall(r"^([a-z-]+)(?: [a-z]+)*:(?!=)", (ROOT / "Makefile").read_text(), re.MULTILINE))
    verbs |= {"devserver"}
    named = set()
    for name, text in texts().items():
        if name.endswith((".md", ".toml")) and not name.startswith("content/"):
            named |= set(re.findall(r"(?:`|^)(?:[A-Z]+=\S+ )?make ([a-z][a-z-]+)", text, re.MULTILINE))
    assert named - verbs == set()


def test_every_promised_python_is_the_same() -> None:
    """pyproject.toml, netlify.toml and the bootstrap ask for the same Python."""
    oldest = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"].removeprefix(">=")
    netlify = tomllib.loads((ROOT / "netlify.toml").read_text())
    assert netlify["build"]["environment"]["PYTHON_VERSION"] == oldest
    assert f"sys.version_info < ({oldest.replace('.', ', ')})" in (ROOT / "scripts" / "bootstrap.py").read_text()


def test_every_setting_is_in_the_example() -> None:
    """.env.example lists each setting of the service once, with a sentence above it, and nothing else."""
    lines = (ROOT / ".env.example").read_text().splitlines()
    named = [match[1] for line in lines if (match := re.match(r"#? ?(LEADAPI_[A-Z_]+)=", line))]
    assert sorted(named) == sorted(f"LEADAPI_{name.upper()}" for name in Settings.model_fields)
    for number, line in enumerate(lines):
        if re.match(r"#? ?LEADAPI_[A-Z_]+=", line):
            assert re.match(r"# \S+ \S+", lines[number - 1]), f"{line} has no sentence above it"
