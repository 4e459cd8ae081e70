# SPDX-License-Identifier: AGPL-3.0-or-later
"""Leads readers from an address that a text had before to the one that it has now.

Whoever linked to the old address, or keeps it in a letter, does not know of the new one. Netlify reads
`_redirects`, and answers before anything is loaded; where the site is served as mere files, a small page stands at
the old address. It runs no script, which the site's security policy would block, and tells search engines which
address counts. A hidden post is led to by a page alone: `_redirects` would list it for anyone.
"""

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from pelican.plugins import signals

from plugins.findings import report, watch
from plugins.front_matter.alias_rules import alias_list
from plugins.front_matter.header import read_header
from plugins.hidden_posts import PUBLIC, contents_of
from plugins.mistakes import Mistake, shown_path
from plugins.site_addresses import addresses_to_come, plain, public_addresses

REDIRECTS = "_redirects"
AS_PAGES = ("", ".html", ".htm")
"""Endings of addresses at which a page can stand."""


def aliases_of(content: Any) -> list[str]:
    """Return the old addresses of a post or page."""
    return alias_list(content.metadata.get("aliases"))


def clashes(public: Sequence[Any], live: set[str]) -> Iterator[Mistake]:
    """Yield an error for each old address at which something else is; `live` are all that there are, `plain`."""
    for content in public:
        for alias in aliases_of(content):
            if plain(alias) in live:
                line = read_header(content.source_path).line("aliases")
                told = f'The alias "{alias}" is the address of something else. Take it out, or rename that.'
                yield Mistake(shown_path(content.source_path), line, told)


def check(generators: Sequence[Any]) -> None:
    """Report clashes, and keep the texts whose aliases are written."""
    settings, context = generators[0].settings, generators[0].context
    context["ALIASED"] = [one for one in contents_of(generators, PUBLIC) if aliases_of(one)]
    if context["ALIASED"]:
        live = public_addresses(generators, settings) | set(addresses_to_come(generators))
        report(settings, clashes(context["ALIASED"], live))


def redirects(contents: Sequence[Any]) -> str:
    """Return the file that Netlify reads; the mark after 301 has it win over the page that stands there."""
    pairs = [(alias, content.url) for content in contents for alias in aliases_of(content)]
    return "".join(f"{quote(alias, safe='/%')} /{url} 301!\n" for alias, url in sorted(pairs))


def page(content: Any, site_url: str) -> str:
    """Return the page that stands at an old address; its only words are the text's own title."""
    target, title = escape(f"/{content.url}"), escape(str(content.title))
    return (
        f'<!doctype html><html lang="{escape(content.lang)}"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="robots" content="noindex"><link rel="canonical" href="{escape(site_url)}{target}">'
        f'<meta http-equiv="refresh" content="0; url={target}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1"></head>'
        f'<body><main><h1><a href="{target}">{title}</a></h1></main></body></html>\n'
    )


def file_of(alias: str) -> str:
    """Return the file, below the site's root, of the page at an old address; "" where none can stand."""
    path = unquote(alias).strip("/")
    ending = Path(path).suffix if not alias.endswith("/") else ""
    if ending and ending.lower() not in AS_PAGES:
        return "" if ending[1:].isalpha() else f"{path}/index.html"
    return path if ending else f"{path}/index.html"


def write_all(generator: Any, **_: Any) -> None:
    """Write the redirects and the pages; without aliases nothing."""
    contents, output = generator.context.get("ALIASED", []), Path(generator.output_path)
    for content in contents:
        for alias in filter(None, map(file_of, aliases_of(content))):
            file = output / alias
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(page(content, generator.settings["SITEURL"]), encoding="utf-8")
    told = [content for content in contents if content.status != "hidden"]
    if told:
        (output / REDIRECTS).write_text(redirects(told), encoding="utf-8")


def register() -> None:
    """Connect this plugin to Pelican (called once by Pelican)."""
    watch()
    signals.all_generators_finalized.connect(check)
    signals.article_writer_finalized.connect(write_all)
