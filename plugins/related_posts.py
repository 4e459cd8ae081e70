# SPDX-License-Identifier: AGPL-3.0-or-later
"""Gives each post exactly three related ones."""


def register() -> None:
    """Connect this plugin to Pelican (called once by Pelican)."""
