"""How far uploads under way are, how many chunks they became, and requests that are recognised when repeated."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the column of `job_items` and the index of `jobs`, and create the tables."""
    op.add_column("job_items", sa.Column("chunks", sa.Integer(), nullable=True))
    op.create_index("ix_jobs_created_at", "jobs", ["created_at", "id"], unique=False)
    op.create_table(
        "under_way",
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.Column("stage", sa.String(length=9), nullable=False),
        sa.Column("embedded", sa.Integer(), nullable=False),
        sa.Column("chunks", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["item_id"], ["job_items.id"], name=op.f("fk_under_way_item_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("item_id", name=op.f("pk_under_way")),
    )
    op.create_table(
        "idempotency",
        sa.Column("caller", sa.String(length=16), nullable=False),
        sa.Column("collection_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("job_id", sa.String(length=32), nullable=False),
        sa.Column("document_ids", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["collection_id"],
            ["collections.id"],
            name=op.f("fk_idempotency_collection_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("caller", "collection_id", "key", name=op.f("pk_idempotency")),
    )
    op.create_index("ix_idempotency_created_at", "idempotency", ["created_at"], unique=False)
