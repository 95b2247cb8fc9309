"""Changes that the site's own machinery made of a row, and dates that stand for one that a person
settled: so that only a person's edit counts as one.
"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

COLUMNS = """
ALTER TABLE session_worker.occurrence
    ADD made jsonb,        -- column -> what the site made of it, where it is not what was wanted
    ADD stands_for date;   -- skipped: the date of the rule before, whose row a person took away;
                           -- the date itself: the rule had no new one for it

-- Dates that were settled under earlier rules stand for none of a later one's.
UPDATE session_worker.occurrence SET stands_for = occurs_on WHERE state = 'deleted';

-- Which new date stands for an old one: there are few.
CREATE INDEX occurrence_stands_for ON session_worker.occurrence (anchor_id, stands_for)
    WHERE stands_for IS NOT NULL;
"""


def upgrade() -> None:
    op.execute(COLUMNS)
