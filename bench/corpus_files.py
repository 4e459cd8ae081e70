"""Writes the posts of the corpus as files, one folder for each way that the compared programs read a header.

The facts are the same, only how they are spelled differs: this site reads YAML, Pelican's users write its classic
header, and Hugo wants lists for all that it groups by. Made once, a corpus is kept and taken again, until this
code or that of the posts changes.
"""

import json
import shutil
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from corpus import Post, post
from pages_built import KINDS, groups_of

FACTS = "facts.json"


@dataclass(frozen=True)
class Corpus:
    """Posts on the disk: how many, where for each writer, and how many posts each category, tag and author has."""

    count: int
    folders: Mapping[str, Path]
    groups: Mapping[str, Counter[str]]


def ours(post: Post) -> str:
    """Return a post as this site's authors write it: YAML."""
    return (
        f"---\ntitle: {post.title}\nslug: {post.slug}\ndate: {post.date:%Y-%m-%d %H:%M}\nauthor: {post.author}\n"
        f"category: {post.category}\ntags: [{', '.join(post.tags)}]\nkeywords: [{', '.join(post.keywords)}]\n"
        f"summary: {post.summary}\n---\n\n{post.body}"
    )


def stock(post: Post) -> str:
    """Return a post with Pelican's own header."""
    return (
        f"Title: {post.title}\nSlug: {post.slug}\nDate: {post.date:%Y-%m-%d %H:%M}\nAuthor: {post.author}\n"
        f"Category: {post.category}\nTags: {', '.join(post.tags)}\nKeywords: {', '.join(post.keywords)}\n"
        f"Summary: {post.summary}\n\n{post.body}"
    )


def hugo(post: Post) -> str:
    """Return a post as Hugo reads it: YAML again, in which JSON's lists and strings are good too."""
    return (
        f"---\ntitle: {post.title}\nslug: {post.slug}\ndate: {post.date:%Y-%m-%dT%H:%M:00Z}\n"
        f"author: {json.dumps([post.author])}\ncategory: {json.dumps([post.category])}\n"
        f"tag: {json.dumps(post.tags)}\nkeywords: {json.dumps(post.keywords)}\nsummary: {post.summary}\n---\n\n"
        f"{post.body}"
    )


WRITERS: Mapping[str, Callable[[Post], str]] = {"ours": ours, "stock": stock, "hugo": hugo}


def write(folder: Path, writer: str, made: Post) -> None:
    """Write one post into a folder."""
    (folder / f"{made.slug}.md").write_text(WRITERS[writer](made), encoding="utf-8")


def corpus(home: Path, count: int) -> Corpus:
    """Return `count` posts, made now if they are not there yet."""
    code = b"".join(Path(__file__).with_name(name).read_bytes() for name in ("corpus.py", "corpus_files.py"))
    key, place = sha256(code).hexdigest(), home / str(count)
    facts = place / FACTS
    folders = {writer: place / writer for writer in WRITERS}
    if not facts.is_file() or json.loads(facts.read_text())["made_of"] != key:
        groups = _make(folders, count)
        facts.write_text(json.dumps({"made_of": key, "groups": groups}))  # last: half a corpus is made anew
    groups = {kind: Counter(names) for kind, names in json.loads(facts.read_text())["groups"].items()}
    return Corpus(count, folders, groups)


def _make(folders: Mapping[str, Path], count: int) -> dict[str, Counter[str]]:
    """Write the posts, one at a time: whoever measures other programs must stay small."""
    for folder in folders.values():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    groups: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS}
    for number in range(count):
        made = post(number)
        for writer, folder in folders.items():
            write(folder, writer, made)
        for kind, names in groups_of(made).items():
            groups[kind].update(names)
    return groups
