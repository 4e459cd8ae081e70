# SPDX-License-Identifier: AGPL-3.0-or-later
"""Gives each post the one before and the one after it."""


def register() -> None:
    """Connect this plugin to Pelican (called once by Pelican)."""
