"""Mail where it lies: a Maildir, an mbox, a folder of .eml files, one mail alone, or what comes on standard input.

Nothing is moved, marked or deleted; that is for whoever owns the mailbox.
"""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

LONGEST_LINE = 64 * 1024


def mails(path: str, most: int) -> Iterator[bytes]:
    """Each mail, up to `most` bytes of it. Raises OSError for what cannot be read."""
    if path == "-":
        yield from _in_stream(sys.stdin.buffer, most)
        return
    for file in _files(Path(path)):
        with file.open("rb") as stream:
            yield from _in_stream(stream, most)


def _files(path: Path) -> Iterable[Path]:
    if not path.is_dir():
        return [path]
    if (path / "cur").is_dir():  # Maildir; what lies in tmp is not whole yet
        return sorted(file for room in ("new", "cur") for file in (path / room).glob("*") if file.is_file())
    return sorted(file for file in path.rglob("*.eml") if file.is_file())


def _in_stream(stream: IO[bytes], most: int) -> Iterator[bytes]:
    """The mails of an mbox (RFC 4155), or the one mail that it is."""
    first = stream.readline(LONGEST_LINE)
    if not first.startswith(b"From "):
        if first:
            yield first + stream.read(max(0, most - len(first)))
        return
    parts, size, blank = list[bytes](), 0, False
    while line := stream.readline(LONGEST_LINE):
        if blank and line.startswith(b"From "):
            yield b"".join(parts)
            parts, size = [], 0
        elif size < most:
            parts.append(line)
            size += len(line)
        blank = line in (b"\n", b"\r\n")
    yield b"".join(parts)
