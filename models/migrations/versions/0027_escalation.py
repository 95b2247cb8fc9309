"""Kinds of messages around a lesson: an alarm that is passed on, and a question after the end."""

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

KINDS = """
-- NOT VALID, so that no row is read: those that are there passed the check before. A question's
-- `starts_at` is a day after it is due, when it is not asked any more (docs/decisions/0121).
ALTER TABLE session_worker.delivery DROP CONSTRAINT delivery_kind_check;
ALTER TABLE session_worker.delivery ADD CONSTRAINT delivery_kind_check CHECK (
    kind IN ('alarm', 'reminder', 'notice', 'agenda', 'escalation', 'follow_up')) NOT VALID;
-- What was asked about a session. A question is asked once.
CREATE INDEX delivery_follow_up ON session_worker.delivery (session_id) WHERE kind = 'follow_up';

-- The end of the person's quiet hours at an instant, for a kind of message; an alarm is never held,
-- by whomever it is heard.
CREATE OR REPLACE FUNCTION session_worker.silent_until(
    person bigint, of_kind text, at timestamptz, site_zone text
) RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT session_worker.quiet_end(at, q.quiet_from, q.quiet_until, q.zone)
      FROM session_worker.quiet_hours(person, of_kind, site_zone) q
     WHERE of_kind NOT IN ('alarm', 'escalation')
$$;
"""


def upgrade() -> None:
    op.execute(KINDS)
