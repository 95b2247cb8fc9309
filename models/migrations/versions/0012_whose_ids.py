"""The reading of tutor_sessions.tutor_id and student_id, taken by the rows or said by an admin
(docs/decisions/0062).
"""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

WHOSE_IDS = """
ALTER TABLE session_worker.installation
    ADD COLUMN tutor_ids text CHECK (tutor_ids IN ('profile', 'user')),     -- NULL: not known
    ADD COLUMN tutor_ids_why text,
    ADD COLUMN student_ids text CHECK (student_ids IN ('profile', 'user')),
    ADD COLUMN student_ids_why text,
    ADD COLUMN ids_doubt text,                -- what keeps everything from being sent
    ADD COLUMN ids_looked_at timestamptz      -- the last look at the rows
"""


def upgrade() -> None:
    op.execute(WHOSE_IDS)
