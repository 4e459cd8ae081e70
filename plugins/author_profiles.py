# SPDX-License-Identifier: AGPL-3.0-or-later
"""Reads content/authors/."""


def register() -> None:
    """Connect this plugin to Pelican (called once by Pelican)."""
