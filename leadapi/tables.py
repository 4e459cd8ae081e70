"""The tables, as SQLAlchemy Core sees them; the migrations make them.

Ids are text, made in the program (new_id), so that a whole batch can be written without asking the database
for each row's number. Times are stored in UTC and come back aware, on SQLite too.
"""

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Insert,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite

from leadapi.database_errors import RunAgain

LONGEST_SLUG, LONGEST_EDITION = 200, 32
"""Characters of what the site's index names and a visitor can ask for; PostgreSQL refuses what is longer."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_N_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class TZDateTime(TypeDecorator[datetime]):
    """A moment: aware in the program, UTC in the database. SQLite alone would lose the zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time without a zone cannot be stored: {value!r}")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def new_id(now: datetime) -> str:
    """A fresh id: milliseconds, then 74 random bits, as UUID version 7 (RFC 9562, 5.7); sorts by time."""
    milliseconds = int(now.timestamp() * 1000)
    random = uuid.uuid4().int
    value = (milliseconds & (2**48 - 1)) << 80 | 0x7 << 76 | (random >> 64 & 0xFFF) << 64
    value |= 0b10 << 62 | random & (2**62 - 1)
    return str(uuid.UUID(int=value))


def _id(*constraints: Any, **options: Any) -> Column[str]:
    return Column("id", String(36), *constraints, primary_key=True, **options)


leads = Table(
    "leads",
    metadata,
    _id(),
    Column("address_key", String(320), nullable=False, unique=True),
    Column("address_hash", String(64), index=True),
    Column("email", String(320), nullable=False),
    Column("name", Text, nullable=False),
    Column("company", Text, nullable=False, server_default=""),
    Column("status", String(16), nullable=False, server_default="pending"),
    Column("created_at", TZDateTime, nullable=False),
    Column("confirmed_at", TZDateTime),
)

submissions = Table(
    "submissions",
    metadata,
    _id(),
    Column("submission_id", String(64), nullable=False, unique=True),
    Column("lead_id", String(36), ForeignKey("leads.id"), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("email", String(320), nullable=False),
    Column("name", Text, nullable=False),
    Column("company", Text, nullable=False, server_default=""),
    Column("whitepaper", String(LONGEST_SLUG), nullable=False),
    Column("edition", String(LONGEST_EDITION), nullable=False),
    Column("post", String(LONGEST_SLUG)),
    Column("cta", String(64)),
    Column("page", Text),
    Column("referrer_host", String(255)),
    Column("utm_source", String(200)),
    Column("utm_medium", String(200)),
    Column("utm_campaign", String(200)),
    Column("utm_term", String(200)),
    Column("utm_content", String(200)),
    Column("first_page", Text),
    Column("first_referrer_host", String(255)),
    Column("first_utm_source", String(200)),
    Column("first_utm_medium", String(200)),
    Column("first_utm_campaign", String(200)),
    Column("first_utm_term", String(200)),
    Column("first_utm_content", String(200)),
    Column("language", String(16), nullable=False, server_default="en"),
    Column("answers", JSON, nullable=False, server_default="{}"),
    Column("held", Boolean, nullable=False, server_default=text("false")),
    Column("held_reason", String(32)),
    Column("released_at", TZDateTime),
    Column("created_at", TZDateTime, nullable=False),
    Index(None, "lead_id", "whitepaper", "post", "created_at"),
    Index(None, "created_at"),
)

consents = Table(
    "consents",
    metadata,
    _id(),
    Column("lead_id", String(36), ForeignKey("leads.id"), nullable=False, index=True),
    Column("submission_id", String(36), ForeignKey("submissions.id"), index=True),
    Column("channel", String(16), nullable=False, server_default="form"),
    Column("purpose", String(32), nullable=False),
    Column("text", Text, nullable=False),
    Column("version", String(32), nullable=False),
    Column("language", String(16), nullable=False),
    Column("given", Boolean, nullable=False),
    Column("page", Text),
    Column("created_at", TZDateTime, nullable=False),
)

confirmations = Table(
    "confirmations",
    metadata,
    _id(),
    Column("lead_id", String(36), ForeignKey("leads.id"), nullable=False, index=True),
    Column("submission_id", String(36), ForeignKey("submissions.id"), nullable=False, unique=True),
    Column("created_at", TZDateTime, nullable=False),
)

downloads = Table(
    "downloads",
    metadata,
    _id(),
    Column("lead_id", String(36), ForeignKey("leads.id"), nullable=False),
    Column("whitepaper", String(LONGEST_SLUG), nullable=False),
    Column("edition", String(LONGEST_EDITION), nullable=False),
    Column("created_at", TZDateTime, nullable=False),
    Index(None, "lead_id", "whitepaper", "edition", unique=True),
)

comments = Table(
    "comments",
    metadata,
    _id(),
    Column("submission_id", String(64), nullable=False, unique=True),
    Column("fingerprint", String(64), nullable=False, index=True),
    Column("post", String(LONGEST_SLUG), nullable=False),
    Column("parent_id", String(36), ForeignKey("comments.id")),
    Column("name", Text, nullable=False),
    Column("email", String(320), nullable=False),
    Column("address_key", String(320), nullable=False, server_default="", index=True),
    Column("body", Text, nullable=False),
    Column("status", String(16), nullable=False, server_default="pending"),
    Column("created_at", TZDateTime, nullable=False),
    Column("decided_at", TZDateTime),
    Index(None, "post", "status", "created_at"),
    Index(None, "status", "created_at"),
    Index(None, "created_at"),
)

_OPEN = text("done_at IS NULL AND dead_at IS NULL")

outbox = Table(
    "outbox",
    metadata,
    _id(),
    Column("kind", String(32), nullable=False),
    Column("queue", String(64), nullable=False, server_default=""),
    Column("payload", JSON, nullable=False),
    Column("dedupe_key", String(400), nullable=False, unique=True),
    Column("address_hash", String(64), index=True),
    Column("mailbox_hash", String(64)),
    Column("topic", String(LONGEST_SLUG)),
    Column("planned_at", TZDateTime),
    Column("created_at", TZDateTime, nullable=False),
    Column("run_at", TZDateTime, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("leased_until", TZDateTime),
    Column("done_at", TZDateTime),
    Column("dead_at", TZDateTime),
    Column("last_error", Text),
    Index("ix_outbox_due", "queue", "run_at", sqlite_where=_OPEN, postgresql_where=_OPEN),
    Index("ix_outbox_fresh", "queue", "attempts", "run_at", sqlite_where=_OPEN, postgresql_where=_OPEN),
    Index(None, "mailbox_hash", "planned_at"),
)

suppressions = Table(
    "suppressions",
    metadata,
    Column("address_hash", String(64), primary_key=True),
    Column("reason", String(16), primary_key=True),
    Column("created_at", TZDateTime, nullable=False),
)

events = Table(
    "events",
    metadata,
    _id(),
    Column("kind", String(32), nullable=False),
    Column("subject", String(300), nullable=False),
    Column("lead_id", String(36), index=True),
    Column("data", JSON, nullable=False),
    Column("created_at", TZDateTime, nullable=False),
    Index(None, "kind", "subject", unique=True),
)

webhook_endpoints = Table(
    "webhook_endpoints",
    metadata,
    _id(),
    Column("kind", String(16), nullable=False),
    Column("url", Text, nullable=False),
    Column("secrets", JSON, nullable=False),
    Column("events", JSON, nullable=False),
    Column("options", JSON, nullable=False, server_default="{}"),
    Column("created_at", TZDateTime, nullable=False),
    Column("disabled_at", TZDateTime),
    Column("disabled_reason", Text),
)

used_proofs = Table(
    "used_proofs",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("used_for", String(64)),
    Column("expires_at", TZDateTime, nullable=False, index=True),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("address", String(320), nullable=False),
    Column("created_at", TZDateTime, nullable=False),
    Column("expires_at", TZDateTime, nullable=False, index=True),
)

rate_limits = Table(
    "rate_limits",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("subject", String(200), primary_key=True),
    Column("window_start", TZDateTime, primary_key=True),
    Column("taken", Integer, nullable=False),
)


def insert_new(table: Table) -> Mapping[str, Insert]:
    """By dialect name: an INSERT that passes over rows whose key is there already.

    Two servers on one PostgreSQL may try the same row at the same moment; then one of them has inserted it.
    """
    return {
        "sqlite": sqlite.insert(table).on_conflict_do_nothing().execution_options(preserve_rowcount=True),
        "postgresql": postgresql.insert(table).on_conflict_do_nothing().execution_options(preserve_rowcount=True),
    }


def add_new(connection: Connection, insert: Mapping[str, Insert], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows whose keys (an insert_new) were not there when the rule looked.

    Raises RunAgain when another server was quicker with one of them: what the rule saw is no longer so. Rows come
    in the order of their keys, so that two servers cannot deadlock.
    """
    if rows and connection.execute(insert[connection.dialect.name], rows).rowcount != len(rows):
        raise RunAgain
