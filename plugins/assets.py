# SPDX-License-Identifier: AGPL-3.0-or-later
"""Turns the theme's files into one inline style, one script and files that may be kept for ever.

The style stands in each page, the same bytes everywhere, so that a first visit needs one round trip less and the
security policy can name it by its hash (docs/decisions/0001). Everything else has its content's hash in its name:
browsers keep it without asking, and a changed file has another address. Raw styles and scripts are not published.
"""

import base64
import hashlib
import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import minify_html
from jinja2 import TemplateRuntimeError
from markupsafe import Markup
from pelican.plugins import signals

from plugins.incremental.value_stamps import MADE_OF
from plugins.mistakes import ContentMistakes, Mistake, shown_path
from plugins.security_policy import check_netlify

FIRST = ("tokens.css", "site.css")
RELOAD_SCRIPT = "js/dev/reload.js"
CSS_ADDRESS = re.compile(r"""url\(\s*(["']?)(?!data:|https?:|/|#)(?P<path>[^)"']+)\1\s*\)""")


@dataclass(frozen=True)
class ThemeFiles:
    """What pages need of the theme: `style` is CSS, `files` maps paths below the output to their bytes,
    `addresses` maps paths below theme/static to root-relative addresses."""

    style: str
    script_url: str
    files: dict[str, bytes]
    addresses: dict[str, str]

    @property
    def style_hash(self) -> str:
        """The hash by which a security policy allows the style (CSP Level 3, 2.3.1)."""
        return "sha256-" + base64.b64encode(hashlib.sha256(self.style.encode()).digest()).decode()

    @property
    def style_element(self) -> Markup:
        """The style as it stands in each page."""
        return Markup(f"<style>{self.style}</style>")  # noqa: S704  # our own file

    def asset(self, path: str) -> str:
        """Return the address of a file below theme/static; a template that names no such file is told."""
        if path not in self.addresses:
            raise TemplateRuntimeError(f"There is no theme/static/{path}, which asset() asks for")
        return self.addresses[path]


def read_theme(static: Path, live_reload: bool) -> ThemeFiles:
    """Read the theme's static folder. Raises ContentMistakes where a style names a file that is not there."""
    files: dict[str, bytes] = {}
    addresses: dict[str, str] = {}

    def add(name: str, data: bytes) -> str:
        path = f"theme/{fingerprinted(name, data)}"
        files[path] = data
        return f"/{path}"

    for path in sorted(static.rglob("*")):
        name = path.relative_to(static).as_posix()
        if path.is_file() and not name.startswith(("css/", "js/", ".")) and not path.name.startswith("."):
            addresses[name] = add(name, path.read_bytes())
    styles = [resolved(path, addresses) for path in in_order((static / "css").glob("*.css"))]
    scripts = [path.read_text(encoding="utf-8") for path in in_order((static / "js").glob("*.js"))]
    if live_reload and (static / RELOAD_SCRIPT).exists():
        scripts.append((static / RELOAD_SCRIPT).read_text(encoding="utf-8"))
    script_url = add("js/site.js", minified_script("\n".join(scripts)).encode())
    return ThemeFiles(minified_style("\n".join(styles)), script_url, files, addresses)


def in_order(paths: Iterable[Path]) -> list[Path]:
    """The tokens and the site's own style first, then by name."""
    return sorted(
        paths, key=lambda path: (FIRST.index(path.name) if path.name in FIRST else len(FIRST), path.name)
    )


def fingerprinted(name: str, data: bytes) -> str:
    """Put the first 8 digits of the content's SHA-256 before the name's ending."""
    stem, ending = posixpath.splitext(name)
    return f"{stem}.{hashlib.sha256(data).hexdigest()[:8]}{ending}"


def resolved(style: Path, addresses: dict[str, str]) -> str:
    """Return a style with the addresses of the files it names: it moves from its file into every page."""
    text = style.read_text(encoding="utf-8")

    def address(found: re.Match[str]) -> str:
        name = posixpath.normpath(f"css/{found['path']}")
        if name not in addresses:
            line = text.count("\n", 0, found.start()) + 1
            told = f"There is no theme/static/{name}. Put the file there or take the address out."
            raise ContentMistakes([Mistake(shown_path(str(style)), line, told)])
        return f"url({addresses[name]})"

    return CSS_ADDRESS.sub(address, text)


def minified_style(css: str) -> str:
    """Return the same style in fewer bytes."""
    return minify_html.minify(f"<style>{css}</style>", minify_css=True)[len("<style>") : -len("</style>")]


def minified_script(js: str) -> str:
    """Return the same classic script in fewer bytes.

    minify-html takes it for a module, which is strict anyway, and so drops the directive: it is put back.
    """
    small = minify_html.minify(f"<script>{js}</script>", minify_js=True)[len("<script>") : -len("</script>")]
    return small if small.startswith(('"use strict"', "'use strict'")) else f'"use strict";{small}'


def provide(pelican: Any) -> None:
    """Read the theme and teach the templates its names; Pelican asks for generators at the start of each build."""
    settings = pelican.settings
    theme = read_theme(Path(settings["THEME"], "static"), settings.get("LIVE_RELOAD", False))
    if settings.get("NETLIFY_TOML"):
        check_netlify(Path(settings["NETLIFY_TOML"]), theme.style_hash, settings["API_URL"])
    settings["THEME_FILES"], settings["STYLE_HASH"] = theme.files, theme.style_hash
    settings["THEME_STATIC_PATHS"] = []  # Pelican would copy the raw files
    names = {
        "style": lambda: theme.style_element,
        "script_url": lambda: theme.script_url,
        "asset": lambda path: theme.asset(path),
    }
    for function in names.values():
        setattr(function, MADE_OF, (theme.style, theme.script_url, theme.addresses))
    settings["JINJA_GLOBALS"] = {**settings["JINJA_GLOBALS"], **names}


def write_files(pelican: Any) -> None:
    """Write the script and the theme's other files."""
    for name, data in pelican.settings["THEME_FILES"].items():
        path = Path(pelican.settings["OUTPUT_PATH"], name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def register() -> None:
    """Connect this plugin to Pelican (called once by Pelican)."""
    signals.get_generators.connect(provide)
    signals.finalized.connect(write_files)
