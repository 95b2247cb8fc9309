"""Count of a backfill chunk's tries: a chunk that kills its process each time is given up."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

TRIES = """
ALTER TABLE session_worker.backfill_chunk
  ADD COLUMN tries integer NOT NULL DEFAULT 0  -- begun, and neither ended nor failed since
"""


def upgrade() -> None:
    op.execute(TRIES)
