# SPDX-License-Identifier: AGPL-3.0-or-later
"""What `aliases:` may say: addresses that a text had before, from which readers are led to it.

They are written into a file of redirects and become folders, so an address with spaces, or one that climbs out of
the site, is refused.
"""

import re
from typing import Any

from plugins.front_matter import values
from plugins.front_matter.header import Header

ALIAS = re.compile(r"(?:/(?!\.)[\w.~%+,@()-]+)+/?")
OF_THE_SERVICE = re.compile(r"/(?:api|admin|dev|healthz|metrics|readyz)(?:/|$)")
EXAMPLE = "Write each on its own line, as it stands after the host: - /2012/05/old-title/"


def alias_list(value: Any) -> list[str]:
    """Return the aliases that a field holds; none where it is no list of texts."""
    return list(dict.fromkeys(values.slug_list(value) or []))


def check_aliases(header: Header) -> None:
    """Old addresses are addresses of this site, and not the service's."""
    found = header.fields.get("aliases")
    if found is None:
        return
    if values.slug_list(found.value) is None:
        header.wrong(found.line, f"aliases is not a list of addresses. {EXAMPLE}")
        return
    for alias in alias_list(found.value):
        if OF_THE_SERVICE.match(alias):
            header.wrong(found.line, f'The alias "{alias}" is an address of the service. Take it out.')
        elif not ALIAS.fullmatch(alias):
            header.wrong(found.line, f'The alias "{alias}" is no address of this site. {EXAMPLE}')


def check_no_alias_twice(headers: list[Header]) -> None:
    """No address leads to two texts; the later file is told, with the earlier one."""
    first: dict[str, Header] = {}
    for header in headers:
        found = header.fields.get("aliases")
        for alias in alias_list(found.value) if found else []:
            other = first.setdefault(alias.rstrip("/"), header)
            if found and other is not header:
                there = f"{other.path}:{other.line('aliases')}"
                header.wrong(found.line, f'The alias "{alias}" stands in {there} too. Keep one of the two.')
