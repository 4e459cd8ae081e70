# SPDX-License-Identifier: AGPL-3.0-or-later
"""Checks every post's front matter and tells a mistake with file, line and fix."""


def register() -> None:
    """Connect this plugin to Pelican (called once by Pelican)."""
