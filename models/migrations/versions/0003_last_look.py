"""Snapshot of the last expansion that found no work (docs/decisions/0007)."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

LAST_LOOK = """
-- At most one row. It may be deleted at any time: the next run then looks at everything.
CREATE TABLE session_worker.last_look (
    one        boolean PRIMARY KEY DEFAULT true CHECK (one),
    question   text NOT NULL,         -- hash of the statements, dates, settings and columns
    looked_at  timestamptz NOT NULL,
    oldest     bigint NOT NULL,       -- transactions before this one had ended
    tables     jsonb NOT NULL,        -- table -> its oid, file, rows, digest of the younger rows
    counts     jsonb NOT NULL,        -- what stood: series and occurrences by state
    seemingly  bigint[] NOT NULL      -- sessions that look as if they carried a rule
);
"""


def upgrade() -> None:
    op.execute(LAST_LOOK)
