"""The worker's own schema: series and their occurrences, the ledger of messages, and the switches.

Nothing here refers to the site's tables by a constraint: a foreign key would let the worker block
the site's deletes (design promise 7), and a deleted row must leave its history behind.
"""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SERIES = """
-- One rule and its state. The anchor is the tutor_sessions row that carries the rule.
CREATE TABLE session_worker.series (
    anchor_id      bigint PRIMARY KEY,
    state          text NOT NULL
                   CHECK (state IN ('active', 'stopped', 'ended', 'unreadable', 'paused')),
    reason         text,
    seen           text NOT NULL,   -- anchor version, policy and site columns behind this state
    tutor_id       bigint NOT NULL,
    student_id     bigint NOT NULL,
    written        jsonb NOT NULL DEFAULT '{}',  -- column -> value last copied to its rows
    enrolled       boolean NOT NULL DEFAULT false,  -- an enrolment row was once there
    ends_on        date,            -- last date when a later row took the series over
    continued_by   bigint,          -- that row
    planned_from   date,            -- the rule was expanded over these dates, both inclusive
    planned_until  date,
    changed_at     timestamptz NOT NULL DEFAULT now()
);

-- Whether any is paused.
CREATE INDEX series_paused ON session_worker.series (anchor_id) WHERE state = 'paused';

-- One date of a series: the row it has, or why it has none.
CREATE TABLE session_worker.occurrence (
    anchor_id   bigint NOT NULL,
    occurs_on   date NOT NULL,
    session_id  bigint,
    state       text NOT NULL
                CHECK (state IN ('created', 'adopted', 'conflict', 'deleted', 'skipped')),
    reason      text,
    blocked_by  bigint,             -- the session in the way of this row, or of its new time
    kept        jsonb,              -- column -> value last written, where older than series.written
    PRIMARY KEY (anchor_id, occurs_on)
);
-- From a session to its series: pauses, "this and following".
CREATE INDEX occurrence_session ON session_worker.occurrence (session_id);
-- What each run looks at again.
CREATE INDEX occurrence_open ON session_worker.occurrence (occurs_on)
    WHERE state IN ('conflict', 'deleted') OR blocked_by IS NOT NULL;

-- What is odd about a row, as found when it was last read.
CREATE TABLE session_worker.finding (
    session_id  bigint NOT NULL,
    code        text NOT NULL,
    detail      text NOT NULL DEFAULT '',
    PRIMARY KEY (session_id, code, detail)
);

CREATE TABLE session_worker.backfill (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    from_date    date NOT NULL,
    until_date   date NOT NULL,
    tutor_id     bigint,
    session_id   bigint,
    created_at   timestamptz NOT NULL DEFAULT now(),
    stopped_at   timestamptz,      -- by its admin; resuming clears it
    finished_at  timestamptz
);
CREATE TABLE session_worker.backfill_chunk (
    backfill_id   bigint NOT NULL REFERENCES session_worker.backfill ON DELETE CASCADE,
    first_anchor  bigint NOT NULL,
    last_anchor   bigint NOT NULL,
    state         text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'done', 'failed')),
    rows          jsonb NOT NULL DEFAULT '{}',
    error         text,
    PRIMARY KEY (backfill_id, first_anchor)
);
"""

LEDGER = """
-- One message to one person about one start (the ledger).
CREATE TABLE session_worker.delivery (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    session_id     bigint NOT NULL,
    tutor_id       bigint NOT NULL,
    student_id     bigint NOT NULL,
    starts_at      timestamptz NOT NULL,
    kind           text NOT NULL CHECK (kind IN ('alarm', 'reminder', 'notice', 'agenda')),
    urgency        smallint GENERATED ALWAYS AS (
                       CASE kind WHEN 'alarm' THEN 0 WHEN 'reminder' THEN 1 ELSE 2 END) STORED,
    lead_minutes   integer NOT NULL,
    revision       smallint NOT NULL DEFAULT 0,  -- a start changes again, an alarm is repeated
    recipient      text NOT NULL,    -- 'user:7', or 'student:3' where no user stands behind it
    person_id      bigint,           -- users.id
    role           text NOT NULL CHECK (role IN ('tutor', 'student', 'parent')),
    state          text NOT NULL DEFAULT 'planned' CHECK (state IN (
                       'planned', 'claimed', 'sending', 'sent', 'failed', 'unknown',
                       'held', 'expired', 'obsolete', 'unreachable')),
    reason         text,
    change         jsonb,            -- notices: what happened, and the old start
    told           jsonb,            -- what the message named: a deleted row cannot be asked
    due_at         timestamptz NOT NULL,   -- when the lead says
    send_after     timestamptz NOT NULL,   -- not before: quiet hours, snooze, a channel's limit
    retry_at       timestamptz,      -- failed or unknown: when it is tried again; NULL: never
    holder         uuid,             -- the batch that holds the lease
    lease_until    timestamptz,
    message_key    uuid,             -- same for every try: Message-ID, idempotency key
    message_at     timestamptz,      -- its Date
    channel        text,
    outbox         text,             -- 'log' or 'redirect' where it was not live
    batch          bigint,           -- what it is held with
    attempts       smallint NOT NULL DEFAULT 0,
    tries_since    timestamptz,      -- an admin had it sent again: earlier tries bar no channel
    sent_at        timestamptz,
    acknowledged_at timestamptz,
    planned_at     timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT delivery_once UNIQUE
        (tutor_id, student_id, starts_at, kind, lead_minutes, recipient, revision)
);
-- Claims: soonest start first, alarms before reminders before notices; what one person gets about
-- one start lies side by side.
CREATE INDEX delivery_ready ON session_worker.delivery (starts_at, urgency, kind, recipient, id)
    WHERE state = 'planned';
-- The notices of one person are claimed as one message.
CREATE INDEX delivery_told ON session_worker.delivery (recipient, starts_at, id)
    WHERE state = 'planned' AND kind = 'notice';
-- What waits for a channel's rate, soonest start first.
CREATE INDEX delivery_paced ON session_worker.delivery (starts_at, urgency, kind, recipient, id)
    WHERE state = 'planned' AND reason = 'rate';
-- What is tried again, and when.
CREATE INDEX delivery_retry ON session_worker.delivery (retry_at) WHERE retry_at IS NOT NULL;
-- Sweep: leases that ran out.
CREATE INDEX delivery_leased ON session_worker.delivery (lease_until)
    WHERE state IN ('claimed', 'sending');
-- What is still to begin and must stay true; what a person was told.
CREATE INDEX delivery_session ON session_worker.delivery (session_id, starts_at);
CREATE INDEX delivery_start ON session_worker.delivery (starts_at);
-- What one notice told: it may be about many starts.
CREATE INDEX delivery_notice ON session_worker.delivery (message_key) WHERE kind = 'notice';
-- What waits for an admin. Few rows, and none of those that go well.
CREATE INDEX delivery_stuck ON session_worker.delivery (batch, id)
    WHERE state IN ('held', 'unknown');

CREATE TABLE session_worker.attempt (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    delivery_id  bigint NOT NULL,
    message_key  uuid NOT NULL,
    channel      text NOT NULL,
    begun_at     timestamptz NOT NULL,
    ended_at     timestamptz,
    outcome      text CHECK (outcome IN ('sent', 'failed', 'unknown')),
    final        boolean NOT NULL DEFAULT false,  -- this channel will not be tried again
    words        text              -- the provider's, without addresses
);
CREATE INDEX attempt_delivery ON session_worker.attempt (delivery_id);
-- A channel's rate: what was sent in the last second, minute, hour. Small, as rows come in order.
CREATE INDEX attempt_recent ON session_worker.attempt USING brin (begun_at);

-- What became of a message outside of its tries: it fell, came back, was held, released, settled.
CREATE TABLE session_worker.move (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    delivery_id  bigint NOT NULL,
    state        text NOT NULL,
    reason       text,
    moved_at     timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX move_delivery ON session_worker.move (delivery_id);

-- Places taken of a channel's rate while Redis is away.
CREATE TABLE session_worker.permit (
    channel     text NOT NULL,
    granted_at  timestamptz NOT NULL
);
CREATE INDEX permit_recent ON session_worker.permit (channel, granted_at);

-- Messages held together, for an admin to release or drop.
CREATE TABLE session_worker.held_batch (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    cause    text NOT NULL,        -- 'flood' or 'wrong_database'
    detail   text NOT NULL,
    held_at  timestamptz NOT NULL DEFAULT now(),
    settled_at timestamptz
);
"""

SWITCHES = """
-- The server and database this ledger belongs to, and how far planning has come. One row.
CREATE TABLE session_worker.installation (
    one                boolean PRIMARY KEY DEFAULT true CHECK (one),
    system_identifier  text NOT NULL,
    database_name      text NOT NULL,
    timeline           bigint NOT NULL,
    installed_at       timestamptz NOT NULL DEFAULT now(),
    first_tick_at      timestamptz,  -- beat's first: what was due before is not sent
    planned_until      timestamptz,  -- due times up to here have been planned
    ticked_at          timestamptz,  -- the instant of the last planning pass
    alarm_leads        integer[] NOT NULL DEFAULT '{15}'  -- minutes that coming alarms use
);

CREATE TABLE session_worker.heartbeat (
    name     text PRIMARY KEY,
    beat_at  timestamptz NOT NULL
);

-- The switch for a bad day; '*' is every channel.
CREATE TABLE session_worker.pause (
    channel    text PRIMARY KEY,
    reason     text,
    paused_at  timestamptz NOT NULL DEFAULT now()
);

-- What a person wishes. The site may write it; a value that cannot be read falls back with a
-- finding.
CREATE TABLE session_worker.preference (
    person_id    bigint NOT NULL,            -- users.id
    kind         text NOT NULL DEFAULT '*',  -- 'reminder', 'alarm', 'notice', 'agenda' or '*'
    language     text,                       -- 'en', 'am'
    zone         text,                       -- IANA name
    channels     text[],                     -- in order of choice
    addresses    jsonb,                      -- channel -> address, beside e-mail and phone
    quiet_from   time,                       -- local wall times; may pass midnight
    quiet_until  time,
    muted        boolean NOT NULL DEFAULT false,
    PRIMARY KEY (person_id, kind)
);
"""

FUNCTIONS = """
-- A wall time in a zone as an instant: a gap moves on, a fold is the earlier (RFC 5545, 3.3.5).
-- PostgreSQL alone takes the later of a fold, so the offset of three hours before is tried first.
CREATE FUNCTION session_worker.instant(wall timestamp, zone text) RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN (((wall - interval '3 hours') AT TIME ZONE zone) + interval '3 hours')
             AT TIME ZONE zone = wall
        THEN ((wall - interval '3 hours') AT TIME ZONE zone) + interval '3 hours'
        ELSE wall AT TIME ZONE zone END
$$;

-- How long a session lasts, in wall time: end_time, else the next day if that is at most 12 hours,
-- else duration, else the default (design, "Rules").
CREATE FUNCTION session_worker.wall_end(
    starts timestamp, end_time time, duration integer, default_minutes integer
) RETURNS timestamp LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN end_time > starts::time THEN starts::date + end_time
        WHEN end_time <= starts::time
             AND (starts::date + 1 + end_time) - starts <= interval '12 hours'
        THEN starts::date + 1 + end_time
        WHEN duration BETWEEN 1 AND 1440 THEN starts + make_interval(mins => duration)
        ELSE starts + make_interval(mins => default_minutes) END
$$;

-- A status in the one spelling that statements compare: ' In_Progress' is 'inprogress'.
CREATE FUNCTION session_worker.status_of(status text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE translate(lower(btrim(status)), '-_ ', '')
        WHEN 'canceled' THEN 'cancelled'
        ELSE translate(lower(btrim(status)), '-_ ', '') END
$$;

-- How long before the start an alarm is due: nothing, a negative or more than 7 days means 15.
CREATE FUNCTION session_worker.alarm_minutes(minutes integer) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN minutes BETWEEN 0 AND 10080 THEN minutes ELSE 15 END
$$;

-- Whether it is too late (promise 5). What is due at the start itself may be one minute late.
CREATE FUNCTION session_worker.begun(
    kind text, lead_minutes integer, starts_at timestamptz, at timestamptz
) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN lead_minutes = 0 AND kind IN ('alarm', 'reminder')
        THEN starts_at < at - interval '1 minute'
        ELSE starts_at <= at END
$$;

-- A person's zone, or the other where it is none: a wish must not stop a pass.
CREATE FUNCTION session_worker.known_zone(zone text, otherwise text) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED AS $$
BEGIN
    PERFORM now() AT TIME ZONE zone;
    RETURN coalesce(zone, otherwise);
EXCEPTION WHEN OTHERS THEN
    RETURN otherwise;
END
$$;

-- Whether a session, as an anchor or as a date, belongs to a series that is paused.
-- Indexes: the primary key of series, occurrence_session.
CREATE FUNCTION session_worker.is_paused(session bigint) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN EXISTS (SELECT FROM session_worker.series r
                    WHERE r.anchor_id = session AND r.state = 'paused')
        OR EXISTS (SELECT FROM session_worker.occurrence o
                     JOIN session_worker.series r ON r.anchor_id = o.anchor_id
                    WHERE o.session_id = session AND r.state = 'paused');
END
$$;

-- When a reminder goes whose recipient has quiet hours: at their end, or, if the session would have
-- begun by then, a minute before they start. Quiet hours may pass midnight.
CREATE FUNCTION session_worker.outside_quiet(
    due timestamptz, starts_at timestamptz, quiet_from time, quiet_until time, zone text
) RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN NOT coalesce(quiet, false) THEN due
        WHEN ends_at < starts_at THEN ends_at
        ELSE begins_at - interval '1 minute' END
    FROM (SELECT due AT TIME ZONE zone AS wall) w,
    LATERAL (SELECT CASE
        WHEN quiet_from < quiet_until THEN wall::time >= quiet_from AND wall::time < quiet_until
        WHEN quiet_from > quiet_until THEN wall::time >= quiet_from OR wall::time < quiet_until
        END AS quiet) q,
    LATERAL (SELECT
        session_worker.instant(
            wall::date + quiet_until + CASE WHEN wall::time >= quiet_until
                THEN interval '1 day' ELSE interval '0' END, zone) AS ends_at,
        session_worker.instant(
            wall::date + quiet_from - CASE WHEN wall::time < quiet_from
                THEN interval '1 day' ELSE interval '0' END, zone) AS begins_at) e
$$;

-- The same for a person, by what they wish for reminders or else for everything.
-- Index: the primary key of preference.
CREATE FUNCTION session_worker.heeding_quiet(
    person bigint, due timestamptz, starts_at timestamptz, site_zone text
) RETURNS timestamptz LANGUAGE plpgsql STABLE AS $$
DECLARE
    quiet_from time;
    quiet_until time;
    zone text;
BEGIN
    SELECT coalesce(k.quiet_from, a.quiet_from), coalesce(k.quiet_until, a.quiet_until),
           session_worker.known_zone(coalesce(k.zone, a.zone), site_zone)
      INTO quiet_from, quiet_until, zone
      FROM (SELECT 1) one
      LEFT JOIN session_worker.preference a ON a.person_id = person AND a.kind = '*'
      LEFT JOIN session_worker.preference k ON k.person_id = person AND k.kind = 'reminder';
    IF quiet_from IS NULL OR quiet_until IS NULL THEN
        RETURN due;
    END IF;
    RETURN session_worker.outside_quiet(due, starts_at, quiet_from, quiet_until, zone);
END
$$;
"""


def upgrade() -> None:
    for script in (SERIES, LEDGER, SWITCHES, FUNCTIONS):
        op.execute(script)
