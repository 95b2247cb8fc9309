"""Writes that the site's constraints, triggers and partitions may refuse (design, "A generated
row"): all rows in one statement; if that fails, one series at a time; if that fails, one date.

The loop runs inside the server, so that a refused row costs tens of microseconds. Refused rows are
recorded in sw_refused, with the server's message.
"""

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

# SQLSTATE classes that say nothing about the row: connection, transaction rollback, resources,
# object state and locks, operator intervention, system and internal errors.
NO_REFUSALS = ("08", "40", "53", "55", "57", "58", "XX")
NOT_PERMITTED = "42501"

# A deferred constraint would fail at the commit, and undo all rows.
CHECK_AT_ONCE = text("SET CONSTRAINTS ALL IMMEDIATE")


def write_set(conn: Connection, statement: str, one_by_one: str, rows: int) -> bool:
    """Run `statement`; returns True where it wrote all `rows` rows.

    Otherwise it is rolled back, and the block `one_by_one` writes the rows that the site accepts;
    the others go to sw_refused. Raises DBAPIError for errors that are no refusal.
    """
    try:
        with conn.begin_nested() as savepoint:
            conn.execute(CHECK_AT_ONCE)
            if conn.execute(text(statement)).rowcount == rows:
                return True
            savepoint.rollback()  # a trigger of the site's suppressed rows
    except DBAPIError as error:
        if not is_refusal(error):
            raise
    conn.execute(CHECK_AT_ONCE)
    loops = conn.scalars(LOOPS).one()
    conn.execute(FIND_ONE)
    conn.execute(text(one_by_one))
    conn.execute(AS_BEFORE, {"loops": loops})
    return False


# The block reads a few rows at a time by index; the set statement is faster with scans and hashes.
FIND_ONE = text("""
    CREATE INDEX IF NOT EXISTS sw_anchor_one ON pg_temp.sw_anchor (id);
    CREATE INDEX IF NOT EXISTS sw_change_one ON pg_temp.sw_change (session_id);
    SET LOCAL enable_nestloop = on;
    SET LOCAL enable_seqscan = off""")
LOOPS = text("SELECT current_setting('enable_nestloop')")
AS_BEFORE = text("""
    SELECT set_config('enable_seqscan', 'on', true), set_config('enable_nestloop', :loops, true)""")


def is_refusal(error: DBAPIError) -> bool:
    """True where the error is about the row, not about the connection, locks, rights or server."""
    code = getattr(error.orig, "pgcode", None) or "XX000"
    return not (error.connection_invalidated or code[:2] in NO_REFUSALS or code == NOT_PERMITTED)


_RAISE_OTHERS = f"""IF left(SQLSTATE, 2) = ANY('{{{",".join(NO_REFUSALS)}}}')
                   OR SQLSTATE = '{NOT_PERMITTED}' THEN
                    RAISE;
                END IF;"""
LEFT_OUT = "a trigger of the site leaves the row out"


def insert_one_by_one(insert: str) -> str:
    """PL/pgSQL block that inserts series by series, and the dates of a failed series one by one.

    `insert` inserts the rows of the anchor `sw_series.id` on the dates `sw_days`, in that order,
    and returns their ids.
    """
    insert = f"""
        WITH made AS ({insert}) SELECT array_agg(made.id) INTO sw_made FROM made;
        IF coalesce(cardinality(sw_made), 0) <> cardinality(sw_days) THEN
            RAISE EXCEPTION '{LEFT_OUT}';
        END IF;"""
    return f"""
    DO $sw$
    #variable_conflict use_column
    DECLARE
        sw_series record;
        sw_days date[];
        sw_made bigint[];
        sw_ids bigint[];
    BEGIN
        FOR sw_series IN
            SELECT c.anchor_id AS id, array_agg(c.occurs_on ORDER BY c.occurs_on) AS days,
                   array_agg(c.mark ORDER BY c.occurs_on) AS marks
              FROM sw_candidate c
             WHERE c.kind = 'insert' AND c.verdict = 'place' GROUP BY 1 ORDER BY 1
        LOOP
            BEGIN
                sw_days = sw_series.days;
                {insert}
                sw_ids = sw_made;
            EXCEPTION WHEN OTHERS THEN
                {_RAISE_OTHERS}
                -- A place for each date: an array that grew from its second would begin there.
                sw_ids = array_fill(CAST(NULL AS bigint), ARRAY[cardinality(sw_series.days)]);
                FOR sw_n IN 1..cardinality(sw_series.days) LOOP
                    BEGIN
                        sw_days = sw_series.days[sw_n\\:sw_n];
                        {insert}
                        sw_ids[sw_n] = sw_made[1];
                    EXCEPTION WHEN OTHERS THEN
                        {_RAISE_OTHERS}
                        INSERT INTO sw_refused (anchor_id, occurs_on, words)
                        VALUES (sw_series.id, sw_series.days[sw_n], SQLERRM);
                    END;
                END LOOP;
            END;
            INSERT INTO session_worker.occurrence (anchor_id, occurs_on, session_id, state, reason)
            SELECT sw_series.id, made.day, made.id, 'created', made.mark
              FROM unnest(sw_series.days, sw_ids, sw_series.marks) AS made(day, id, mark)
             WHERE made.id IS NOT NULL;
        END LOOP;
    END $sw$"""


def update_one_by_one(update: str, kinds: str) -> str:
    """PL/pgSQL block that updates the rows of sw_change one by one and deletes the refused ones
    from it.

    `update` is the statement, with {among} where a condition can be added; `kinds` is an SQL
    condition on sw_change.
    """
    one = update.format(among="AND c.session_id = sw_one.id")
    return f"""
    DO $sw$
    #variable_conflict use_column
    DECLARE
        sw_one record;
        sw_rows bigint;
    BEGIN
        FOR sw_one IN
            SELECT c.session_id AS id, c.anchor_id AS anchor, c.old_on AS day FROM sw_change c
             WHERE {kinds} ORDER BY c.anchor_id, c.old_on
        LOOP
            BEGIN
                {one};
                GET DIAGNOSTICS sw_rows = ROW_COUNT;
                IF sw_rows = 0 THEN
                    RAISE EXCEPTION '{LEFT_OUT}';
                END IF;
            EXCEPTION WHEN OTHERS THEN
                {_RAISE_OTHERS}
                INSERT INTO sw_refused (anchor_id, occurs_on, session_id, words)
                VALUES (sw_one.anchor, sw_one.day, sw_one.id, SQLERRM);
            END;
        END LOOP;
        DELETE FROM sw_change c USING sw_refused r WHERE r.session_id = c.session_id;
    END $sw$"""
