"""Programs that some tests need beside Python: without them they are skipped, or fail where all must be tried."""

import os
import shutil
from typing import NoReturn

import pytest

PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
"""Servers lie where only administrators look."""


def without(told: str) -> NoReturn:
    """End a test that cannot run here; CI=true, the build server's word, asks for every one."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{told}. CI=true asks for it.")
    pytest.skip(told)


def needed(*programs: str, package: str) -> None:
    """Go on only where the programs are installed; `package` is what to give apt."""
    missing = [name for name in programs if not shutil.which(name, path=PATH)]
    if missing:
        without(f"{' and '.join(missing)} cannot be found: apt install {package}")
