"""Collections that have been deleted or moved are remembered until nothing of theirs is left in Chroma."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Create the table; of those that have gone before, none is known any more."""
    op.create_table(
        "former_collections",
        sa.Column("uid", sa.String(length=16), nullable=False),
        sa.Column("embedding_model", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_former_collections")),
    )
