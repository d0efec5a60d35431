"""What a host tells beside the status of a setting."""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("host_settings", sa.Column("details", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.drop_column("host_settings", "details")
