# SPDX-License-Identifier: AGPL-3.0-or-later
"""The site's Pelican plugins: one promise a file, `register()` its only door."""

ASSIGNS_ONLY = True
"""Whatever is here gives posts and pages attributes by assigning them, and changes none in place: what has been
assigned is seen by plugins.incremental."""
