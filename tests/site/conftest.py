"""The site as `make publish` builds it, once for each test process."""

from pathlib import Path

import pytest
from built_site import Site, run_publish
from project_copy import copy_project


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
