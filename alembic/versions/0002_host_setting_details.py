"""What a host tells beside the status of a setting."""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    details = sa.Column("details", sa.JSON(none_as_null=True), nullable=True)
    op.add_column("host_settings", details)


def downgrade() -> None:
    op.drop_column("host_settings", "details")
