# SPDX-License-Identifier: AGPL-3.0-or-later
"""Names what posts and pages show and link to from the site's root, so that they work at whatever host they are.

A preview, a clone on another port and a site published before it has a name are all read elsewhere than SITE_URL
says. Pelican would write SITE_URL before each `{static}` and `{filename}`, and the security policy would block
those pictures. What leaves the site still names the host: feeds ask for it, templates write it where it is due.
"""

from typing import Any

from pelican.plugins import signals


def name_from_root(generator: Any) -> None:
    """Take the host out of what Pelican puts before the addresses in texts and summaries."""
    generator.context["localsiteurl"] = ""


def register() -> None:
    """Connect this plugin to Pelican (called once by Pelican)."""
    signals.generator_init.connect(name_from_root)
