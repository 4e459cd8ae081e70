# SPDX-License-Identifier: AGPL-3.0-or-later
"""Bundles, minifies and fingerprints CSS and JavaScript."""


def register() -> None:
    """Connect this plugin to Pelican (called once by Pelican)."""
