"""What the site says of itself: which posts, whitepapers and pages exist, and the pages that ours are dressed in.

The build writes public-index.json and page-shell.html at the site's root, and for each further language that the
site speaks a shell in it, such as page-shell.de.html, which the index names. The posts lie in shards, such as
public-index/posts-3.json, which the index names with their SHA-256; in version 1, which sites have that were built
before, they stand in the index itself. This is all that the service knows about the site.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog

from leadapi.languages import spoken
from leadapi.tables import LONGEST_EDITION, LONGEST_SLUG
from leadapi.typed_text import printable

INDEX_FILE, SHELL_FILE = "public-index.json", "page-shell.html"
VERSIONS = (1, 2)
TITLE, MAIN = "[[shell:title]]", "[[shell:main]]"
"""Where a shell has place for what a page says."""

_OF_POST = ("title", "url", "language", "comments")
_OF_WHITEPAPER = ("title", "summary", "url", "thanks_url", "language", "edition")
_OF_PAGE = ("title", "url")
_OF_CONSENT = ("language", "text")

FIELDS = ("name", "company", "job_title", "phone", "country")
"""What a whitepaper's form may ask for beside the address."""

USUAL_FIELDS = {"name": "required", "company": "optional"}
"""What is asked for where the index does not say."""

MOST_SHARDS = 4096
"""Of how many shards an index may be made."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class PublicIndex:
    """One reading of the files; slugs map to what the build wrote of them."""

    site_name: str = ""
    site_url: str = ""
    language: str = "en"
    style_hash: str = ""
    comments_etag: str | None = None
    posts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    whitepapers: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    post_shards: Mapping[str, str] = field(default_factory=dict)
    """The SHA-256 of each shard with posts, by its key; none where the index itself holds them."""
    pages: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    fields: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By whitepaper, what its form asks for beside the address: "required" or "optional" by field."""
    consents: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By version, the language and text of every box that was ever shown; the last of a language is shown now."""
    shell: str | None = None
    """The page that ours are dressed in, in the site's language; None until the site has been seen once."""
    shell_languages: tuple[str, ...] = ()
    """In which further ones, of those that we speak, the site says that it has a shell."""
    shells: Mapping[str, str] = field(default_factory=dict)
    """The shells that were found in these languages, each with its two places."""

    def shell_in(self, language: str) -> str | None:
        """What a page in the language is dressed in: the shell in it, or the site's own."""
        return self.shells.get(language, self.shell)


def shell_file(language: str) -> str:
    """The name of the shell in a language other than the site's."""
    return f"page-shell.{language}.html"


def shard_file(key: str) -> str:
    """The path of a shard below the site's root."""
    return f"public-index/posts-{key}.json"


def is_shell(text: str) -> bool:
    """Whether a page can be put in."""
    return TITLE in text and MAIN in text


def parse(index: str, shell: str) -> PublicIndex:
    """The index and the site's own shell as one value. Raises ValueError when they are not what a build writes.

    Posts that lie in shards are not there yet: index_shards puts them in. A post or whitepaper that the database
    could not store is left out and logged: the others go on.
    """
    try:
        raw = json.loads(index)
        if raw["version"] not in VERSIONS:
            raise ValueError(f"{INDEX_FILE} is of version {raw['version']!r}, not 1 or 2")
        in_shards = raw["version"] > 1
        site = raw["site"]
        if MAIN not in shell:
            raise ValueError(f"{SHELL_FILE} has no place for a page's text")
        style_hash, comments_etag = _text(raw["style_hash"]), raw["comments_etag"]
        if not re.fullmatch(r"[A-Za-z0-9+/=_-]*", style_hash):
            raise ValueError(f"{INDEX_FILE} has a style_hash that no header can carry")
        return PublicIndex(
            site_name=_text(site["name"]),
            site_url=_text(site["url"]),
            language=_text(site["language"]),
            style_hash=style_hash,
            comments_etag=None if comments_etag is None else _text(comments_etag),
            posts={} if in_shards else _entries("posts", raw["posts"], _OF_POST),
            post_shards=_shards(raw["post_shards"]) if in_shards else {},
            whitepapers=_entries("whitepapers", raw["whitepapers"], _OF_WHITEPAPER),
            pages=_entries("pages", raw["pages"], _OF_PAGE),
            fields={slug: _asked(entry.get("fields")) for slug, entry in raw["whitepapers"].items()},
            consents=_entries("consents", raw.get("consents", {}), _OF_CONSENT),
            shell=shell,
            shell_languages=tuple(tag for tag in dict.fromkeys(raw.get("shells", ())) if spoken(tag) == tag),
        )
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"{INDEX_FILE} is not what a build writes: {error!r}") from error


def parse_posts(name: str, text: str) -> dict[str, Mapping[str, str]]:
    """The posts of a shard. Raises ValueError as `parse`."""
    try:
        return _entries("posts", json.loads(text), _OF_POST)
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"{name} is not what a build writes: {error!r}") from error


def _shards(raw: Any) -> dict[str, str]:
    shards = {_text(key): _text(digest) for key, digest in raw.items()}
    if len(shards) > MOST_SHARDS:
        raise ValueError(f"{INDEX_FILE} names {len(shards)} shards; at most {MOST_SHARDS} are read")
    for key, digest in shards.items():
        if not re.fullmatch(r"all|[0-9a-f]{1,8}", key) or not re.fullmatch(r"[0-9a-f]{64}", digest):
            raise ValueError(f"{INDEX_FILE} names a shard {key[:80]!r} that no build writes")
    return shards


def _entries(kind: str, raw: Any, names: Sequence[str]) -> dict[str, Mapping[str, str]]:
    entries: dict[str, Mapping[str, str]] = {
        _text(slug): {name: _text(entry[name]) for name in names} for slug, entry in raw.items()
    }
    for slug, entry in list(entries.items()):
        reason = _unstorable("slug", slug, LONGEST_SLUG)
        if reason := reason or _unstorable("edition", entry.get("edition", ""), LONGEST_EDITION):
            log.warning("index_entry_left_out", kind=kind, slug=slug[:80], reason=reason)
            del entries[slug]
    return entries


def _asked(raw: Any) -> dict[str, str]:
    if raw is None:
        return USUAL_FIELDS
    return {name: _text(raw[name]) for name in FIELDS if name in raw}


def _unstorable(what: str, text: str, longest: int) -> str | None:
    """Why the database could not keep the text, or None."""
    if len(text) > longest:
        return f"its {what} has {len(text)} characters; at most {longest} can be stored"
    return f"its {what} holds a sign that cannot be stored" if printable(text) != text else None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    value.encode()  # half a surrogate pair can be written in JSON, and then not be sent to anybody
    return value
