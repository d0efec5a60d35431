"""What was cleared, run by run; and who asked a host for it."""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "clearings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("mail_store", sa.String(length=255), nullable=False),
        sa.Column("day", sa.Date(), nullable=True),
        sa.Column("ticket", sa.String(length=32), nullable=True),
        sa.Column("asked_by", sa.String(length=64), nullable=True),
        sa.Column("started", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("messages", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("folders", sa.JSON(), nullable=False),
        sa.Column("says", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clearings")),
        sa.UniqueConstraint("mail_store", "day", name=op.f("uq_clearings_mail_store_day")),
        sa.UniqueConstraint("mail_store", "ticket", name=op.f("uq_clearings_mail_store_ticket")),
        sqlite_autoincrement=True,
    )
    for column in ("host", "started"):
        op.create_index(op.f(f"ix_clearings_{column}"), "clearings", [column])
    op.add_column("errands", sa.Column("asked_by", sa.String(length=64), nullable=True))


def downgrade() -> None:
    op.drop_column("errands", "asked_by")
    op.drop_table("clearings")
