# SPDX-License-Identifier: AGPL-3.0-or-later
"""Says in one line what is written and not public yet, so that nobody wonders where a post is."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from plugins.front_matter import values
from plugins.front_matter.header import Header

if TYPE_CHECKING:
    from plugins.front_matter.rules import ContentFiles


def what_waits(files: "ContentFiles", now: datetime | None = None) -> str:
    """Return a line like "Not public yet: 1 draft; 1 post waits for January 1, 2027.", "" where nothing waits."""
    parts = list(waiting(files, now or datetime.now(UTC)))
    return f"Not public yet: {'; '.join(parts)}." if parts else ""


def waiting(files: "ContentFiles", now: datetime) -> Iterator[str]:
    """Yield the drafts, then what has a date to come."""
    drafts = sum(map(is_draft, [*files.posts, *files.pages, *files.whitepapers]))
    if drafts:
        yield f"{drafts} draft{'s' * (drafts > 1)}"
    for kind, headers in (("post", files.posts), ("whitepaper", files.whitepapers)):
        moments = [values.moment(header, "date", files.settings) for header in headers if not is_draft(header)]
        to_come = sorted(moment for moment in moments if moment and moment > now)
        if to_come and not files.settings["WITH_FUTURE_DATES"]:
            day = f"{to_come[0]:%B} {to_come[0].day}, {to_come[0].year}"
            several = f"{len(to_come)} {kind}s wait, the next one for {day}"
            yield several if len(to_come) > 1 else f"1 {kind} waits for {day}"


def is_draft(header: Header) -> bool:
    """Whether the author keeps a file back."""
    return header.text("status").lower() == "draft"
