"""Marks that tell a ledger from one restored under the same name, or from a folder copied and
started elsewhere (docs/decisions/0061).

Also: no parent's row counts as a student's enrolment any more.
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

HOME = """
ALTER TABLE session_worker.installation
    ADD COLUMN objects text NOT NULL DEFAULT '',        -- ids that a restore makes anew
    ADD COLUMN addresses text[] NOT NULL DEFAULT '{}';  -- by which its worker reached it: host:port

-- Whether this ledger was copied before today, nothing can tell any more.
UPDATE session_worker.installation SET objects =
    concat_ws(':', (SELECT oid FROM pg_database WHERE datname = current_database()),
              to_regclass('session_worker.installation')::oid,
              to_regclass('session_worker.delivery')::oid);

-- Parents' rows counted as enrolments once: what goes on is looked up anew, so that it does not
-- pause for an enrolment that never was.
UPDATE session_worker.series SET enrolled = false WHERE enrolled AND state <> 'paused';
"""


def upgrade() -> None:
    op.execute(HOME)
