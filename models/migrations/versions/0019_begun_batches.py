"""Batches that a process has begun: what they hold when it dies may be what killed it."""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

BEGUN = """
-- A batch from its beginning in a worker's process to its end there. What stays was cut off.
CREATE TABLE session_worker.begun_batch (
    holder    uuid PRIMARY KEY,
    begun_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
-- How often the process that held it died, whatever the cause.
ALTER TABLE session_worker.delivery ADD COLUMN deaths smallint NOT NULL DEFAULT 0;
"""


def upgrade() -> None:
    op.execute(BEGUN)
