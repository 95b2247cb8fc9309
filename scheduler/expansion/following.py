"""Rows that stand → what of them follows their changed series (design, "What happened").

A column is the worker's while it holds what the worker last wrote there, and a person's from then
on. Values are compared as JSON, so columns that the worker does not map count like all others.
"""

import json
from collections.abc import Sequence

from sqlalchemy import Connection, text

from models.catalog import quoted
from scheduler.expansion.reading import SeriesNow
from scheduler.expansion.span import Span


def write_targets(conn: Connection, span: Span, series: Sequence[SeriesNow]) -> None:
    """Makes sw_target: what a row of each active series is to hold, but for its date."""
    columns = span.columns
    conn.execute(
        MAKE_TARGETS,
        {
            "ids": [one.anchor_id for one in series if one.state == "active"],
            "unwritten": [*columns.unwritten, "session_date", "sw_version"],
            "constants": json.dumps(columns.constants),
        },
    )


MAKE_TARGETS = text("""
    CREATE TEMP TABLE sw_target ON COMMIT DROP AS
    SELECT a.id AS anchor_id,
           (to_jsonb(a) - CAST(:unwritten AS text[])) || CAST(:constants AS jsonb) AS target
      FROM sw_anchor a WHERE a.id = ANY(CAST(:ids AS bigint[]))""")


def write_standing(conn: Connection, span: Span, series: Sequence[SeriesNow]) -> None:
    """Makes sw_row: the rows to come of the changed series, and what of each is still the
    worker's. `loose`: the columns that differ from the target and are still the worker's."""
    conn.execute(
        text(MAKE_STANDING),
        {
            "ids": [one.anchor_id for one in series if one.changed],
            "copied": list(span.columns.copied),
            "unwritten": list(span.columns.unwritten),
            "zone": span.settings.site_timezone,
            "as_of": span.as_of,
        },
    )
    conn.execute(text("ANALYZE sw_row"))


# Index: primary keys of occurrence and tutor_sessions.
MAKE_STANDING = """
    CREATE TEMP TABLE sw_row ON COMMIT DROP AS
    WITH standing AS (
        SELECT o.anchor_id, o.occurs_on, o.session_id, o.state, o.blocked_by, o.kept,
               s.written || coalesce(o.kept, '{}') AS written,
               g.target,
               to_jsonb(t) - CAST(:unwritten AS text[]) AS now,
               w.occurs_on IS NOT NULL AS named, w.holiday,
               session_worker.instant(t.session_date + t.start_time, :zone) > :as_of AS to_come
          FROM session_worker.occurrence o
          JOIN session_worker.series s ON s.anchor_id = o.anchor_id
          JOIN tutor_sessions t ON t.id = o.session_id AND t.is_recurring IS NOT TRUE
          LEFT JOIN sw_target g ON g.anchor_id = o.anchor_id
          LEFT JOIN sw_wanted w ON w.anchor_id = o.anchor_id AND w.occurs_on = o.occurs_on
         WHERE o.anchor_id = ANY(CAST(:ids AS bigint[])) AND o.state IN ('created', 'skipped'))
    SELECT anchor_id, occurs_on, session_id, state, blocked_by, kept, now, holiday, to_come,
           named AND holiday IS NULL AS wanted,
           now - ARRAY['status', 'session_date'] = written - 'status'
               AND now->>'session_date' = occurs_on::text
               AND now->>'status' = CASE state WHEN 'created' THEN written->>'status'
                                               ELSE 'cancelled' END AS untouched,
           coalesce(now->>'status', '') = 'cancelled' AS is_cancelled,
           coalesce((SELECT array_agg(k) FROM unnest(CAST(:copied AS text[])) k
             WHERE to_come AND target IS NOT NULL
               AND written->k IS DISTINCT FROM target->k
               AND now->k IS NOT DISTINCT FROM written->k), '{}') AS loose,
           written, target
      FROM standing"""


def align_written(conn: Connection, span: Span, series: Sequence[SeriesNow]) -> None:
    """Brings what was written under other columns or types to those of today.

    A column that was added since holds its default in the rows written before; one whose type
    changed holds its value in the new type.
    """
    changed = [one.anchor_id for one in series if one.changed]
    stale = list(conn.scalars(STALE, {"ids": changed, "signature": span.catalog.signature}))
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
