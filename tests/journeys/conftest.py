"""One machine for each module of journeys, and browsers with and without JavaScript."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from machines import Server, make_serve
from playwright.sync_api import Browser, BrowserContext
from project_copy import copy_project


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project, for servers that build and write."""
    return copy_project(tmp_path_factory.mktemp("machine") / "project")


@pytest.fixture(scope="module")
def blog(project: Path) -> Iterator[Server]:
    """The blog as `make serve` serves it."""
    server = make_serve(project).start()
    yield server
    server.stop()


@pytest.fixture(params=[True, False], ids=["with JavaScript", "without JavaScript"])
def scripts(request: pytest.FixtureRequest) -> bool:
    """Whether the visitor's browser runs JavaScript."""
    return bool(request.param)


@pytest.fixture
def visitor(browser: Browser, scripts: bool) -> Iterator[BrowserContext]:
    """A visitor's browser, in both ways."""
    context = browser.new_context(java_script_enabled=scripts)
    yield context
    context.close()


@pytest.fixture
def reader(browser: Browser) -> Iterator[BrowserContext]:
    """A visitor's browser with JavaScript."""
    context = browser.new_context()
    yield context
    context.close()


@pytest.fixture
def plain_reader(browser: Browser) -> Iterator[BrowserContext]:
    """A visitor's browser without JavaScript."""
    context = browser.new_context(java_script_enabled=False)
    yield context
    context.close()
