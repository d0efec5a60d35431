"""A second factor, when a log-in was last proved, and counts that each have an end of their own."""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "second_factors",
        sa.Column("account_id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("box", sa.Text, nullable=False),
        sa.Column("last_step", sa.BigInteger, nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("account_id", name="pk_second_factors"),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name="fk_second_factors_account_id_accounts",
            ondelete="CASCADE",
        ),
    )
    op.create_table(
        "recovery_codes",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("account_id", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_recovery_codes"),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name="fk_recovery_codes_account_id_accounts",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_recovery_codes_account_id", "recovery_codes", ["account_id"])
    # SQLite adds a column that is NOT NULL only where a constant stands for its value.
    long_ago = "1970-01-01 00:00:00"
    op.add_column(
        "panel_sessions",
        sa.Column("proved", sa.DateTime(timezone=True), nullable=False, server_default=long_ago),
    )
    op.execute("UPDATE panel_sessions SET proved = created")
    # What is counted there is forgotten within a minute anyway.
    op.drop_table("failed_attempts")
    op.create_table(
        "failed_attempts",
        sa.Column("who", sa.String(96), nullable=False),
        sa.Column("until", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("who", "until", name="pk_failed_attempts"),
    )


def downgrade() -> None:
    op.drop_table("failed_attempts")
    op.create_table(
        "failed_attempts",
        sa.Column("network", sa.String(64), nullable=False),
        sa.Column("window", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("network", "window", name="pk_failed_attempts"),
    )
    op.drop_column("panel_sessions", "proved")
    op.drop_table("recovery_codes")
    op.drop_table("second_factors")
