"""More of an account and of a revision; an audit log that nothing can be taken from."""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# What was carried along is the very same text as before: no two boxes are alike.
FILL = """
UPDATE revisions SET secret = CASE WHEN EXISTS (
    SELECT 1 FROM revisions AS earlier
    WHERE earlier.setting = revisions.setting AND earlier.number < revisions.number
    AND earlier.sealed = revisions.sealed
) THEN 'kept' ELSE 'changed' END
WHERE sealed IS NOT NULL
"""
REFUSAL = "the audit log is only added to"


def upgrade() -> None:
    op.add_column("accounts", sa.Column("recovery_email", sa.String(length=254), nullable=True))
    op.add_column("accounts", sa.Column("language", sa.String(length=35), nullable=True))
    op.add_column("revisions", sa.Column("secret", sa.String(length=8), nullable=True))
    op.add_column("revisions", sa.Column("restored", sa.Integer(), nullable=True))
    op.execute(FILL)
    if op.get_bind().dialect.name == "sqlite":
        for event in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER audit_entries_no_{event.lower()} BEFORE {event} ON audit_entries "
                f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
            )
    else:
        op.execute(
            "CREATE FUNCTION audit_entries_only_added_to() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{REFUSAL}'; END $$"
        )
        op.execute(
            "CREATE TRIGGER audit_entries_only_added_to "
            "BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entries "
            "FOR EACH STATEMENT EXECUTE FUNCTION audit_entries_only_added_to()"
        )


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER audit_entries_no_delete")
        op.execute("DROP TRIGGER audit_entries_no_update")
    else:
        op.execute("DROP TRIGGER audit_entries_only_added_to ON audit_entries")
        op.execute("DROP FUNCTION audit_entries_only_added_to()")
    op.drop_column("revisions", "restored")
    op.drop_column("revisions", "secret")
    op.drop_column("accounts", "language")
    op.drop_column("accounts", "recovery_email")
