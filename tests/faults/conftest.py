"""What goes wrong in the world, done for real: processes killed, mail servers slow, backlogs long."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "api"))

from commands import Place, with_tables
from databases import database_url, postgresql_database, postgresql_url
from slow_mail import SlowMailbox, slow_mail

__all__ = ["database_url", "postgresql_database", "postgresql_url"]


@pytest.fixture
def place(tmp_path: Path, database_url: str) -> Place:
    """A place with a database of each kind, with all tables."""
    with_tables(database_url)
    return Place(tmp_path, database_url)


@pytest.fixture
def mailbox() -> Iterator[SlowMailbox]:
    """What a mail server at `mailbox.address` receives, which thinks before each of its answers."""
    with slow_mail() as mailbox:
        yield mailbox
