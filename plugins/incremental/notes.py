# SPDX-License-Identifier: AGPL-3.0-or-later
"""Lets a plugin note for the next build what it has found out about the posts, and ask which of them are others.

A note is lost with the store, or by other settings or other code, Python's too; then the plugin finds it all out
once more. Marshal reads it, three times as fast as pickle.
"""

import marshal
from typing import Any

from plugins.incremental.kept_contents import is_kept
from plugins.incremental.site_rows import SiteRows

ROWS = "INCREMENTAL_ROWS"


def noted(settings: Any, name: str) -> Any:
    """Return what an earlier build of this very site has noted under a name, None where there is nothing."""
    rows: SiteRows | None = settings.get(ROWS)
    found = rows.note(name) if rows else None
    if found is None:
        return None
    try:
        return marshal.loads(found)  # noqa: S302 - our own file
    except Exception:  # a file that was broken by somebody
        return None


def note(settings: Any, name: str, value: Any) -> None:
    """Note something for the next build, of plain types alone: texts, numbers, tuples, lists, sets and dicts.

    Without a store nothing is noted.
    """
    rows: SiteRows | None = settings.get(ROWS)
    if rows:
        rows.put_note(name, marshal.dumps(value))


def kept_as(content: Any) -> str | None:
    """Return what stands for a post's or page's own file and all that was made of it; None where it is not
    kept."""
    return vars(content)["_source"].kept_as if is_kept(content) else None
