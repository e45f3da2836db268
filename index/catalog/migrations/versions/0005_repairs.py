"""What was left out of each version's text before it was frozen."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the column to `versions`; of those from before, nothing is known to have been left out."""
    op.add_column("versions", sa.Column("repairs", sa.JSON(), nullable=False, server_default="{}"))
