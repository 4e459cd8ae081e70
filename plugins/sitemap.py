# SPDX-License-Identifier: AGPL-3.0-or-later
"""Writes sitemap.xml and robots.txt."""


def register() -> None:
    """Connect this plugin to Pelican (called once by Pelican)."""
