"""Rows that stand → what of them follows their changed series (design, "What happened").

A column is the worker's while it holds what the worker last wrote there, and a person's from then
on. Values are compared as JSON, so columns that the worker does not map count like all others.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, text

from models.catalog import quoted
from scheduler.expansion.columns import PLACING
from scheduler.expansion.plan.series_now import SeriesNow
from scheduler.expansion.span import Span
from scheduler.site.session_times import TAKES_TIME


def compare_rows(conn: Connection, span: Span, series: Sequence[SeriesNow]) -> int:
    """Fills sw_row: the rows to come of the changed series, and what of each is still the
    worker's. Returns how many."""
    if not any(one.changed for one in series):
        return 0
    found = conn.execute(
        text(_compare(span)),
        {
            "copied": list(span.columns.copied),
            "placing": list(PLACING),
            "unwritten": list(span.columns.unwritten),
            "zone": span.settings.site_timezone,
            "as_of": span.as_of,
            "on_stop": span.cancels_stopped,
            "on_end": span.cancels_ended,
        },
    )
    conn.execute(text("ANALYZE sw_row (anchor_id, session_id)"))
    return found.rowcount


# Index: primary keys of occurrence and tutor_sessions.
def _compare(span: Span) -> str:
    return f"""
    INSERT INTO sw_row
    WITH target AS MATERIALIZED (
        SELECT a.id, {span.columns.target("a")} AS target
          FROM sw_anchor a JOIN sw_series s ON s.anchor_id = a.id
         WHERE s.changed AND s.state = 'active'),
    standing AS (
        SELECT o.anchor_id, o.occurs_on, o.session_id, o.state, g.target,
               p.written || coalesce(o.kept, '{{}}') AS written,
               to_jsonb(t) - CAST(:unwritten AS text[]) AS now,
               w.occurs_on IS NOT NULL AND w.holiday IS NULL AS wanted, w.holiday, w.mark,
               coalesce(o.kept ? 'status', false) AS restored,
               {TAKES_TIME.format("t")} AS live,
               session_worker.instant(t.session_date + t.start_time, :zone) > :as_of AS to_come,
               s.state = 'stopped' AND :on_stop OR s.state = 'ended' AND :on_end AS withdrawn
          FROM sw_series s
          JOIN session_worker.occurrence o ON o.anchor_id = s.anchor_id
          JOIN session_worker.series p ON p.anchor_id = s.anchor_id
          JOIN tutor_sessions t ON t.id = o.session_id AND t.is_recurring IS NOT TRUE
          LEFT JOIN target g ON g.id = s.anchor_id
          LEFT JOIN sw_wanted w ON w.anchor_id = o.anchor_id AND w.occurs_on = o.occurs_on
         WHERE s.changed AND o.state IN ('created', 'skipped')),
    compared AS (
        SELECT standing.*,
               now - ARRAY['status', 'session_date'] = written - 'status'
                   AND now->>'session_date' = occurs_on::text AND NOT restored
                   AND now->>'status' = CASE state WHEN 'created' THEN written->>'status'
                                                   ELSE 'cancelled' END AS untouched,
               coalesce((SELECT array_agg(k) FROM unnest(CAST(:copied AS text[])) k
                 WHERE to_come AND target IS NOT NULL
                   AND written->k IS DISTINCT FROM target->k
                   AND now->k IS NOT DISTINCT FROM written->k), '{{}}') AS loose
          FROM standing)
    SELECT compared.*, loose && CAST(:placing AS text[]) AS shifts,
           state = 'created' AND to_come AND untouched
               AND (target IS NOT NULL AND NOT wanted OR withdrawn) AS leaves
      FROM compared"""


def align_written(conn: Connection, span: Span, series: Sequence[SeriesNow]) -> None:
    """Brings what was written under other columns or types to those of today.

    A column that was added since holds its default in the rows written before; one whose type
    changed holds its value in the new type.
    """
    ids = [one.anchor_id for one in series]
    stale = list(conn.scalars(STALE, {"ids": ids, "signature": span.catalog.signature}))
    if not stale:
        return
    added = ", ".join(f"{value} AS {quoted(name)}" for name, value in span.columns.defaults.items())
    unwritten = [*span.columns.unwritten, "session_date"]
    conn.execute(text(ALIGN.format(added=added)), {"ids": stale, "unwritten": unwritten})


STALE = text("""
    SELECT anchor_id FROM session_worker.series
     WHERE anchor_id = ANY(CAST(:ids AS bigint[])) AND written <> '{}'
       AND seen NOT LIKE '%:' || :signature""")
ALIGN = """
    UPDATE session_worker.series s
       SET written = (
           SELECT jsonb_object_agg(k, coalesce(
                      CASE WHEN s.written ? k THEN n.same->k ELSE added.value->k END, 'null'))
             FROM jsonb_object_keys(n.same) k)
      FROM (SELECT anchor_id, to_jsonb(jsonb_populate_record(NULL::tutor_sessions, written))
                              - CAST(:unwritten AS text[]) AS same
              FROM session_worker.series
             WHERE anchor_id = ANY(CAST(:ids AS bigint[]))) n,
           (SELECT to_jsonb(d) AS value FROM (SELECT {added}) d) added
     WHERE s.anchor_id = n.anchor_id"""
