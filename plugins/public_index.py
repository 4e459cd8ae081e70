# SPDX-License-Identifier: AGPL-3.0-or-later
"""Tells the service which posts, whitepapers and pages exist."""


def register() -> None:
    """Connect this plugin to Pelican (called once by Pelican)."""
