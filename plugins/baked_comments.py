# SPDX-License-Identifier: AGPL-3.0-or-later
"""Puts the approved comments into the pages."""


def register() -> None:
    """Connect this plugin to Pelican (called once by Pelican)."""
