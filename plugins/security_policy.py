# SPDX-License-Identifier: AGPL-3.0-or-later
"""Says what a page of this site may load, and holds netlify.toml to it.

The one inline style is allowed by its hash (CSP Level 3, 2.3.1), and Netlify fills in nothing by itself: when the
style changes and the file does not, every page there loses its look, and no test of the site alone would see it.
"""

import tomllib
from pathlib import Path
from urllib.parse import urlsplit

from plugins.mistakes import ContentMistakes, Mistake, shown_path

HEADER = "Content-Security-Policy"


class PolicyMistake(ContentMistakes):
    """netlify.toml does not fit the site; its text is the whole message."""

    def __init__(self, mistake: Mistake) -> None:
        super().__init__([mistake])
        self.args = (f"{mistake} Nothing was built.",)


def content_security_policy(style_hash: str, api_url: str = "") -> str:
    """Return the policy's text; a service at another address (`api_url`) may be asked and sent forms."""
    api = origin(api_url)
    service = f"'self' {api}" if api else "'self'"
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self' '{style_hash}'; img-src 'self' data:; "
        f"font-src 'self'; connect-src {service}; form-action {service}; manifest-src 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )


def origin(url: str) -> str:
    """Return scheme, host and port of an absolute address, "" for an empty or relative one."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""


def directives(policy: str) -> dict[str, list[str]]:
    """Split a policy into its directives and their sources."""
    named = (part.split() for part in policy.split(";"))
    return {words[0].lower(): words[1:] for words in named if words}


def check_netlify(path: Path, style_hash: str, api_url: str) -> None:
    """Raise a PolicyMistake where the policy for all pages in `path` would block what the site needs.

    More sources than ours are the operator's business. A site that is not published by Netlify has no such file.
    """
    if not path.exists():
        return
    text = path.read_text(encoding="utf-8")
    try:
        rules = tomllib.loads(text).get("headers", [])
    except tomllib.TOMLDecodeError as error:
        raise PolicyMistake(Mistake(shown_path(str(path)), 1, f"The file is no valid TOML: {error}.")) from error
    policy = next((rule["values"].get(HEADER, "") for rule in rules if rule.get("for") == "/*"), "")
    has = directives(policy)
    needs = directives(content_security_policy(style_hash, api_url))
    missing = [
        " ".join((name, *needs[name]))
        for name in ("style-src", "connect-src", "form-action")
        if not set(needs[name]) <= set(has.get(name, []))
    ]
    if missing:
        line = next((n for n, words in enumerate(text.splitlines(), 1) if words.lstrip().startswith(HEADER)), 1)
        told = f"The {HEADER} does not fit this site; it must say: {'; '.join(missing)}."
        raise PolicyMistake(Mistake(shown_path(str(path)), line, told))
