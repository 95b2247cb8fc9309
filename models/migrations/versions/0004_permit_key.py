"""A primary key for the one table without: PostgreSQL refuses to delete from a keyless table that
is published for logical replication, as `FOR ALL TABLES` publishes every table.
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

KEY = """
ALTER TABLE session_worker.permit ADD COLUMN id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY
"""


def upgrade() -> None:
    op.execute(KEY)
