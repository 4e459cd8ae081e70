"""Keeps the posts of an index that names shards of them, so that only shards that are new are read.

A shard counts under the SHA-256 that the index names: that one is known already, whatever build it came with, and
any other is not of this build. So index and shards are taken together or not at all. What was read of an index
whose other shards cannot be had yet is kept for the next try.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256

from leadapi.public_index import INDEX_FILE, PublicIndex, parse_posts

LARGEST_SHARD = 4 * 1024 * 1024
"""Bytes of one shard; a build puts about a thousand posts into it."""

LARGEST_TOGETHER = 32 * 1024 * 1024
"""Bytes of all shards of an index."""


@dataclass(frozen=True, slots=True)
class Shard:
    """What was read of one."""

    data: bytes
    posts: Mapping[str, Mapping[str, str]]


def read_shard(name: str, data: bytes, digest: str) -> Shard:
    """A shard as the index names it. Raises ValueError for any other, and for what no build writes."""
    if sha256(data).hexdigest() != digest:
        raise ValueError(f"{name} is not the one that {INDEX_FILE} names")
    return Shard(data, parse_posts(name, data.decode()))


class PostShards:
    """The shards that are known, by their SHA-256: those of the index that is used and of the one that is read."""

    def __init__(self) -> None:
        self._known: dict[str, Shard] = {}
        self._used: frozenset[str] = frozenset()

    def missing(self, index: PublicIndex) -> dict[str, str]:
        """Of the shards that an index names, key and SHA-256 of those that are not known."""
        wanted = {*index.post_shards.values(), *self._used}
        self._known = {digest: shard for digest, shard in self._known.items() if digest in wanted}
        return {key: digest for key, digest in index.post_shards.items() if digest not in self._known}

    def most(self, index: PublicIndex) -> int:
        """How many bytes the next shard of an index may have. Raises ValueError where that is none."""
        known = sum(len(shard.data) for shard in self.of(index).values())
        if known >= LARGEST_TOGETHER:
            raise ValueError(f"the shards that {INDEX_FILE} names have more than {LARGEST_TOGETHER} bytes")
        return min(LARGEST_SHARD, LARGEST_TOGETHER - known)

    def add(self, digest: str, shard: Shard) -> None:
        """Note a shard that was read."""
        self._known[digest] = shard

    def of(self, index: PublicIndex) -> dict[str, Shard]:
        """The shards of an index that are known, by their SHA-256."""
        return {digest: self._known[digest] for digest in index.post_shards.values() if digest in self._known}

    def complete(self, index: PublicIndex) -> PublicIndex:
        """An index of which no shard is missing, with the posts of all; what no other one needs is forgotten."""
        if not index.post_shards:
            self._used = frozenset()
            return index
        self._used = frozenset(index.post_shards.values())
        posts: dict[str, Mapping[str, str]] = {}
        for shard in self.of(index).values():
            posts.update(shard.posts)
        return replace(index, posts=posts)
