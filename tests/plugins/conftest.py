"""Builds small real sites: the plugins are tried through Pelican itself, with the project's own settings.

A test names the files of a content folder; `make_site` builds them in this process and returns the output
folder, `run_pelican` does the same by the command line, for promises about exit codes and messages.
"""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from blinker import Signal
from pelican import Pelican
from pelican.plugins import signals
from pelican.settings import read_settings
from small_sites import ROOT, MakeSite, RunPelican, remove_site, theme_folder, write_files


@pytest.fixture
def make_site(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> MakeSite:
    """Builds in this process, with the receivers of earlier builds forgotten."""
    monkeypatch.syspath_prepend(str(ROOT))

    def build(
        files: Mapping[str, str | bytes | Path],
        *,
        templates: Mapping[str, str] | None = None,
        theme: str | None = None,
        plugins: list[str] | None = None,
        keep_output: bool = False,
        **settings: Any,
    ) -> Path:
        content, output = tmp_path / "content", tmp_path / "output"
        write_files(content, files)
        write_files(tmp_path / "templates", templates or {})
        if not keep_output:
            remove_site(output)
        override: dict[str, Any] = {
            "PATH": str(content),
            "OUTPUT_PATH": str(output),
            "VAR_DIR": str(tmp_path / "var"),
            "WHITEPAPER_DIR": str(tmp_path / "var" / "whitepapers"),
            "CACHE_PATH": str(tmp_path_factory.getbasetemp() / "cache"),
            "THEME": str(theme_folder(tmp_path, theme)),
            "THEME_TEMPLATES_OVERRIDES": [str(tmp_path / "templates")],
            "SITEURL": "https://blog.example.com",
            "FEED_DOMAIN": "https://blog.example.com",
            "API_URL": "",
            "COMMENTS_URL": "",
            "CHECK_STRICT": True,
            **settings,
        }
        if plugins is not None:
            override["PLUGINS"] = plugins
        for value in vars(signals).values():
            if isinstance(value, Signal):
                value._clear_state()
        Pelican(read_settings(str(ROOT / "pelicanconf.py"), override=override)).run()
        return output

    return build


@pytest.fixture
def run_pelican(tmp_path: Path) -> RunPelican:
    """Builds `tmp_path/content` into `tmp_path/output` in a process of its own."""

    def run(files: Mapping[str, str | bytes | Path], *arguments: str) -> subprocess.CompletedProcess[str]:
        write_files(tmp_path / "content", files)
        command = [sys.executable, "-m", "pelican", str(tmp_path / "content"), "-o", str(tmp_path / "output")]
        command += ["-s", str(ROOT / "pelicanconf.py"), "-t", str(ROOT / "theme"), *arguments]
        environment = {
            **os.environ,
            "VAR_DIR": str(tmp_path / "var"),
            "LEADAPI_WHITEPAPER_DIR": str(tmp_path / "var" / "whitepapers"),
            "COMMENTS_URL": "",
        }
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)

    return run
