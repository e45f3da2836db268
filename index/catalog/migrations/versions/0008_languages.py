"""Chunks are no longer looked up by language: the matrix knows them."""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Drop the index, which cost every chunk a write."""
    op.drop_index("ix_chunks_language_ordinal", table_name="chunks")
