# SPDX-License-Identifier: AGPL-3.0-or-later
"""Minifies the finished HTML."""


def register() -> None:
    """Connect this plugin to Pelican (called once by Pelican)."""
