# SPDX-License-Identifier: AGPL-3.0-or-later
"""Writes the JSON Feed beside Pelican's Atom and RSS."""


def register() -> None:
    """Connect this plugin to Pelican (called once by Pelican)."""
