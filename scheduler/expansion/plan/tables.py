"""The temporary tables in which a chunk of series is planned, each declared once.

They are filled in this order, read by what writes, and gone with the transaction. Their names begin
with `sw_`, and one of the site's tables may be named alike: pg_temp is searched first.
"""

from sqlalchemy import Connection, text

from scheduler.expansion.span import Span

# The anchors as one snapshot: rows are written from this copy, so what is recorded as written is
# what was written, whoever changes an anchor meanwhile. The version is the anchor's xmin.
ANCHOR = """
    CREATE TEMP TABLE sw_anchor ON COMMIT DROP AS
    SELECT t.*, t.xmin::text AS {version} FROM tutor_sessions t WITH NO DATA"""

# What each series now is. `changed`: its rows are to be held against it, not just the missing
# dates filled. `dates`: the number of its list in sw_dates.
SERIES = """
    CREATE TEMP TABLE sw_series (
        anchor_id bigint, state text, reason text, seen text, enrolled boolean,
        planned_from date, planned_until date, changed boolean, dates integer
    ) ON COMMIT DROP"""

# Lists of dates that rules name: series that want the same dates share one. `holiday`: why there is
# no row on it; `mark`: the holiday that a row on it is marked with.
DATES = """
    CREATE TEMP TABLE sw_dates (dates integer, occurs_on date, holiday text, mark text)
    ON COMMIT DROP"""
WANTED = """
    CREATE TEMP TABLE sw_wanted (anchor_id bigint, occurs_on date, holiday text, mark text)
    ON COMMIT DROP"""

# The rows of the changed series. `target`: what the series wants the row to hold; `base`: what it
# wanted when the worker last wrote the row; `written`: what the row held then, or was given since
# by the site's own machinery; `now`: what it holds. `restored`: the worker had cancelled it, and a
# person put that right; `placed`: a person decided where and when it is, or whether it takes place.
# What follows the series: `loose`, columns that are still the worker's; `shifts`: among them are
# some that say when the session is, and whose; `leaves`: the row moves to another date or is
# cancelled; `returns`: the worker had cancelled it, and the rule names its date again.
ROW = """
    CREATE TEMP TABLE sw_row (
        anchor_id bigint, occurs_on date, session_id bigint, state text, target jsonb, base jsonb,
        written jsonb, now jsonb, wanted boolean, holiday text, mark text, restored boolean,
        live boolean, to_come boolean, placed boolean, loose text[], shifts boolean,
        leaves boolean, returns boolean
    ) ON COMMIT DROP"""

# Dates of the changed series that a person settled, and `why` the worker fills none in their place.
CLOSED = """
    CREATE TEMP TABLE sw_closed (anchor_id bigint, occurs_on date, wanted boolean, why text)
    ON COMMIT DROP"""

# The rows to make (`insert`), to bring back (`revive`), to follow their series (`keep`) and, once a
# row has been found for a new date, to move there (`move`). `shifts`: it is to be at another time
# or with other people; `settled`: nothing can speak against it; `recorded`: the date has a reason
# why there is no row. Dates past the span (not `inside`) are for rows that move there. `verdict`:
# `place`, `adopted`, `conflict`, or `skipped` where a person has settled that date; `stays`: it
# cannot shift; `rules`: what is adopted carries a rule; `own`: it is as the worker would have made
# it; `stands_for`: the date whose row a person took away.
CANDIDATE = """
    CREATE TEMP TABLE sw_candidate (
        anchor_id bigint, occurs_on date, kind text, session_id bigint, tutor_id bigint,
        student_id bigint, on_date date, start_time time, starts timestamp, ends timestamp,
        loose text[], verdict text, blocked_by bigint, blocked_anchor bigint, blocked_on date,
        mark text, shifts boolean, settled boolean, recorded boolean, inside boolean,
        stays boolean DEFAULT false, rules boolean DEFAULT false, own boolean DEFAULT false,
        stands_for date
    ) ON COMMIT DROP"""

# The sessions of the candidates' people around their dates. `yields`: it leaves its place in this
# run, so that others can have it.
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

# What is written to rows that stand. `kind`: `keep`, `move`, `revive` or `cancel`; `loose`: the
# columns to follow; `gives_way`: another may have its place.
CHANGE = """
    CREATE TEMP TABLE sw_change (
        session_id bigint, anchor_id bigint, old_on date, new_on date, kind text, mark text,
        loose text[], gives_way boolean
    ) ON COMMIT DROP"""

# What the site refused of what was to be written; `session_id` where it is a row that stands.
REFUSED = """
    CREATE TEMP TABLE sw_refused (anchor_id bigint, occurs_on date, session_id bigint, words text)
    ON COMMIT DROP"""

TABLES = (ANCHOR, SERIES, DATES, WANTED, ROW, CLOSED, CANDIDATE, NEAR, CLASH, CHANGE, REFUSED)
# A second chunk in one transaction starts anew.
DROP = """
    DROP TABLE IF EXISTS pg_temp.sw_anchor, pg_temp.sw_series, pg_temp.sw_dates,
                         pg_temp.sw_wanted, pg_temp.sw_row, pg_temp.sw_closed,
                         pg_temp.sw_candidate, pg_temp.sw_near, pg_temp.sw_clash,
                         pg_temp.sw_change, pg_temp.sw_refused"""


def make_tables(conn: Connection, span: Span) -> None:
    """All of them, empty."""
    tables = ";".join((DROP, *TABLES))
    conn.execute(text(tables.format(version=span.columns.version_name)))
