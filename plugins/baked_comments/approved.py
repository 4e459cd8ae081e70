# SPDX-License-Identifier: AGPL-3.0-or-later
"""Holds what the service says about comments to its promised shape, before any of it comes near a page.

The service cleans what people typed. The build believes it as far as it can check: an answer of which one part
is wrong is refused whole, since half a discussion, or a tag that is never closed, is worse than yesterday's.
"""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
UNFIT = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f\ud800-\udfff]")
TAG = re.compile(r'<(?P<end>/?)(?P<tag>[a-z]+)(?P<attributes>(?: (?:href|rel)="[^"<>]*")*)>')
HREF = re.compile(r'href="([^"]*)"')
LINK_SCHEMES = ("http://", "https://", "mailto:")
SHOWN_TAGS = {"p", "br", "em", "strong", "code", "pre", "blockquote", "ul", "ol", "li", "a"}
"""What the service lets through (a test compares the two)."""

DEEPEST = 12
"""Levels of a thread; an answer to a comment on the last one stands beside it."""


@dataclass
class Comment:
    """An approved comment; `created` is UTC, `body_html` safe HTML, `replies` oldest first."""

    id: str
    post: str
    parent_id: str | None
    name: str
    created: datetime
    body_html: str
    replies: list["Comment"] = field(default_factory=list)


class NotAsPromised(ValueError):
    """An answer of the service that is not a list of comments; the text says what is wrong with it."""


def check_html(html: str) -> None:
    """Raise NotAsPromised unless the HTML is text and harmless tags, each closed in its place."""
    if "<" in TAG.sub("", html):
        raise NotAsPromised("a comment's HTML holds more than text and tags")
    still_open: list[str] = []
    for found in TAG.finditer(html):
        tag, is_end = found["tag"], bool(found["end"])
        if tag not in SHOWN_TAGS or (found["attributes"] and (is_end or tag != "a")):
            raise NotAsPromised(f"a comment has a {found[0][:40]}, which comments never have")
        if not all(url.lower().startswith(LINK_SCHEMES) for url in HREF.findall(found["attributes"])):
            raise NotAsPromised("a comment links to something that is no web or mail address")
        if not is_end and tag != "br":
            still_open.append(tag)
        elif is_end and (not still_open or still_open.pop() != tag):
            raise NotAsPromised(f"a comment has a </{tag}> in the wrong place")
    if still_open:
        raise NotAsPromised(f"a comment has a <{still_open[-1]}> that is never closed")


def read_comments(answer: Any) -> list[Comment]:
    """Return the comments of `{"comments": [{id, post, parent, name, created, html}]}`, oldest first.

    Further fields are left to later versions. Raises NotAsPromised.
    """
    listed = answer.get("comments") if isinstance(answer, dict) else None
    if not isinstance(listed, list):
        raise NotAsPromised('there is no list named "comments"')
    comments = [read_comment(each) for each in listed]
    if len({comment.id for comment in comments}) < len(comments):
        raise NotAsPromised("two comments have the same id")
    return sorted(comments, key=lambda comment: (comment.created, comment.id))


def read_comment(raw: Any) -> Comment:
    """Return one comment. Raises NotAsPromised."""
    if not isinstance(raw, dict):
        raise NotAsPromised("a comment has no fields")
    fields = {name: text_of(raw, name) for name in ("id", "post", "name", "created", "html")}
    parent = None if raw.get("parent") is None else text_of(raw, "parent")
    if not all(ID.fullmatch(one) for one in (fields["id"], parent) if one is not None):
        raise NotAsPromised("a comment has an id of another kind")
    check_html(fields["html"])
    return Comment(
        id=fields["id"],
        post=fields["post"],
        parent_id=parent,
        name=fields["name"],
        created=read_moment(fields["created"]),
        body_html=fields["html"],
    )


def text_of(raw: dict[str, Any], name: str) -> str:
    """Return a field that a page can hold: no control characters, no halves of characters."""
    text = raw.get(name)
    if not isinstance(text, str) or UNFIT.search(text):
        raise NotAsPromised(f'a comment\'s "{name}" is missing or no text')
    return text


def read_moment(text: str) -> datetime:
    """Return an ISO 8601 moment, which names its distance from UTC, as UTC. Raises NotAsPromised."""
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError("no time zone")
        return moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise NotAsPromised(f'"{text[:40]}" is no moment in UTC') from error


def threads(comments: list[Comment]) -> list[Comment]:
    """Return the top level of one post's comments, given oldest first, with the answers below them.

    An answer to a comment that is not there (it was taken back), or that claims to be older, is on top.
    """
    top: list[Comment] = []
    path: dict[str, list[Comment]] = {}  # each comment's ancestors and itself, from the top
    for comment in comments:
        above = path.get(comment.parent_id or "", [])[: DEEPEST - 1]
        (above[-1].replies if above else top).append(comment)
        path[comment.id] = [*above, comment]
    return top
