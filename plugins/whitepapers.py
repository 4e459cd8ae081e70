# SPDX-License-Identifier: AGPL-3.0-or-later
"""Reads content/whitepapers/ and writes their landing and thank-you pages."""


def register() -> None:
    """Connect this plugin to Pelican (called once by Pelican)."""
