"""The choice of a backfill to fill dates whose rows were deleted (`--refill-deleted`)."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        ALTER TABLE session_worker.backfill
            ADD deleted text NOT NULL DEFAULT 'stay' CHECK (deleted IN ('stay', 'refill'))""")
