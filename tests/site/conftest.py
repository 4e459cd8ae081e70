"""The site as `make publish` builds it, once for each test process."""

import subprocess
import sys
from pathlib import Path

import pytest
from built_site import SITE_URL, Site
from project_copy import ROOT, clean_environment, copy_project


def run_publish(output: Path, project: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    """Publish the project into `output`, with what the build keeps beside it; as the Makefile does."""
    var = output.parent / "var"
    given = {"SITE_URL": SITE_URL, "VAR_DIR": str(var), "LEADAPI_WHITEPAPER_DIR": str(var / "whitepapers")}
    command = [sys.executable, "scripts/build_site.py", "--publish", "--site", str(output)]
    environment = clean_environment(**given, **environment)
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """The production site of the content in this repository."""
    output = tmp_path_factory.mktemp("published") / "output"
    done = run_publish(output)
    assert done.returncode == 0, done.stdout + done.stderr
    return Site(output)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project that a test may change."""
    return copy_project(tmp_path / "project")
