"""Letters are counted by mailbox, leads are found by their hash, and a proof of work knows its submission."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

OUTBOX = sa.table("outbox", sa.column("address_hash"), sa.column("mailbox_hash"))


def upgrade() -> None:
    """Letters of before count for their address; leads of before are found by their address, as they were."""
    op.add_column("outbox", sa.Column("mailbox_hash", sa.String(64)))
    op.execute(OUTBOX.update().values(mailbox_hash=OUTBOX.c.address_hash))
    op.drop_index(op.f("ix_outbox_address_hash_outbox_planned_at"), table_name="outbox")
    op.create_index(op.f("ix_outbox_address_hash"), "outbox", ["address_hash"])
    op.create_index(op.f("ix_outbox_mailbox_hash_outbox_planned_at"), "outbox", ["mailbox_hash", "planned_at"])
    op.add_column("leads", sa.Column("address_hash", sa.String(64)))
    op.create_index(op.f("ix_leads_address_hash"), "leads", ["address_hash"])
    op.add_column("used_proofs", sa.Column("used_for", sa.String(64)))


def downgrade() -> None:
    """Letters are counted by their address, and a proof counts once, whatever it was for."""
    op.drop_column("used_proofs", "used_for")
    op.drop_index(op.f("ix_leads_address_hash"), table_name="leads")
    op.drop_column("leads", "address_hash")
    op.drop_index(op.f("ix_outbox_mailbox_hash_outbox_planned_at"), table_name="outbox")
    op.drop_index(op.f("ix_outbox_address_hash"), table_name="outbox")
    op.create_index(op.f("ix_outbox_address_hash_outbox_planned_at"), "outbox", ["address_hash", "planned_at"])
    op.drop_column("outbox", "mailbox_hash")
