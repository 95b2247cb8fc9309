"""An index for the sweep: the coming dates that are left out for an absence."""

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

INDEX = """
CREATE INDEX occurrence_absent ON session_worker.occurrence (occurs_on) WHERE absence IS NOT NULL
"""


def upgrade() -> None:
    op.execute(INDEX)
