# SPDX-License-Identifier: AGPL-3.0-or-later
"""Keeps drafts, future and hidden posts and what they attach out of the public site."""


def register() -> None:
    """Connect this plugin to Pelican (called once by Pelican)."""
