# SPDX-License-Identifier: AGPL-3.0-or-later
"""Turns the whitepaper shortcode into a form."""


def register() -> None:
    """Connect this plugin to Pelican (called once by Pelican)."""
