# SPDX-License-Identifier: AGPL-3.0-or-later
"""Remembers which addresses were public, and says when one is gone and nothing leads on from it.

A new title makes a new address, and every link to the old one is dead; nothing on the site itself shows it. What
was public is kept in VAR_DIR, which outlives caches and the built site, once a site for the world is written
(REMEMBER_ADDRESSES); a preview is not the world. A machine that keeps no files between two builds asks the
published site's own index instead (LAST_INDEX). An address stays known until something leads on from it.
"""

import json
import os
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin

from pelican.plugins import signals

from plugins.aliases import aliases_of
from plugins.findings import findings, report, watch
from plugins.front_matter.header import read_header
from plugins.hidden_posts import contents_of
from plugins.mistakes import Mistake, shown_path, tell
from plugins.public_index import SHARD
from plugins.site_addresses import addresses_of_header, of_the_service, plain, public_addresses

LISTED = ("articles", "translations", "pages")
KEPT = "addresses.json"
SECONDS = 3.0
LARGEST = 32 * 1024 * 1024

Known = dict[str, str]
"""The source file, as it is shown, of each address that was public; "" where it is not known."""


def known_addresses(settings: dict[str, Any]) -> Known:
    """Return what was public of this content folder at the last good build for the world."""
    try:
        known = json.loads(Path(settings["VAR_DIR"], KEPT).read_bytes())[shown_path(settings["PATH"])]
        return {str(address): str(path) for address, path in known.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return published_addresses(settings.get("LAST_INDEX", ""))


def published_addresses(index: str) -> Known:
    """Return what the published site says of itself; nothing where it does not answer."""
    if not index.startswith(("http://", "https://")):
        return {}
    try:
        told = _asked(index)
        shards = [_asked(urljoin(index, SHARD.format(key=quote(key, safe="")))) for key in told["post_shards"]]
        named = [*shards, told["pages"], told["whitepapers"]]
        return {str(one["url"]): "" for some in named for one in some.values()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, HTTPException, RecursionError):
        return {}


def _asked(address: str) -> Any:
    with urllib.request.urlopen(address, timeout=SECONDS) as answer:  # noqa: S310  # http or https, as the caller saw
        return json.loads(answer.read(LARGEST))


def vanished(known: Known, live: set[str], settings: dict[str, Any]) -> Iterator[Mistake]:
    """Yield a warning for each address that was public and leads nowhere now; `live` are `plain`."""
    gone = {plain(address) for address in settings.get("GONE", ())}
    for address, path in sorted(known.items()):
        if plain(address) in live | gone or of_the_service(address):
            continue
        mend = f"aliases: [{address}]"
        if path and Path(path).is_file():
            header = read_header(path)
            line = header.line("slug" if "slug" in header.fields else "title")
            told = f"{address} was public and is gone. Add a line {mend} to lead its readers here, or restore it."
        else:
            told = (
                f"{address} was public and is gone. Add a line {mend} to the text that takes its place; "
                "if none does, name it in GONE in pelicanconf.py."
            )
            path, line = path or "pelicanconf.py", 1
        yield Mistake(path, line, told, warning=True)


def check(generators: Sequence[Any]) -> None:
    """Report what has vanished, and note what is public now."""
    settings, context = generators[0].settings, generators[0].context
    known = known_addresses(settings)
    contents = contents_of(generators, LISTED)
    now = {f"/{one.url}": shown_path(one.source_path) for one in contents}
    now |= {alias: shown_path(one.source_path) for one in contents for alias in aliases_of(one)}
    papers = getattr(settings.get("WHITEPAPER_LIBRARY"), "papers", ())
    now |= {f"/{paper.url}": shown_path(paper.source_path) for paper in papers}
    live = public_addresses(generators, settings) | set(map(plain, now))
    for header in findings(settings).unread.values():
        live |= addresses_of_header(header, settings)
    report(settings, vanished(known, live, settings))
    gone = set(settings.get("GONE", ()))
    context["ADDRESSES"] = {address: path for address, path in {**known, **now}.items() if address not in gone}


def remember(pelican: Any, addresses: Known) -> None:
    """Keep what is public, once the site is written; another content folder's addresses stay."""
    settings = pelican.settings
    file = Path(settings["VAR_DIR"], KEPT)
    kept: dict[str, Any] = {}
    with suppress(OSError, ValueError):
        read = json.loads(file.read_bytes())
        kept = read if isinstance(read, dict) else {}
    kept[shown_path(settings["PATH"])] = addresses
    fresh = file.with_name(f".{KEPT}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_text(json.dumps(kept, ensure_ascii=False, indent=1, sort_keys=True), encoding="utf-8")
        fresh.replace(file)
    except OSError as error:
        tell(f"Which addresses are public could not be kept in {file}: {error.strerror}.")


def note_written(generator: Any, **_: Any) -> None:
    """Hand the addresses on to the end of the build."""
    generator.settings["ADDRESSES_WRITTEN"] = generator.context.get("ADDRESSES", {})


def at_the_end(pelican: Any) -> None:
    """Remember the addresses where this site is one for the world."""
    written = pelican.settings.pop("ADDRESSES_WRITTEN", None)
    if pelican.settings.get("REMEMBER_ADDRESSES") and written is not None:
        remember(pelican, written)


def register() -> None:
    """Connect this plugin to Pelican (called once by Pelican)."""
    watch()
    signals.all_generators_finalized.connect(check)
    signals.article_writer_finalized.connect(note_written)
    signals.finalized.connect(at_the_end)
