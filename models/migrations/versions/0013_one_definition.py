"""SQL functions of lateness, quiet hours and zones, defined once for statements and worker."""

from zoneinfo import available_timezones

from alembic import op
from sqlalchemy import text

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

TOO_LATE = """
-- From when on a message is too late (promise 5). What is due at the start itself may be one minute
-- late, that minute included; a notice comes too late after the start that was told before, too.
CREATE FUNCTION session_worker.too_late_at(
    kind text, lead_minutes integer, starts_at timestamptz, change jsonb
) RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN lead_minutes = 0 AND kind IN ('alarm', 'reminder')
        THEN starts_at + interval '1 minute 1 microsecond'
        ELSE least(starts_at, (change->>'old_starts_at')::timestamptz) END
$$;

CREATE FUNCTION session_worker.begun(
    kind text, lead_minutes integer, starts_at timestamptz, change jsonb, at timestamptz
) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT session_worker.too_late_at(kind, lead_minutes, starts_at, change) <= at
$$;
DROP FUNCTION session_worker.begun(text, integer, timestamptz, timestamptz);
"""

ZONES = """
-- Names of zones that both PostgreSQL and the worker's zone data have. PostgreSQL alone takes many
-- a text for a zone ('+03:00', 'EAT-3', 'Room 12').
CREATE TABLE session_worker.zone (name text PRIMARY KEY);
"""

# In AT TIME ZONE these are abbreviations: an hour off in summer.
ABBREVIATED = {"CET", "EET", "MET", "WET"}
FILL_ZONES = text("""
    INSERT INTO session_worker.zone (name)
    SELECT name FROM pg_timezone_names
     WHERE name = ANY(:names) AND NOT name = ANY(:abbreviated)""")

QUIET = """
-- A person's zone, or the other where it is none: a wish must not stop a pass.
CREATE OR REPLACE FUNCTION session_worker.known_zone(zone text, otherwise text) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT coalesce((SELECT z.name FROM session_worker.zone z WHERE z.name = $1), $2)
$$;

-- The end of the quiet hours that an instant falls in, or NULL. They may pass midnight, and may end
-- or begin at 24:00.
CREATE FUNCTION session_worker.quiet_end(
    at timestamptz, quiet_from time, quiet_until time, zone text
) RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT session_worker.instant(
               wall::date + quiet_until + CASE WHEN wall::time >= quiet_until
                   THEN interval '1 day' ELSE interval '0' END, zone)
      FROM (SELECT at AT TIME ZONE zone AS wall) w
     WHERE CASE
        WHEN quiet_from < quiet_until THEN wall::time >= quiet_from AND wall::time < quiet_until
        WHEN quiet_from > quiet_until THEN wall::time >= quiet_from OR wall::time < quiet_until
        END
$$;

-- When a reminder goes whose recipient has quiet hours: at their end, or, if the session would have
-- begun by then, a minute before they start.
CREATE OR REPLACE FUNCTION session_worker.outside_quiet(
    due timestamptz, starts_at timestamptz, quiet_from time, quiet_until time, zone text
) RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN ends_at IS NULL THEN due
        WHEN ends_at < starts_at THEN ends_at
        ELSE session_worker.instant(
            wall::date + quiet_from - CASE WHEN wall::time < quiet_from
                THEN interval '1 day' ELSE interval '0' END, zone) - interval '1 minute' END
      FROM (SELECT due AT TIME ZONE zone AS wall,
                   session_worker.quiet_end(due, quiet_from, quiet_until, zone) AS ends_at) w
$$;

-- What a person wishes for a kind of message, or else for everything; the zone is known.
-- Index: the primary key of preference.
CREATE FUNCTION session_worker.quiet_hours(
    person bigint, of_kind text, site_zone text,
    OUT quiet_from time, OUT quiet_until time, OUT zone text
) LANGUAGE sql STABLE AS $$
    SELECT coalesce(k.quiet_from, a.quiet_from), coalesce(k.quiet_until, a.quiet_until),
           session_worker.known_zone(k.zone, session_worker.known_zone(a.zone, site_zone))
      FROM (SELECT 1) one
      LEFT JOIN session_worker.preference a ON a.person_id = person AND a.kind = '*'
      LEFT JOIN session_worker.preference k ON k.person_id = person AND k.kind = of_kind
$$;

-- The end of the person's quiet hours at an instant, for a kind of message; an alarm is never held.
CREATE FUNCTION session_worker.silent_until(
    person bigint, of_kind text, at timestamptz, site_zone text
) RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT session_worker.quiet_end(at, q.quiet_from, q.quiet_until, q.zone)
      FROM session_worker.quiet_hours(person, of_kind, site_zone) q
     WHERE of_kind <> 'alarm'
$$;

CREATE OR REPLACE FUNCTION session_worker.heeding_quiet(
    person bigint, due timestamptz, starts_at timestamptz, site_zone text
) RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT session_worker.outside_quiet(due, starts_at, q.quiet_from, q.quiet_until, q.zone)
      FROM session_worker.quiet_hours(person, 'reminder', site_zone) q
$$;
"""


def upgrade() -> None:
    op.execute(TOO_LATE)
    op.execute(ZONES)
    names = {"names": sorted(available_timezones()), "abbreviated": sorted(ABBREVIATED)}
    op.get_bind().execute(FILL_ZONES, names)
    op.execute(QUIET)
