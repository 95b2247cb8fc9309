"""Existing rows of changed series, and the columns of each that follow the series (design, "What
happened").

A column is the worker's while it holds the value that was last written there, and a person's from
then on. Changes by the site itself (a trigger, a default, the same change of all rows) count as
written, and as no person's edit (docs/decisions/0001). Values are compared as JSON, so that columns
unknown to the worker count too.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, text

from scheduler.expansion.columns import HOURS, PEOPLE, PLACING
from scheduler.expansion.plan.series_now import SeriesNow
from scheduler.expansion.span import Purpose, Span
from scheduler.site.session_times import TAKES_TIME, session_start


def compare_rows(conn: Connection, span: Span, series: Sequence[SeriesNow]) -> int:
    """Fill sw_row: the rows of the changed series, and which columns of each are the worker's.
    Returns the number of rows."""
    if not any(one.changed for one in series):
        return 0
    found = conn.execute(
        text(_compare(span)),
        {
            "copied": list(span.columns.copied),
            "people": list(PEOPLE),
            "hours": list(HOURS),
            "placing": list(PLACING),
            "unwritten": list(span.columns.unwritten),
            "zone": span.settings.site_timezone,
            "as_of": span.as_of,
            "on_stop": span.cancels_stopped,
            "on_end": span.cancels_ended,
            "ending": span.purpose is Purpose.ENDING,
        },
    )
    conn.execute(text("ANALYZE sw_row (anchor_id, session_id)"))
    return found.rowcount


def _compare(span: Span) -> str:
    return f"""
    WITH target AS MATERIALIZED (
        SELECT a.id, {span.columns.target("a")} AS target
          FROM sw_anchor a JOIN sw_series s ON s.anchor_id = a.id
         WHERE s.changed),
    {_STANDING}, {_ALIKE}, {_TAKEN}, {_OWNED}
    INSERT INTO sw_row
    SELECT anchor_id, occurs_on, session_id, state, target, base, written, now, wanted, holiday,
           mark, restored, live, to_come, placed, absence, loose,
           loose && CAST(:placing AS text[]),
           state = 'created' AND to_come AND (
               NOT placed AND (target IS NOT NULL AND NOT wanted OR absence IS NOT NULL
                               OR withdrawn AND :ending)
               OR untouched AND withdrawn),
           state = 'skipped' AND to_come AND NOT placed AND CASE
               WHEN target IS NOT NULL THEN wanted
               ELSE was_absent AND absence IS NULL AND NOT withdrawn END
      FROM owned"""


# Index: primary keys of occurrence and tutor_sessions. `anchor`: what the anchor holds now, of a
# series that has ended too; `target`: what the row shall hold. The rows of a series that is stopped
# or ended stay, so an absence cancels them too, and gives back those that it cancelled.
_STANDING = f"""
    standing AS MATERIALIZED (
        SELECT o.anchor_id, o.occurs_on, o.session_id, o.state, g.target AS anchor,
               CASE s.state WHEN 'active' THEN g.target END AS target, p.written AS latest,
               p.written || coalesce(o.kept, '{{}}') AS base,
               p.written || coalesce(o.kept, '{{}}') || coalesce(o.made, '{{}}') AS written,
               to_jsonb(t) - CAST(:unwritten AS text[]) AS now, t.xmin::text AS version,
               w.occurs_on IS NOT NULL AND w.holiday IS NULL AS wanted, w.holiday, w.mark,
               coalesce(o.kept->>'status' = 'cancelled', false) AS restored,
               {TAKES_TIME.format("t")} AS live, t.is_recurring IS TRUE AS rules,
               session_worker.instant({session_start("t")}, :zone) > :as_of AS to_come,
               s.state = 'stopped' AND :on_stop OR s.state = 'ended' AND :on_end AS withdrawn,
               CASE WHEN s.state = 'active' THEN w.absence
                    WHEN s.state = 'stopped' AND :on_stop OR s.state = 'ended' AND :on_end THEN NULL
                    ELSE b.absence END AS absence,
               o.absence IS NOT NULL AS was_absent
          FROM sw_series s
          JOIN session_worker.occurrence o ON o.anchor_id = s.anchor_id
          JOIN session_worker.series p ON p.anchor_id = s.anchor_id
          JOIN tutor_sessions t ON t.id = o.session_id
          LEFT JOIN target g ON g.id = s.anchor_id
          LEFT JOIN sw_wanted w ON w.anchor_id = o.anchor_id AND w.occurs_on = o.occurs_on
          LEFT JOIN sw_absent b ON b.anchor_id = o.anchor_id AND b.occurs_on = o.occurs_on
         WHERE s.changed AND o.state IN ('created', 'skipped'))"""

# A column that differs from what was written in every coming row of a series, in most of them with
# the same value, was changed by the site if the anchor has the same value, or if one transaction
# wrote more than one of them. Two people may write the same value by chance, but not in one
# transaction. A row with a higher id, written later, may have the old words: it was made after the
# change. Columns that place rows (hours, people) are the site's only with the anchor's value:
# several people may give all rows of a short series the same hour, and the worker itself and any
# later statement on all rows write them in one transaction.
_ALIKE = """
    differing AS MATERIALIZED (
        SELECT s.anchor_id, s.session_id, k, s.now->k AS value, s.anchor->k AS wanted, s.version
          FROM standing s CROSS JOIN unnest(CAST(:copied AS text[])) k
         WHERE s.to_come AND s.state = 'created'
           AND s.now - '{status,session_date}'::text[]
               <> s.written - '{status,session_date}'::text[]
           AND s.now->k IS DISTINCT FROM s.written->k),
    to_come AS (
        SELECT anchor_id, count(*) AS rows FROM standing
         WHERE to_come AND state = 'created' GROUP BY 1),
    most AS MATERIALIZED (
        SELECT d.anchor_id, d.k, d.value, d.wanted
          FROM differing d JOIN to_come n ON n.anchor_id = d.anchor_id
         GROUP BY 1, 2, 3, 4, n.rows HAVING count(*) * 2 > n.rows),
    together AS MATERIALIZED (
        SELECT d.anchor_id, d.k, age(d.version::xid) AS age, max(d.session_id) AS last
          FROM differing d JOIN most m ON m.anchor_id = d.anchor_id AND m.k = d.k
           AND m.value IS NOT DISTINCT FROM d.value
         GROUP BY 1, 2, d.version HAVING count(*) > 1),
    as_before AS MATERIALIZED (
        SELECT s.anchor_id, m.k, max(age(s.version::xid)) AS age, min(s.session_id) AS first
          FROM most m JOIN standing s ON s.anchor_id = m.anchor_id
         WHERE s.to_come AND s.state = 'created'
           AND s.now->m.k IS NOT DISTINCT FROM s.written->m.k
         GROUP BY 1, 2),
    alike AS (
        SELECT m.anchor_id, m.k, m.value
          FROM most m
          LEFT JOIN (SELECT anchor_id, k, max(age) AS age, max(last) AS last
                       FROM together GROUP BY 1, 2) w
            ON w.anchor_id = m.anchor_id AND w.k = m.k
          LEFT JOIN as_before b ON b.anchor_id = m.anchor_id AND b.k = m.k
         WHERE b.anchor_id IS NULL AND m.value IS NOT DISTINCT FROM m.wanted
            OR w.anchor_id IS NOT NULL AND m.k <> ALL(CAST(:placing AS text[]))
               AND (b.anchor_id IS NULL OR b.age < w.age AND b.first > w.last))"""

# A value that the site gave to all rows counts as written, whoever wrote there before; where the
# anchor has it, as copied too.
_TAKEN = """
    taken AS MATERIALIZED (
        SELECT s.anchor_id, s.session_id, jsonb_object_agg(a.k, a.value) AS cells,
               jsonb_object_agg(a.k, s.latest->a.k) AS latest,
               jsonb_object_agg(a.k, a.value)
                   FILTER (WHERE a.value IS NOT DISTINCT FROM s.target->a.k) AS as_wanted
          FROM standing s JOIN alike a ON a.anchor_id = s.anchor_id
         WHERE s.to_come AND s.now->a.k IS NOT DISTINCT FROM a.value
         GROUP BY 1, 2)"""

# For `placed`, an empty text and NULL are the same. `hours_theirs`: a person changed the start, the
# end or the duration.
_OWNED = """
    compared AS (
        SELECT s.anchor_id, s.occurs_on, s.session_id, s.state, s.anchor, s.target, s.now,
               s.wanted, s.holiday, s.mark, s.restored, s.live, s.rules, s.to_come, s.withdrawn,
               s.absence, s.was_absent,
               s.base || coalesce(t.latest || coalesce(t.as_wanted, '{}'), '{}') AS base,
               s.written || coalesce(t.cells, '{}') AS written
          FROM standing s
          LEFT JOIN taken t ON t.anchor_id = s.anchor_id AND t.session_id = s.session_id),
    told AS (
        SELECT c.*,
               c.restored OR c.now->>'session_date'
                   <> coalesce(c.written->>'session_date', c.occurs_on::text) AS day_theirs,
               EXISTS (SELECT FROM unnest(CAST(:hours AS text[])) k
                        WHERE c.now->k IS DISTINCT FROM c.written->k) AS hours_theirs,
               CASE c.state WHEN 'created' THEN c.written->>'status'
                            ELSE 'cancelled' END AS status
          FROM compared c),
    owned AS (
        SELECT c.*,
               c.now - '{status,session_date}'::text[]
                   = c.written - '{status,session_date}'::text[]
                   AND c.now->>'status' IS NOT DISTINCT FROM c.status
                   AND NOT c.day_theirs AND NOT c.rules AS untouched,
               c.rules OR c.day_theirs
                   OR coalesce(session_worker.status_of(c.now->>'status'), '')
                      <> coalesce(session_worker.status_of(c.status), '')
                   OR c.hours_theirs AND EXISTS (
                      SELECT FROM unnest(CAST(:hours AS text[])) k
                       WHERE c.now->k IS DISTINCT FROM c.anchor->k)
                   OR EXISTS (
                      SELECT FROM unnest(CAST(:people AS text[])) k
                       WHERE c.now->k IS DISTINCT FROM c.written->k
                         AND c.now->k IS DISTINCT FROM c.anchor->k) AS placed,
               coalesce((SELECT array_agg(k) FROM unnest(CAST(:copied AS text[])) k
                 WHERE c.to_come AND c.target IS NOT NULL AND NOT c.rules
                   AND c.base->k IS DISTINCT FROM c.target->k
                   AND c.now->k IS NOT DISTINCT FROM c.written->k
                   AND c.now->k IS DISTINCT FROM c.target->k
                   AND NOT (c.hours_theirs AND k = ANY(CAST(:hours AS text[])))), '{}') AS loose
          FROM told c)"""


# FOR NO KEY UPDATE is the lock that an UPDATE of these columns takes; SKIP LOCKED avoids waits and
# deadlocks. Only rows that are still as they were read are locked. This comes before any verdict,
# so that a row which is given the place of another can rely on that one leaving.
HOLD = text("""
    WITH held AS MATERIALIZED (
        SELECT t.id FROM tutor_sessions t JOIN sw_row r ON r.session_id = t.id
         WHERE (r.loose <> '{}' OR r.leaves OR r.returns)
           AND to_jsonb(t) - CAST(:unwritten AS text[]) = r.now
           FOR NO KEY UPDATE OF t SKIP LOCKED)
    UPDATE sw_row r SET loose = '{}', shifts = false, leaves = false, returns = false
     WHERE (r.loose <> '{}' OR r.leaves OR r.returns)
       AND NOT EXISTS (SELECT FROM held WHERE held.id = r.session_id)
    RETURNING r.anchor_id""")


def hold_rows(conn: Connection, span: Span) -> frozenset[int]:
    """Lock the rows of sw_row that are to be written. Rows that another transaction holds or has
    just changed are left alone: returns the anchors of their series, for the next run."""
    return frozenset(conn.scalars(HOLD, {"unwritten": list(span.columns.unwritten)}))
