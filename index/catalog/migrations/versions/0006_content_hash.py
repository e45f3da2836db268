"""A hash of what each chunk's vectors were made of, so that equal content is not embedded again."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the column to `chunks`; what the vectors from before were made of is not known."""
    op.add_column("chunks", sa.Column("content_hash", sa.LargeBinary(16)))
    op.create_index("ix_chunks_content_hash", "chunks", ["content_hash", "version_id", "ordinal"])
