# SPDX-License-Identifier: AGPL-3.0-or-later
"""Stands for the code that makes a result, so that nothing is kept that another version would make otherwise.

A package that names its version is believed; of any other, such as a site's own plugins, all source files count.
Which of them matter cannot be told by looking, so all of a package do.
"""

import importlib.util
import sys
from collections.abc import Iterable
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any


def stamp(modules: Iterable[str]) -> str:
    """Return a text that changes with Python and with any package to which one of the modules belongs."""
    packages = sorted({_package(name) for name in modules})
    told = "\n".join([sys.version, *(f"{name} {version_of(name)}" for name in packages)])
    return sha256(told.encode()).hexdigest()


def _package(module: str) -> str:
    """The package that is versioned: of a namespace, such as Pelican's plugins, the part below it."""
    parts = module.split(".")
    return ".".join(parts[:3]) if parts[:2] == ["pelican", "plugins"] else parts[0]


@cache
def version_of(package: str) -> str:
    """Return a package's version, else the hash of its sources; "" where it cannot be found."""
    version: Any = vars(sys.modules[package]).get("__version__") if package in sys.modules else None
    if isinstance(version, str):
        return version
    try:
        found = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return ""
    if found is None:
        return ""
    if found.submodule_search_locations is None:
        files = [Path(found.origin)] if found.origin and Path(found.origin).is_file() else []
    else:
        files = sorted(file for folder in found.submodule_search_locations for file in Path(folder).rglob("*.py"))
    sources = sha256()
    for file in files:
        data = file.read_bytes()
        sources.update(f"{file.name} {len(data)}\n".encode() + data)
    return sources.hexdigest()
