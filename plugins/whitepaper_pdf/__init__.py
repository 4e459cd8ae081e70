# SPDX-License-Identifier: AGPL-3.0-or-later
"""Makes the whitepapers' PDFs, into a private folder."""


def register() -> None:
    """Connect this plugin to Pelican (called once by Pelican)."""
