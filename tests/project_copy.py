"""A copy of the project in a folder of its own, so that a test may write posts and break files."""

import os
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("content", "deploy", "leadapi", "plugins", "scripts", "theme", "requirements")
FILES = ("pelicanconf.py", "publishconf.py", "netlify.toml", "Makefile", "pyproject.toml")

POST = """---
title: {title}
date: {date}
author: Codie Lynn Thompson
category: Sales
tags: [trust]
summary: A post that a test has written.
slug: {slug}
status: {status}
---
{text}
"""


def copy_project(folder: Path) -> Path:
    """Copy what runs and what is read into `folder`, with the environment that the tests run in."""
    folder.mkdir(parents=True)
    for name in PARTS:
        shutil.copytree(ROOT / name, folder / name)  # what Python has compiled too, which saves each copy a second
    for name in FILES:
        shutil.copy(ROOT / name, folder / name)
    cards = Path(".cache", "social-cards")  # named by all that they are made of; to draw them anew takes a second
    (folder / cards).mkdir(parents=True)
    for card in (ROOT / cards).glob("*.png"):
        shutil.copy(card, folder / cards)
    (folder / ".venv").symlink_to(Path(sys.prefix))
    return folder


def clean_environment(**given: str) -> dict[str, str]:
    """The environment without anything that tells the programs of this project what to do, and with `given`."""
    ours = (
        "LEADAPI_",
        "SITE_URL",
        "API_URL",
        "COMMENTS_URL",
        "VAR_DIR",
        "LIVE_RELOAD",
        "CONTEXT",
        "CI",
        "NETLIFY",
        "MAKE",
        "MFLAGS",
    )
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)} | given


def write_post(
    project: Path, slug: str, text: str, *, status: str = "published", date: str = "2012-06-02"
) -> Path:
    """Write a post whose title is its slug in words."""
    path = project / "content" / "articles" / f"{slug}.md"
    title = slug.replace("-", " ").capitalize()
    path.write_text(POST.format(title=title, date=date, slug=slug, status=status, text=text))
    return path
