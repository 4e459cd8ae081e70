"""What every room of tests stands on: how much to try, and which browser there is."""

import gc
import os
import shutil
from collections.abc import Callable, Iterator

import pytest
from hypothesis import settings
from needed import without
from playwright.sync_api import Browser, sync_playwright

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
HOW_TO_GET_ONE = "No browser was found for the journeys: apt install chromium"
CHROMIUM_FLAGS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-sync",
    "--no-first-run",
]

Counts = Callable[[int, int], int]

WHOLE = os.environ.get("TEST_COUNTS") == "full"
settings.register_profile("small", max_examples=50, deadline=None)
settings.register_profile("full", max_examples=1_000, deadline=None)
settings.load_profile("full" if WHOLE else "small")


def browser_path() -> str | None:
    """The first Chromium on PATH."""
    return next((found for name in BROWSERS if (found := shutil.which(name))), None)


def pytest_collection_finish() -> None:
    """What all tests stand on is no garbage, and is not looked through for some again and again."""
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say in one line how to get a browser."""
    if browser_path() is None:
        terminalreporter.write_line(HOW_TO_GET_ONE)


@pytest.fixture(scope="session")
def counts() -> Counts:
    """`counts(small, full)`: the full number in `make test-full`, the small one otherwise."""
    return lambda small, full: full if WHOLE else small


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless Chromium, for one module: Playwright's event loop must not outlive it, others have their own."""
    path = browser_path()
    if path is None:
        without(HOW_TO_GET_ONE)
    sandbox = [] if os.getuid() else ["--no-sandbox"]  # Chromium refuses to sandbox itself as root
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=[*CHROMIUM_FLAGS, *sandbox])
        yield chromium
        chromium.close()
