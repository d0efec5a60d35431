"""Who is logged in to the panel."""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "panel_sessions",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("account_id", sa.Integer, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("csrf_token", sa.String(64), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used", sa.DateTime(timezone=True), nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("user_agent", sa.String(255), nullable=False),
        sa.Column("kept", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_panel_sessions"),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name="fk_panel_sessions_account_id_accounts",
            ondelete="CASCADE",
        ),
        sa.UniqueConstraint("digest", name="uq_panel_sessions_digest"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_panel_sessions_account_id", "panel_sessions", ["account_id"])


def downgrade() -> None:
    op.drop_table("panel_sessions")
