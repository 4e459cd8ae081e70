# SPDX-License-Identifier: AGPL-3.0-or-later
"""Reads the texts of posts whose headers are broken, so that a wrong date does not hide a broken link below it.

Pelican is not given such a post. What the rules want to know of one is little: its links and words, where its file
is, and what it would be called.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Any

from markdown import Markdown

from plugins.call_to_action import SLIP, SLOT
from plugins.findings import findings
from plugins.site_addresses import plain
from plugins.typed_html import TypedHtml, read_html


@dataclass
class UnreadText:
    """Stands for a post or page in the rules about texts."""

    source_path: str
    relative_path: str
    title: str
    url: str
    typed_html: TypedHtml
    settings: Mapping[str, Any]
    whitepaper_slots: list[str]
    whitepaper_slips: bool
    status: str = "published"
    metadata: dict[str, Any] = field(default_factory=dict)

    @property
    def relative_dir(self) -> str:
        """The folder, relative to the content folder, from which links count."""
        return Path(self.relative_path).parent.as_posix()

    def get_relative_source_path(self) -> str:
        """Return the file's path relative to the content folder, as a post of Pelican's does."""
        return self.relative_path


def unread_texts(settings: dict[str, Any]) -> Iterator[UnreadText]:
    """Yield the texts below broken headers, drafts left out."""
    reader = None
    for path, header in sorted(findings(settings).unread.items()):
        if not header.body.strip() or header.text("status").lower() == "draft":
            continue
        reader = reader or Markdown(**settings["MARKDOWN"])
        html = reader.reset().convert(header.body)
        read = read_html(SLOT.sub("", html))
        yield UnreadText(
            source_path=str(Path(settings["PATH"], path)),
            relative_path=path,
            title=header.text("title") or path,
            url=plain(f"/{header.text('slug')}").lstrip("/"),
            typed_html=read,
            settings=settings,
            whitepaper_slots=[unescape(found["slug"]) for found in SLOT.finditer(html)],
            whitepaper_slips=SLIP.search(read.words) is not None,
        )
