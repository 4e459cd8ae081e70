"""What a small site is made of: a valid post, its author, a minimal theme, and the shapes of the fixtures."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

ROOT = Path(__file__).resolve().parents[2]

MINIMAL_TEMPLATES = {
    "base.html": "<!doctype html><html lang=en><title>{% block title %}{{ SITENAME }}{% endblock %}</title>"
    "<main>{% block main %}{% endblock %}</main></html>",
    "article.html": '{% extends "base.html" %}{% block main %}<h1>{{ article.title }}</h1>'
    "{{ article.content|safe }}{% endblock %}",
    "page.html": '{% extends "base.html" %}{% block main %}<h1>{{ page.title }}</h1>'
    "{{ page.content|safe }}{% endblock %}",
    "listing.html": '{% extends "base.html" %}{% block main %}'
    "{% for post in articles_page.object_list|default(articles_page) %}"
    '<a href="/{{ post.url }}">{{ post.title }}</a> {% endfor %}'
    "{% endblock %}",
    "index.html": '{% extends "listing.html" %}',
    "category.html": '{% extends "listing.html" %}',
    "tag.html": '{% extends "listing.html" %}',
    "author.html": '{% extends "listing.html" %}',
    "archives.html": '{% extends "base.html" %}{% block main %}'
    '{% for post in dates %}<a href="/{{ post.url }}">{{ post.title }}</a> {% endfor %}{% endblock %}',
    "archive_year.html": '{% extends "base.html" %}{% block main %}'
    '{% for post in archive_year.posts %}<a href="/{{ post.url }}">{{ post.title }}</a>{% endfor %}{% endblock %}',
    "404.html": '{% extends "base.html" %}',
    "page_shell.html": "<!doctype html><title>[[shell:title]]</title><main>[[shell:main]]</main>",
    "not_sent.html": '{% extends "base.html" %}',
    "whitepaper.html": '{% extends "base.html" %}{% block main %}{{ whitepaper.title }}{% endblock %}',
    "whitepaper_thanks.html": '{% extends "base.html" %}',
    "_call_to_action.html": '<section id="cta-{{ cta }}">{{ whitepaper.title }}</section>',
}

NO_WORDS = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n'
"""The catalogue of a theme that says nothing, so has nothing to translate."""

ALICE = """---
name: Alice Archer
slug: alice-archer
role: Coach
---
Alice coaches.
"""
"""The author of every post that `post()` writes."""


def post(
    title: str,
    date: str = "2024-01-02",
    body: str = "A few words.",
    *,
    author: str = "Alice Archer",
    category: str = "Coaching",
    tags: str = "[trust]",
    more: str = "",
) -> str:
    """The text of a valid post; `more` holds further lines of front matter, each ending in a newline."""
    return (
        f'---\ntitle: "{title}"\ndate: {date}\nauthor: {author}\ncategory: {category}\ntags: {tags}\n'
        f'summary: "About {title.lower()}."\n{more}---\n{body}\n'
    )


class MakeSite(Protocol):
    """Build a site from `{path below content/: text or bytes}` and return the output folder.

    `templates` stand before the theme's; `theme="minimal"` takes the small theme above.
    `plugins` replaces the project's list; further settings go by their names.
    Each call replaces the content; the output is emptied first unless `keep_output` is true.
    """

    def __call__(
        self,
        files: Mapping[str, str | bytes | Path],
        *,
        templates: Mapping[str, str] | None = None,
        theme: str | None = None,
        plugins: list[str] | None = None,
        keep_output: bool = False,
        **settings: Any,
    ) -> Path: ...


class RunPelican(Protocol):
    """Build by the command line, as `make serve` and Netlify do; returns the finished process."""

    def __call__(
        self, files: Mapping[str, str | bytes | Path], *arguments: str
    ) -> subprocess.CompletedProcess[str]: ...


def write_files(folder: Path, files: Mapping[str, str | bytes | Path]) -> None:
    """Make `folder` hold exactly these files; a `Path` becomes a link to it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(text, Path):
            path.symlink_to(text)
        else:
            path.write_bytes(text if isinstance(text, bytes) else text.encode())


def public_posts(output: Path) -> Any:
    """The posts that the service is told of, from all shards that the public index names."""
    named = json.loads((output / "public-index.json").read_text())["post_shards"]
    posts: dict[str, Any] = {}
    for key in named:
        posts |= json.loads((output / "public-index" / f"posts-{key}.json").read_text())
    return posts


def remove_site(output: Path) -> None:
    """Let there be no site, as before its first build."""
    shutil.rmtree(output.with_name(f".{output.name}.versions"), ignore_errors=True)
    if output.is_symlink():
        output.unlink()
    shutil.rmtree(output, ignore_errors=True)


def theme_folder(tmp_path: Path, theme: str | None) -> Path:
    """The project's theme, or with "minimal" the small one above."""
    if theme is None:
        return ROOT / "theme"
    folder = tmp_path / "minimal-theme"
    write_files(folder / "templates", MINIMAL_TEMPLATES)
    write_files(folder / "translations", {f"{name}/LC_MESSAGES/messages.po": NO_WORDS for name in ("de", "fr")})
    (folder / "static").mkdir(exist_ok=True)
    return folder
