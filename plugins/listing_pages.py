# SPDX-License-Identifier: AGPL-3.0-or-later
"""Numbers listing pages from the oldest, so that a full page never changes."""


def register() -> None:
    """Connect this plugin to Pelican (called once by Pelican)."""
