"""The service's own pages wear the blog's header, style and language.

A visitor who presses a button must not feel that another program answers. The build writes an empty page of the
site in each language that it speaks; this room puts title and main part into the one of the visitor's language, or
where there is none into the site's own. Without that (first start, site never built) a plain page of ours is used,
so that an answer never depends on the build.

A page in another language than its shell says so around its main part (WCAG 2.2, 3.1.2).

The shell is filled in one pass, cut at its two tokens: what a visitor typed can therefore never be taken for
a token and be filled in a second time.
"""

import re
from functools import cache

from jinja2 import Environment, PackageLoader
from markupsafe import escape

from leadapi import languages
from leadapi.public_index import MAIN, TITLE, PublicIndex, is_shell

_TOKENS = re.compile(f"({re.escape(TITLE)}|{re.escape(MAIN)})")
_SHELL_LANGUAGE = re.compile(r"<html[^>]*\blang=[\"']?(\w+)", re.IGNORECASE)

PLAIN_SHELL = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta name="color-scheme" content="light dark">
<title>{TITLE}</title>
</head>
<body>
<main>
{MAIN}
</main>
</body>
</html>
"""


def render(name: str, site: PublicIndex, /, *, language: str | None = None, **values: object) -> str:
    """The page `templates/pages/{name}.html` in the site's shell and in the language, as a whole HTML document.

    Every value is escaped unless it is Markup. A template sets `title` (text of <title>) and gives the main
    part with its one <h1>. Without a language it is a page for the owner: in English, and in the site's own shell.
    """
    shell = site.shell if language is None else site.shell_in(languages.spoken(language))
    language = languages.spoken(language or languages.SOURCE)
    module = _templates(language).get_template(f"{name}.html").make_module(values | {"language": language})
    whole = shell if shell is not None and is_shell(shell) else PLAIN_SHELL
    around = _SHELL_LANGUAGE.search(whole)
    same = around is not None and around[1].lower() == language
    main = str(module) if same else f'<div lang="{language}">\n{module}\n</div>'
    parts = {TITLE: str(escape(module.title)), MAIN: main}  # type: ignore[attr-defined] # set by the template
    return "".join(parts.get(piece, piece) for piece in _TOKENS.split(whole))


@cache
def _templates(language: str) -> Environment:
    return languages.templates(PackageLoader("leadapi", "templates/pages"), language)
