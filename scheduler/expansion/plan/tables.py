"""The temporary tables in which a chunk of series is planned, each declared once.

They are filled in this order, read by `expansion/write`, and dropped with the transaction. Their
names begin with `sw_`. A table of the site's may have the same name, as pg_temp is searched first.
"""

from sqlalchemy import Connection, text

from scheduler.expansion.span import Span

# Copy of the anchors. Rows and records are both written from it, so that they agree even if an
# anchor changes meanwhile. The version is the anchor's xmin.
ANCHOR = """
    CREATE TEMP TABLE sw_anchor ON COMMIT DROP AS
    SELECT t.*, t.xmin::text AS {version} FROM tutor_sessions t WITH NO DATA"""

# The present state of each series. `changed`: its existing rows are compared with it. `dates`: the
# number of its list in sw_dates.
SERIES = """
    CREATE TEMP TABLE sw_series (
        anchor_id bigint, state text, reason text, seen text, enrolled boolean,
        planned_from date, planned_until date, changed boolean, absences bigint, dates integer
    ) ON COMMIT DROP"""

# Dates of series that an absence covers.
ABSENT = """
    CREATE TEMP TABLE sw_absent (anchor_id bigint, occurs_on date, absence bigint) ON COMMIT DROP"""

# Lists of dates that rules name; series that want the same dates share one. `holiday`: the reason
# why the date has no row, also an absence; `mark`: the holiday noted on the row of the date.
DATES = """
    CREATE TEMP TABLE sw_dates (dates integer, occurs_on date, holiday text, mark text)
    ON COMMIT DROP"""
WANTED = """
    CREATE TEMP TABLE sw_wanted (
        anchor_id bigint, occurs_on date, holiday text, mark text, absence bigint
    ) ON COMMIT DROP"""

# The rows of the changed series. Values: `target`, what the series wants the row to hold; `base`,
# what it wanted when the worker last wrote the row; `written`, what the row held then, or what the
# site's triggers and bulk changes made of it since; `now`, what it holds.
# Decisions of people: `restored`, the worker had cancelled the row and a person undid that;
# `placed`, a person decided its date, hours, people or status.
# Changes to come: `loose`, columns to follow, which are still the worker's; `shifts`, time or
# people are among them; `leaves`, the row moves to another date or is cancelled; `returns`, the
# worker had cancelled it and the rule names its date again.
ROW = """
    CREATE TEMP TABLE sw_row (
        anchor_id bigint, occurs_on date, session_id bigint, state text, target jsonb, base jsonb,
        written jsonb, now jsonb, wanted boolean, holiday text, mark text, restored boolean,
        live boolean, to_come boolean, placed boolean, absence bigint, loose text[],
        shifts boolean, leaves boolean, returns boolean
    ) ON COMMIT DROP"""

# Closed dates of the changed series, and `why` no date is filled in their place.
CLOSED = """
    CREATE TEMP TABLE sw_closed (anchor_id bigint, occurs_on date, wanted boolean, why text)
    ON COMMIT DROP"""

# Candidates. Kinds: `insert` a new row, `revive` a cancelled one, `keep` a row and let its columns
# follow, `move` a row to the new date that it was paired with.
# `shifts`: time or people change; `settled`: no conflict is possible; `recorded`: the date has a
# reason why it has no row; not `inside`: the date is after the span, only for rows that move there.
# `verdict`: `place`, `adopted`, `conflict`, or `skipped` for a closed date; `stays`: the row cannot
# shift; `rules`: the adopted row carries a rule; `own`: the row found is as the worker would have
# made it; `stands_for`: the closed date that this one replaces.
CANDIDATE = """
    CREATE TEMP TABLE sw_candidate (
        anchor_id bigint, occurs_on date, kind text, session_id bigint, tutor_id bigint,
        student_id bigint, on_date date, start_time time, starts timestamp, ends timestamp,
        loose text[], verdict text, blocked_by bigint, blocked_anchor bigint, blocked_on date,
        mark text, shifts boolean, settled boolean, recorded boolean, inside boolean,
        stays boolean DEFAULT false, rules boolean DEFAULT false, own boolean DEFAULT false,
        stands_for date
    ) ON COMMIT DROP"""

# The sessions of the candidates' people around their dates. `yields`: the row leaves its place in
# this run, so it is no obstacle.
NEAR = """
    CREATE TEMP TABLE sw_near (
        id bigint, tutor_id bigint, student_id bigint, session_date date, start_time time,
        starts timestamp, ends timestamp, live boolean, rules boolean, yields boolean
    ) ON COMMIT DROP"""

# Pairs of candidates of which only one can stand. `same`: they are one session.
CLASH = """
    CREATE TEMP TABLE sw_clash (
        winner bigint, winner_on date, loser bigint, loser_on date, same boolean
    ) ON COMMIT DROP"""

# Changes of existing rows. `kind`: `keep`, `move`, `revive` or `cancel`; `loose`: the columns to
# follow; `gives_way`: another row may take its place.
CHANGE = """
    CREATE TEMP TABLE sw_change (
        session_id bigint, anchor_id bigint, old_on date, new_on date, kind text, mark text,
        loose text[], gives_way boolean
    ) ON COMMIT DROP"""

# Rows that the site refused. `session_id` is NULL for a new row. `words`: the server's message.
REFUSED = """
    CREATE TEMP TABLE sw_refused (anchor_id bigint, occurs_on date, session_id bigint, words text)
    ON COMMIT DROP"""

TABLES = (
    ANCHOR,
    SERIES,
    ABSENT,
    DATES,
    WANTED,
    ROW,
    CLOSED,
    CANDIDATE,
    NEAR,
    CLASH,
    CHANGE,
    REFUSED,
)
# Needed where one transaction plans a second chunk.
DROP = """
    DROP TABLE IF EXISTS pg_temp.sw_anchor, pg_temp.sw_series, pg_temp.sw_absent,
                         pg_temp.sw_dates, pg_temp.sw_wanted, pg_temp.sw_row, pg_temp.sw_closed,
                         pg_temp.sw_candidate, pg_temp.sw_near, pg_temp.sw_clash,
                         pg_temp.sw_change, pg_temp.sw_refused"""


def make_tables(conn: Connection, span: Span) -> None:
    """Create all of the plan's tables, empty; tables of an earlier chunk are dropped."""
    tables = ";".join((DROP, *TABLES))
    conn.execute(text(tables.format(version=span.columns.version_name)))
