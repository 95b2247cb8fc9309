"""Inserts and updates of tutor_sessions by the plan, and their records, written in sets."""

from sqlalchemy import Connection, text

from models.catalog import quoted
from scheduler.expansion.find.restored_rows import REASON
from scheduler.expansion.plan.closed_dates import record_closed
from scheduler.expansion.report import Written
from scheduler.expansion.span import Span
from scheduler.expansion.write.refusals import insert_one_by_one, update_one_by_one, write_set
from scheduler.expansion.write.trigger_effects import record_trigger_effects


def write_rows(conn: Connection, span: Span, rows: int) -> tuple[Written, frozenset[int], bool]:
    """Change and insert rows by the plan. `rows`: the number of rows of sw_row.

    Returns the counts; the anchors that the next run has to read again; and True where another pass
    can do more, as rows gave up their places.
    """
    late, updated, cancelled, gave_way = set[int](), 0, 0, False
    if rows:
        cancelled = _change_rows(conn, CANCEL, "c.kind = 'cancel'")
        updated = _change_rows(conn, _change(conn, span), "c.kind <> 'cancel'")
        late |= set(conn.scalars(REFUSED_ROWS))
        gave_way = _record_changes(conn, late)
    inserted, lost = _insert_rows(conn, span)
    if rows:
        conn.execute(RECORD_KEPT)
        withdrawn = {"on_stop": span.cancels_stopped, "on_end": span.cancels_ended}
        conn.execute(RECORD_ABSENT, withdrawn)
        late |= set(conn.scalars(VOID))
        conn.execute(RECORD_NOT_CHANGED)
    record_closed(conn)
    record_trigger_effects(conn, span)
    return Written(inserted, updated, cancelled), frozenset(late | lost), gave_way or bool(lost)


CANCEL = """
    UPDATE tutor_sessions t SET status = 'cancelled'
      FROM sw_change c WHERE c.session_id = t.id AND c.kind = 'cancel' {among}"""


def _change_rows(conn: Connection, update: str, kinds: str) -> int:
    """Write the rows of sw_change for which `kinds` (an SQL condition) holds; rows that the site
    refuses are deleted from it. Returns the number of rows written."""
    count = text(f"SELECT count(*) FROM sw_change c WHERE {kinds}")
    rows = conn.scalars(count).one()
    if not rows:
        return 0
    one_by_one = update_one_by_one(update, kinds)
    written = write_set(conn, update.format(among=""), one_by_one, rows)
    left: int = rows if written else conn.scalars(count).one()
    return left


REFUSED_ROWS = text("SELECT DISTINCT anchor_id FROM sw_refused WHERE session_id IS NOT NULL")
# Index: primary key.
RECORD_NOT_CHANGED = text("""
    UPDATE session_worker.occurrence o SET reason = 'refused by the site: ' || r.words
      FROM sw_refused r
     WHERE o.anchor_id = r.anchor_id AND o.occurs_on = r.occurs_on
       AND o.session_id = r.session_id""")


def _change(conn: Connection, span: Span) -> str:
    changing = conn.scalars(LOOSE_COLUMNS).all()
    follows = "".join(
        f""", {quoted(name)} = CASE WHEN '{name.replace("'", "''").replace(":", chr(92) + ":")}'
                = ANY(c.loose) THEN a.{quoted(name)} ELSE t.{quoted(name)} END"""
        for name in span.columns.copied
        if name in changing
    )
    return CHANGE.replace("{follows}", follows.replace("{", "{{").replace("}", "}}"))


LOOSE_COLUMNS = text("SELECT DISTINCT unnest(loose) FROM sw_change")
CHANGE = """
    UPDATE tutor_sessions t
       SET session_date = CASE c.kind WHEN 'move' THEN c.new_on ELSE t.session_date END,
           status = CASE c.kind WHEN 'revive' THEN 'scheduled' ELSE t.status END{follows}
      FROM sw_change c LEFT JOIN sw_anchor a ON a.id = c.anchor_id
     WHERE c.session_id = t.id AND c.kind <> 'cancel' {among}"""


def _record_changes(conn: Connection, late: set[int]) -> bool:
    """Record the changes. Returns True where rows gave up their places. Adds to `late` the anchors
    that had adopted such a row and now need another."""
    for statement in (RECORD_CANCELLED, FORGET_OLD_DATES, RECORD_MOVED, RECORD_REVIVED):
        conn.execute(statement)
    late |= (released := set(conn.scalars(RELEASE_ADOPTED)))
    if released:
        conn.execute(LOOK_AGAIN, {"ids": list(released)})
    return bool(conn.scalar(GAVE_WAY))


RECORD_CANCELLED = text("""
    UPDATE session_worker.occurrence o
       SET state = 'skipped', blocked_by = NULL, absence = r.absence,
           reason = CASE WHEN r.absence IS NOT NULL THEN 'absence ' || r.absence
                         WHEN s.state IN ('stopped', 'ended') THEN 'series_' || s.state
                         ELSE coalesce(r.holiday, 'rule_changed') END
      FROM sw_change c
      JOIN sw_row r ON r.session_id = c.session_id
      JOIN sw_series s ON s.anchor_id = c.anchor_id
     WHERE c.kind = 'cancel' AND o.anchor_id = c.anchor_id AND o.occurs_on = c.old_on""")
# Two statements, as a row's new date may be the date that another row leaves.
FORGET_OLD_DATES = text("""
    DELETE FROM session_worker.occurrence o USING sw_change c
     WHERE c.kind = 'move' AND o.anchor_id = c.anchor_id
       AND (o.occurs_on = c.old_on OR o.occurs_on = c.new_on AND o.session_id IS NULL)""")
RECORD_MOVED = text("""
    INSERT INTO session_worker.occurrence (anchor_id, occurs_on, session_id, state, reason)
    SELECT anchor_id, new_on, session_id, 'created', mark FROM sw_change WHERE kind = 'move'""")
RECORD_REVIVED = text("""
    UPDATE session_worker.occurrence o
       SET state = 'created', reason = c.mark, blocked_by = NULL, absence = NULL
      FROM sw_change c
     WHERE c.kind = 'revive' AND o.anchor_id = c.anchor_id AND o.occurs_on = c.old_on""")
RELEASE_ADOPTED = text("""
    DELETE FROM session_worker.occurrence o USING sw_change c
     WHERE o.session_id = c.session_id AND o.state = 'adopted' AND c.kind <> 'revive'
       AND c.gives_way
    RETURNING o.anchor_id""")
LOOK_AGAIN = text("""
    UPDATE session_worker.series SET seen = '' WHERE anchor_id = ANY(CAST(:ids AS bigint[]))""")
GAVE_WAY = text("SELECT EXISTS (SELECT FROM sw_change WHERE gives_way)")


def _insert_rows(conn: Connection, span: Span) -> tuple[int, set[int]]:
    """Insert the placed candidates and record every verdict. Returns the number of rows, and the
    anchors to read again."""
    placed = conn.execute(COUNT_PLACED).one()
    if placed.recorded:
        conn.execute(FORGET_REASONS)
    inserted, lost = placed.rows, set[int]()
    if placed.rows:
        one_by_one = insert_one_by_one(_insert_of_series(span))
        if not write_set(conn, _insert(span), one_by_one, placed.rows):
            inserted -= conn.scalars(COUNT_REFUSED).one()
            lost = _record_lost(conn)
    if span.only_fills and inserted:
        conn.execute(text(_keep_newer(span)))
    lost |= set(conn.scalars(RECORD_VERDICTS))
    conn.execute(RECORD_HOLIDAYS)
    return inserted, lost


COUNT_PLACED = text("""
    SELECT count(*) AS rows, count(*) FILTER (WHERE recorded) AS recorded
      FROM sw_candidate WHERE kind = 'insert' AND verdict = 'place'""")
COUNT_REFUSED = text("SELECT count(*) FROM sw_refused WHERE session_id IS NULL")
FORGET_REASONS = text("""
    DELETE FROM session_worker.occurrence o USING sw_candidate c
     WHERE c.recorded AND c.kind = 'insert' AND c.verdict = 'place'
       AND o.anchor_id = c.anchor_id AND o.occurs_on = c.occurs_on""")


def _insert(span: Span) -> str:
    """SQL that inserts all rows and records them.

    New rows are matched to their dates by the order of insertion, as a trigger of the site's may
    have changed any of their keys.
    """
    return f"""
    WITH source AS MATERIALIZED (
        SELECT c.anchor_id, c.occurs_on, c.mark,
               row_number() OVER (ORDER BY c.anchor_id, c.occurs_on) AS n
          FROM sw_candidate c
         WHERE c.kind = 'insert' AND c.verdict = 'place'),
    made AS (
        INSERT INTO tutor_sessions ({span.columns.insert_list})
        SELECT {span.columns.select_list("a", "c.occurs_on")}
          FROM source c JOIN sw_anchor a ON a.id = c.anchor_id ORDER BY c.n
        RETURNING id),
    numbered AS (SELECT id, row_number() OVER () AS n FROM made)
    INSERT INTO session_worker.occurrence (anchor_id, occurs_on, session_id, state, reason)
    SELECT s.anchor_id, s.occurs_on, m.id, 'created', s.mark
      FROM numbered m JOIN source s ON s.n = m.n"""


def _insert_of_series(span: Span) -> str:
    """SQL that inserts rows of one series, as `insert_one_by_one` runs it. Index: sw_anchor_one."""
    return f"""
    INSERT INTO tutor_sessions ({span.columns.insert_list})
    SELECT {span.columns.select_list("a", "wanted.day")}
      FROM unnest(sw_days) WITH ORDINALITY AS wanted(day, n), sw_anchor a
     WHERE a.id = sw_series.id ORDER BY wanted.n
    RETURNING id"""


def _keep_newer(span: Span) -> str:
    """SQL that records, for backfilled rows, values that the other rows of their series do not have
    yet; those follow with the next expansion. Index: primary keys."""
    return f"""
    UPDATE session_worker.occurrence o SET kept = newer.cells
      FROM (SELECT c.anchor_id, c.occurs_on,
                   (SELECT jsonb_object_agg(n.key, n.value)
                      FROM jsonb_each({span.columns.target("a")}) n
                     WHERE n.value IS DISTINCT FROM s.written->n.key) AS cells
              FROM sw_candidate c
              JOIN sw_anchor a ON a.id = c.anchor_id
              JOIN session_worker.series s ON s.anchor_id = c.anchor_id AND s.written <> '{{}}'
             WHERE c.kind = 'insert' AND c.verdict = 'place') newer
     WHERE newer.cells IS NOT NULL AND o.state = 'created'
       AND (o.anchor_id, o.occurs_on) = (newer.anchor_id, newer.occurs_on)"""


def _record_lost(conn: Connection) -> set[int]:
    """Record the reasons of refused rows, except where an equal row exists by now: the next pass
    adopts it. Returns the anchors of the latter."""
    conn.execute(RECORD_REFUSED)
    return set(conn.scalars(LOST))


RECORD_REFUSED = text("""
    INSERT INTO session_worker.occurrence (anchor_id, occurs_on, state, reason)
    SELECT r.anchor_id, r.occurs_on, 'skipped', 'refused by the site: ' || r.words
      FROM sw_refused r
      JOIN sw_candidate c ON c.anchor_id = r.anchor_id AND c.occurs_on = r.occurs_on
     WHERE r.session_id IS NULL
       AND NOT EXISTS (SELECT FROM tutor_sessions t
                        WHERE t.tutor_id = c.tutor_id AND t.student_id = c.student_id
                          AND t.session_date = c.on_date AND t.start_time = c.start_time)""")
LOST = text("""
    SELECT DISTINCT r.anchor_id FROM sw_refused r
     WHERE r.session_id IS NULL AND NOT EXISTS (
           SELECT FROM session_worker.occurrence o
            WHERE o.anchor_id = r.anchor_id AND o.occurs_on = r.occurs_on)""")

# A candidate that yielded to another is recorded with that one's row. If that row was not written,
# the verdict is void and the anchor is returned. Index: primary keys, one lookup for each.
RECORD_VERDICTS = text("""
    WITH verdict AS MATERIALIZED (
        SELECT c.*, CASE WHEN c.blocked_anchor IS NULL THEN coalesce(c.session_id, c.blocked_by)
                         ELSE (SELECT w.session_id FROM session_worker.occurrence w
                                WHERE w.anchor_id = c.blocked_anchor
                                  AND w.occurs_on = c.blocked_on) END AS id
          FROM sw_candidate c
         WHERE c.kind = 'insert' AND c.verdict IN ('adopted', 'conflict')),
    sound AS MATERIALIZED (
        SELECT v.*, v.id IS NOT NULL AND (
                    v.verdict = 'conflict' OR v.blocked_anchor IS NULL
                    OR (SELECT t.tutor_id = v.tutor_id AND t.student_id = v.student_id
                               AND t.session_date = v.on_date AND t.start_time = v.start_time
                          FROM tutor_sessions t WHERE t.id = v.id)) AS holds
          FROM verdict v),
    recorded AS (
        INSERT INTO session_worker.occurrence AS o
               (anchor_id, occurs_on, session_id, state, reason, blocked_by)
        SELECT anchor_id, occurs_on, CASE verdict WHEN 'adopted' THEN id END,
               CASE WHEN own THEN 'created' ELSE verdict END,
               CASE WHEN own THEN mark WHEN rules THEN 'carries a rule of its own'
                    WHEN verdict = 'conflict' THEN 'conflict with session ' || id END,
               CASE verdict WHEN 'conflict' THEN id END
          FROM sound WHERE holds
            ON CONFLICT (anchor_id, occurs_on) DO UPDATE
           SET session_id = excluded.session_id, state = excluded.state,
               reason = excluded.reason, blocked_by = excluded.blocked_by, absence = NULL
         WHERE (o.session_id, o.state, o.blocked_by) IS DISTINCT FROM
               (excluded.session_id, excluded.state, excluded.blocked_by))
    SELECT DISTINCT anchor_id FROM sound WHERE holds IS NOT TRUE""")
RECORD_HOLIDAYS = text("""
    INSERT INTO session_worker.occurrence AS o (anchor_id, occurs_on, state, reason, absence)
    SELECT w.anchor_id, w.occurs_on, 'skipped', w.holiday, w.absence FROM sw_wanted w
     WHERE w.holiday IS NOT NULL
        ON CONFLICT (anchor_id, occurs_on) DO UPDATE
       SET state = 'skipped', reason = excluded.reason, absence = excluded.absence,
           blocked_by = NULL
     WHERE o.session_id IS NULL AND o.state IN ('conflict', 'skipped') AND o.stands_for IS NULL
       AND (o.state, o.reason) IS DISTINCT FROM ('skipped', excluded.reason)""")

# Columns that were not written now keep the record of what was last wanted and written. A row that
# could not shift or be revived gets the reason.
RECORD_KEPT = text(f"""
    UPDATE session_worker.occurrence o
       SET kept = n.kept, made = n.made, blocked_by = n.blocked_by,
           absence = CASE WHEN n.blocked_by IS NULL AND o.state = 'skipped' THEN o.absence END,
           reason = CASE
               WHEN n.blocked_by IS NOT NULL AND o.state = 'created'
                    THEN 'time_conflict ' || n.blocked_by
               WHEN n.blocked_by IS NOT NULL THEN 'conflict with session ' || n.blocked_by
               WHEN o.state = 'created' THEN n.mark
               WHEN o.blocked_by IS NOT NULL THEN coalesce(n.holiday, 'rule_changed')
               ELSE o.reason END
      FROM (SELECT r.anchor_id, r.occurs_on, r.session_id, r.holiday,
                   coalesce(c.mark, r.mark,
                            CASE WHEN r.restored AND NOT r.wanted THEN '{REASON}' END) AS mark,
                   coalesce(b.blocked_by, w.session_id) AS blocked_by,
                   (SELECT jsonb_object_agg(k, r.base->k) FROM jsonb_object_keys(r.target) k
                     WHERE r.base->k IS DISTINCT FROM r.target->k
                       AND (c.loose IS NULL OR k <> ALL(c.loose))) AS kept,
                   (SELECT jsonb_object_agg(w.key, w.value) FROM jsonb_each(r.written) w
                     WHERE w.value IS DISTINCT FROM r.base->w.key
                       AND (c.loose IS NULL OR w.key <> ALL(c.loose))
                       AND NOT (w.key = 'session_date' AND c.kind = 'move')) AS made
              FROM sw_row r
              LEFT JOIN sw_change c ON c.session_id = r.session_id
              LEFT JOIN sw_candidate b ON b.session_id = r.session_id AND b.verdict = 'conflict'
              LEFT JOIN session_worker.occurrence w
                ON w.anchor_id = b.blocked_anchor AND w.occurs_on = b.blocked_on
             WHERE r.target IS NOT NULL) n
     WHERE o.anchor_id = n.anchor_id AND o.session_id = n.session_id AND o.state <> 'adopted'
       AND (o.kept, o.made, o.blocked_by, o.reason) IS DISTINCT FROM (
           n.kept, n.made, n.blocked_by, CASE
               WHEN n.blocked_by IS NULL AND o.state = 'created' THEN n.mark
               ELSE o.reason END)""")

# A row that stays cancelled, for another absence or another reason than before. Index: primary key.
RECORD_ABSENT = text("""
    UPDATE session_worker.occurrence o
       SET absence = r.absence,
           reason = CASE WHEN r.absence IS NOT NULL THEN 'absence ' || r.absence
                         WHEN s.state = 'active' THEN coalesce(r.holiday, 'rule_changed')
                         ELSE 'series_' || s.state END
      FROM sw_row r JOIN sw_series s ON s.anchor_id = r.anchor_id
     WHERE o.anchor_id = r.anchor_id AND o.occurs_on = r.occurs_on AND o.state = 'skipped'
       AND r.state = 'skipped' AND r.to_come AND o.absence IS DISTINCT FROM r.absence
       AND CASE s.state WHEN 'active' THEN NOT r.wanted
                ELSE o.absence IS NOT NULL AND (
                     r.absence IS NOT NULL OR s.state = 'stopped' AND :on_stop
                     OR s.state = 'ended' AND :on_end) END""")

# A row that yielded to another which was not made in the end.
VOID = text("""
    SELECT c.anchor_id FROM sw_candidate c
     WHERE c.kind IN ('keep', 'revive') AND c.verdict = 'conflict' AND c.blocked_by IS NULL
       AND NOT EXISTS (SELECT FROM session_worker.occurrence w
                        WHERE w.anchor_id = c.blocked_anchor AND w.occurs_on = c.blocked_on
                          AND w.session_id IS NOT NULL)""")
