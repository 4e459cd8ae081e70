"""A proof of work knows which submission it was for, so that a double press in a wave loses nothing."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Proofs that were used before are good for no submission any more."""
    with op.batch_alter_table("used_proofs") as table:
        table.add_column(sa.Column("used_for", sa.String(64)))


def downgrade() -> None:
    """A proof counts once, whatever it was for."""
    with op.batch_alter_table("used_proofs") as table:
        table.drop_column("used_for")
