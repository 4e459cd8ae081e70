"""Letters are counted by the mailbox where they arrive, and a proof of work knows which submission it was for."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

OUTBOX = sa.table("outbox", sa.column("address_hash"), sa.column("mailbox_hash"))


def upgrade() -> None:
    """Letters of before count for their address; proofs that were used before are good for no submission."""
    with op.batch_alter_table("outbox") as table:
        table.add_column(sa.Column("mailbox_hash", sa.String(64)))
        table.drop_index(op.f("ix_outbox_address_hash_outbox_planned_at"))
        table.create_index(op.f("ix_outbox_address_hash"), ["address_hash"])
        table.create_index(op.f("ix_outbox_mailbox_hash_outbox_planned_at"), ["mailbox_hash", "planned_at"])
    op.execute(OUTBOX.update().values(mailbox_hash=OUTBOX.c.address_hash))
    with op.batch_alter_table("used_proofs") as table:
        table.add_column(sa.Column("used_for", sa.String(64)))


def downgrade() -> None:
    """Letters are counted by their address, and a proof counts once, whatever it was for."""
    with op.batch_alter_table("used_proofs") as table:
        table.drop_column("used_for")
    with op.batch_alter_table("outbox") as table:
        table.drop_index(op.f("ix_outbox_mailbox_hash_outbox_planned_at"))
        table.drop_index(op.f("ix_outbox_address_hash"))
        table.create_index(op.f("ix_outbox_address_hash_outbox_planned_at"), ["address_hash", "planned_at"])
        table.drop_column("mailbox_hash")
