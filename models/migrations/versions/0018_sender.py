"""The connection that sends a message, and its last renewal: by them a kill is seen at once."""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

SENDER = """
-- The last renewal of the lease, on the database's clock, and the server process of the connection
-- on which the message was marked as being sent. NULL where an older version holds it.
ALTER TABLE session_worker.delivery
    ADD COLUMN renewed_at timestamptz,
    ADD COLUMN sender_pid integer;
"""


def upgrade() -> None:
    op.execute(SENDER)
