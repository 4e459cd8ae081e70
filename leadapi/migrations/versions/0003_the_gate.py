"""Proven consent, first touch, held submissions, letters counted by address, events, suppressed addresses."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

FIRST_TOUCH = ("source", "medium", "campaign", "term", "content")


def upgrade() -> None:
    """Make the new tables and columns; stored comments get the key of their address."""
    _make_tables()
    with op.batch_alter_table("submissions") as table:
        table.add_column(sa.Column("first_page", sa.Text(), nullable=True))
        table.add_column(sa.Column("first_referrer_host", sa.String(length=255), nullable=True))
        for name in FIRST_TOUCH:
            table.add_column(sa.Column(f"first_utm_{name}", sa.String(length=200), nullable=True))
        table.add_column(sa.Column("language", sa.String(length=16), server_default="en", nullable=False))
        table.add_column(sa.Column("answers", sa.JSON(), server_default="{}", nullable=False))
        table.add_column(sa.Column("held_reason", sa.String(length=32), nullable=True))
        table.add_column(sa.Column("released_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE submissions SET held_reason = 'honeypot' WHERE held")  # the only reason there was
    with op.batch_alter_table("consents") as table:
        table.add_column(sa.Column("channel", sa.String(length=16), server_default="form", nullable=False))
        table.alter_column("submission_id", existing_type=sa.String(length=36), nullable=True)
        table.create_index(op.f("ix_consents_submission_id"), ["submission_id"], unique=False)
    with op.batch_alter_table("outbox") as table:
        table.add_column(sa.Column("queue", sa.String(length=64), server_default="", nullable=False))
        table.add_column(sa.Column("address_hash", sa.String(length=64), nullable=True))
        table.add_column(sa.Column("topic", sa.String(length=200), nullable=True))
        table.add_column(sa.Column("planned_at", sa.DateTime(timezone=True), nullable=True))
        table.alter_column(
            "dedupe_key", existing_type=sa.String(length=200), type_=sa.String(length=400), existing_nullable=False
        )
        table.create_index(op.f("ix_outbox_address_hash_outbox_planned_at"), ["address_hash", "planned_at"])
    with op.batch_alter_table("comments") as table:
        table.add_column(sa.Column("address_key", sa.String(length=320), server_default="", nullable=False))
        table.create_index(op.f("ix_comments_address_key"), ["address_key"], unique=False)
    op.create_index(op.f("ix_comments_created_at"), "comments", ["created_at"])
    op.create_index(op.f("ix_submissions_created_at"), "submissions", ["created_at"])
    comments = sa.table("comments", sa.column("id"), sa.column("email"), sa.column("address_key"))
    connection = op.get_bind()
    stored = connection.execute(sa.select(comments.c.id, comments.c.email)).all()
    for comment, email in stored:
        connection.execute(comments.update().where(comments.c.id == comment).values(address_key=email.lower()))


def _make_tables() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "confirmations",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("lead_id", sa.String(length=36), nullable=False),
        sa.Column("submission_id", sa.String(length=36), nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.ForeignKeyConstraint(["lead_id"], ["leads.id"], name=op.f("fk_confirmations_lead_id_leads")),
        sa.ForeignKeyConstraint(
            ["submission_id"], ["submissions.id"], name=op.f("fk_confirmations_submission_id_submissions")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_confirmations")),
        sa.UniqueConstraint("submission_id", name=op.f("uq_confirmations_submission_id")),
    )
    op.create_index(op.f("ix_confirmations_lead_id"), "confirmations", ["lead_id"])
    op.create_table(
        "suppressions",
        sa.Column("address_hash", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=16), nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.PrimaryKeyConstraint("address_hash", "reason", name=op.f("pk_suppressions")),
    )
    op.create_table(
        "events",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.String(length=300), nullable=False),
        sa.Column("lead_id", sa.String(length=36), nullable=True),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
    )
    op.create_index(op.f("ix_events_kind_events_subject"), "events", ["kind", "subject"], unique=True)
    op.create_index(op.f("ix_events_lead_id"), "events", ["lead_id"])
    op.create_table(
        "webhook_endpoints",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("secrets", sa.JSON(), nullable=False),
        sa.Column("events", sa.JSON(), nullable=False),
        sa.Column("options", sa.JSON(), server_default="{}", nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("disabled_at", moment, nullable=True),
        sa.Column("disabled_reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_endpoints")),
    )
    op.create_table(
        "used_proofs",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("expires_at", moment, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_used_proofs")),
    )
    op.create_index(op.f("ix_used_proofs_expires_at"), "used_proofs", ["expires_at"])


def downgrade() -> None:
    """Take them back; consents that no form gave are lost with them."""
    connection = op.get_bind()
    op.drop_index(op.f("ix_submissions_created_at"), "submissions")
    op.drop_index(op.f("ix_comments_created_at"), "comments")
    op.drop_index(op.f("ix_comments_address_key"), "comments")
    op.drop_column("comments", "address_key")
    with op.batch_alter_table("outbox") as table:
        table.drop_index(op.f("ix_outbox_address_hash_outbox_planned_at"))
        table.alter_column(
            "dedupe_key", existing_type=sa.String(length=400), type_=sa.String(length=200), existing_nullable=False
        )
        for name in ("planned_at", "topic", "address_hash", "queue"):
            table.drop_column(name)
    connection.execute(sa.text("DELETE FROM consents WHERE submission_id IS NULL"))
    with op.batch_alter_table("consents") as table:
        table.drop_index(op.f("ix_consents_submission_id"))
        table.alter_column("submission_id", existing_type=sa.String(length=36), nullable=False)
        table.drop_column("channel")
    first_touch = [f"first_utm_{name}" for name in FIRST_TOUCH]
    for name in ("released_at", "held_reason", "answers", "language", *first_touch):
        op.drop_column("submissions", name)
    op.drop_column("submissions", "first_referrer_host")
    op.drop_column("submissions", "first_page")
    for name in ("used_proofs", "webhook_endpoints", "events", "suppressions", "confirmations"):
        op.drop_table(name)
