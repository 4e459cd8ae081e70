"""The outbox finds what is due in one queue, and what was never tried, without passing over the rest."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

OPEN = sa.text("done_at IS NULL AND dead_at IS NULL")


def upgrade() -> None:
    """Each queue's rows lie together."""
    op.drop_index("ix_outbox_due", table_name="outbox")
    _index("ix_outbox_due", "queue", "run_at")
    _index("ix_outbox_fresh", "queue", "attempts", "run_at")


def downgrade() -> None:
    """All rows lie in one row again."""
    op.drop_index("ix_outbox_fresh", table_name="outbox")
    op.drop_index("ix_outbox_due", table_name="outbox")
    _index("ix_outbox_due", "run_at")


def _index(name: str, *columns: str) -> None:
    op.create_index(name, "outbox", list(columns), unique=False, sqlite_where=OPEN, postgresql_where=OPEN)
