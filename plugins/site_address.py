# SPDX-License-Identifier: AGPL-3.0-or-later
"""Refuses a site address that would break every link that leaves the site.

Feeds, sitemap, JSON-LD and letters begin their addresses with SITE_URL. Without its scheme they lead nowhere, and
with a path they lead beside the pages, which name each other from the root. Neither shows on the site itself.
"""

from typing import Any
from urllib.parse import urlsplit

from pelican.plugins import signals

from plugins.mistakes import ContentMistakes, Mistake, print_mistakes_plainly


class AddressMistake(ContentMistakes):
    """SITE_URL is no address; its text is the whole message."""

    def __init__(self, text: str) -> None:
        super().__init__([Mistake("publishconf.py", 1, text)])
        self.args = (f"{text} Nothing was built.",)


def what_is_wrong(address: str) -> str:
    """Say why pages cannot be at an address, "" where they can; a preview may have none."""
    if not address:
        return ""
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https") or address.split() != [address]:
        return f'SITE_URL is "{address}", which is no address. Write it like https://blog.example.com.'
    if parts.path or parts.query or parts.fragment or parts.username:
        return (
            f'SITE_URL is "{address}", but the blog stands at the root of its host. '
            f"Write {parts.scheme}://{parts.netloc.rpartition('@')[2]}."
        )
    return ""


def check_address(pelican: Any) -> None:
    """Raise an AddressMistake before anything is read."""
    wrong = what_is_wrong(pelican.settings["SITEURL"])
    if wrong:
        raise AddressMistake(wrong)


def register() -> None:
    """Connect this plugin to Pelican (called once by Pelican)."""
    print_mistakes_plainly()
    signals.initialized.connect(check_address)
