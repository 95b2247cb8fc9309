"""The id that a provider gave to a try: by it a receipt finds its delivery."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

PROVIDER_IDS = """
ALTER TABLE session_worker.attempt ADD COLUMN provider_id text;
CREATE INDEX attempt_provider_id ON session_worker.attempt (provider_id, channel)
 WHERE provider_id IS NOT NULL;
"""


def upgrade() -> None:
    op.execute(PROVIDER_IDS)
