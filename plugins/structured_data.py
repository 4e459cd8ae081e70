# SPDX-License-Identifier: AGPL-3.0-or-later
"""Describes pages to machines as JSON-LD."""


def register() -> None:
    """Connect this plugin to Pelican (called once by Pelican)."""
