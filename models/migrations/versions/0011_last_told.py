"""The calendar entry that each person was last told of a session; and how long a session lasts."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

LAST_TOLD = """
-- `told` holds all that the message named, and the calendar entry that it was about.
UPDATE session_worker.delivery
   SET told = told || jsonb_build_object('entry', session_id::text)
 WHERE told IS NOT NULL AND NOT told ? 'entry';

-- Entries that go on under the number of a row that was entered anew. Few.
CREATE INDEX delivery_entry ON session_worker.delivery (recipient, (told->>'entry'))
    WHERE told IS NOT NULL AND told->>'entry' IS DISTINCT FROM session_id::text;

-- When a session ends. A length in minutes is elapsed time, so a lesson of 60 minutes in a gap or
-- over one lasts 60. An end_time is what clocks show then, the earlier of two; where that is no
-- later than the start (both in a gap), the length that the clock says is elapsed time too.
CREATE FUNCTION session_worker.ends_at(
    starts timestamp, end_time time, duration integer, default_minutes integer, zone text
) RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN by_clock AND by_the_clock > begins
                THEN by_the_clock ELSE begins + (wall - starts) END
      FROM (SELECT session_worker.wall_end(starts, end_time, duration, default_minutes) AS wall,
                   session_worker.instant(starts, zone) AS begins) w,
           LATERAL (SELECT wall::time = end_time AS by_clock,
                           session_worker.instant(wall, zone) AS by_the_clock) e
$$;
"""


def upgrade() -> None:
    op.execute(LAST_TOLD)
