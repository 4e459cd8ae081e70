# SPDX-License-Identifier: AGPL-3.0-or-later
"""Says how many minutes a post takes to read."""


def register() -> None:
    """Connect this plugin to Pelican (called once by Pelican)."""
