"""A queue for each channel: messages that wait for its connections stand in nobody's way."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

QUEUES = """
-- The channel for whose connections a planned message waits; NULL: whoever is free looks at it.
ALTER TABLE session_worker.delivery ADD COLUMN queue text;
-- Claims from a channel's queue, soonest start first.
CREATE INDEX delivery_queued
    ON session_worker.delivery (queue, starts_at, urgency, kind, recipient, id)
    WHERE state = 'planned' AND queue IS NOT NULL;
"""


def upgrade() -> None:
    op.execute(QUEUES)
