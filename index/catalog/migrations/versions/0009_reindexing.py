"""Moves to another embedding model are jobs, too."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the column of `jobs`; those that are there index documents."""
    op.add_column("jobs", sa.Column("kind", sa.String(length=7), nullable=False, server_default="index"))
