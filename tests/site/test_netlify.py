"""netlify.toml, read by Netlify's own parsers, and deploy/nginx.conf say what the service says."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import fasteners
import pytest
from built_site import Site
from needed import needed
from project_copy import ROOT

from leadapi.guards import PLAIN_HEADERS, content_security_policy

FOLDER = ROOT / "tests" / "netlify"
SERVICE = "https://leads.progress-coaching.example"


@pytest.fixture(scope="module")
def netlify() -> dict[str, Any]:
    """What Netlify reads: redirects, headers, errors."""
    needed("node", "npm", package="nodejs npm")
    with fasteners.InterProcessLock(ROOT / ".cache" / "netlify-parsers.lock"):
        if not (FOLDER / "node_modules" / ".package-lock.json").exists():
            command = ["npm", "ci", "--silent", "--no-audit", "--no-fund"]
            subprocess.run(command, cwd=FOLDER, check=True, timeout=120)
    command = ["node", "parse.mjs", str(ROOT / "netlify.toml")]
    done = subprocess.run(command, cwd=FOLDER, check=True, capture_output=True, text=True, timeout=60)
    read: dict[str, Any] = json.loads(done.stdout)
    return read


def values(netlify: dict[str, Any], address: str) -> dict[str, str]:
    """The headers for the address pattern."""
    return next(rule["values"] for rule in netlify["headers"] if rule["for"] == address)


def test_netlify_understands_every_rule(netlify: dict[str, Any]) -> None:
    """No rule of the file is refused or silently dropped."""
    assert netlify["errors"] == []
    assert len(netlify["redirects"]) == (ROOT / "netlify.toml").read_text().count("[[redirects]]")
    assert len(netlify["headers"]) == (ROOT / "netlify.toml").read_text().count("[[headers]]")


@pytest.mark.parametrize("room", ["api", "admin"])
def test_the_service_is_reached_through_the_site(netlify: dict[str, Any], room: str) -> None:
    """/api/* and /admin/* are proxied, not redirected, and no file of the site stands in their way."""
    [rule] = [rule for rule in netlify["redirects"] if rule["from"] == f"/{room}/*"]
    assert (rule["to"], rule["status"], rule["force"]) == (f"{SERVICE}/{room}/:splat", 200, True)


def test_netlify_and_the_service_send_the_same_headers(netlify: dict[str, Any], published: Site) -> None:
    """A reader is protected alike, whoever answers; the policy holds the hash of the style as it is now."""
    style_hash = json.loads((published.folder / "public-index.json").read_text())["style_hash"]
    wanted = {**PLAIN_HEADERS, "Content-Security-Policy": content_security_policy(style_hash)}
    assert values(netlify, "/*") == wanted


def test_nginx_and_the_service_send_the_same_headers(published: Site) -> None:
    """deploy/nginx.conf protects a reader as the service does, with the hash of the style as it is now."""
    style_hash = json.loads((published.folder / "public-index.json").read_text())["style_hash"]
    text = (ROOT / "deploy" / "nginx.conf").read_text()
    sent = dict(re.findall(r'add_header (\S+) "([^"]+)" always;', text))
    assert sent == {**PLAIN_HEADERS, "Content-Security-Policy": content_security_policy(style_hash)}


def test_fingerprinted_files_are_kept_for_ever(netlify: dict[str, Any], published: Site) -> None:
    """What lies under /theme/ has its content's hash in its name, so it may be kept without asking."""
    assert "immutable" in values(netlify, "/theme/*")["Cache-Control"]
    names = [path.name for path in (published.folder / "theme").rglob("*") if path.is_file()]
    assert names and all(len(Path(name).stem.rpartition(".")[2]) >= 8 for name in names), names
