"""Errands tell how far they are, and may send one message."""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("errands", sa.Column("message_to", sa.String(length=254), nullable=True))
    op.add_column("errands", sa.Column("progress", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.drop_column("errands", "progress")
    op.drop_column("errands", "message_to")
