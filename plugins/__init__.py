# SPDX-License-Identifier: AGPL-3.0-or-later
"""The site's Pelican plugins: one promise a file, `register()` its only door."""
