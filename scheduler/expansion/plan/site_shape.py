"""Conversion of recorded values after the site changed its columns (docs/decisions/0001).

A column is identified by its attribute number, which a rename does not change. After a change of
type, a recorded value becomes what the new type makes of it. Where it cannot be converted, and
where the site filled a new column, the present value counts as the site's and as no person's edit.
"""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, text

from models.catalog import quoted
from scheduler.expansion.plan.series_now import SeriesNow
from scheduler.expansion.span import Span


def align_written(conn: Connection, span: Span, series: Sequence[SeriesNow]) -> None:
    """Convert what the ledger recorded of these series' rows to the site's present columns."""
    signature = span.catalog.signature
    ids = [one.anchor_id for one in series]
    stale = conn.execute(STALE, {"ids": ids, "signature": signature}).all()
    if stale:
        note_shape(conn, span)
    for shape in {row.shape for row in stale}:
        of_shape = [row.anchor_id for row in stale if row.shape == shape]
        _align(conn, span, of_shape, _renames(conn, shape, signature))


def note_shape(conn: Connection, span: Span) -> None:
    """Record the site's columns under their signature; series written now refer to it."""
    if not conn.scalar(IS_NOTED, {"signature": span.catalog.signature}):
        conn.execute(NOTE_SHAPE, {"signature": span.catalog.signature})


# The columns of tutor_sessions by attribute number, and the table's own oid.
_SHAPE_NOW = """
    SELECT jsonb_object_agg(a.attnum, a.attname)
           || jsonb_build_object('table', to_regclass('tutor_sessions')::oid) AS columns
      FROM pg_attribute a
     WHERE a.attrelid = to_regclass('tutor_sessions') AND a.attnum > 0 AND NOT a.attisdropped"""
# Checked before the insert, as the shape is mostly recorded already.
IS_NOTED = text(f"""
    SELECT EXISTS (SELECT FROM session_worker.site_shape s, ({_SHAPE_NOW}) now
                    WHERE s.signature = :signature AND s.columns = now.columns)""")
# Where the site's table is new to the ledger or was restored since.
NOTE_SHAPE = text(f"""
    INSERT INTO session_worker.site_shape AS s (signature, columns)
    SELECT :signature, columns FROM ({_SHAPE_NOW}) now
        ON CONFLICT (signature) DO UPDATE SET columns = excluded.columns""")

# Index: primary key.
STALE = text("""
    SELECT anchor_id, shape FROM session_worker.series
     WHERE anchor_id = ANY(CAST(:ids AS bigint[])) AND written <> '{}'
       AND shape IS DISTINCT FROM :signature""")


def _renames(conn: Connection, before: str | None, today: str) -> dict[str, str]:
    """Old name → new name of renamed columns, those with a name that only one shape has."""
    rows = conn.execute(SHAPES, {"shapes": [before, today]})
    columns: dict[str | None, dict[str, Any]] = {row.signature: row.columns for row in rows}
    old, new = columns.get(before, {}), columns[today]
    if old.get("table") != new["table"]:
        return {}
    return {
        name: new[number]
        for number, name in old.items()
        if number in new and name not in new.values() and new[number] not in old.values()
    }


SHAPES = text("""
    SELECT signature, columns FROM session_worker.site_shape
     WHERE signature = ANY(CAST(:shapes AS text[]))""")


def _align(conn: Connection, span: Span, ids: Sequence[int], renames: dict[str, str]) -> None:
    parameters = {
        "ids": list(ids),
        "names": json.dumps(renames),
        "today": span.today,
        "unwritten": list(span.columns.unwritten),
    }
    conn.execute(ALIGN_ROWS, parameters)
    conn.execute(text(_fill_rows(span)), parameters)
    conn.execute(text(_align_series(span)), parameters)


# Index: primary key of occurrence.
ALIGN_ROWS = text("""
    UPDATE session_worker.occurrence o
       SET kept = session_worker.as_held_today(
                      session_worker.renamed(o.kept, CAST(:names AS jsonb))),
           made = session_worker.as_held_today(
                      session_worker.renamed(o.made, CAST(:names AS jsonb)))
     WHERE o.anchor_id = ANY(CAST(:ids AS bigint[]))
       AND (o.kept IS NOT NULL OR o.made IS NOT NULL)""")


def _default(span: Span) -> str:
    """SQL of one jsonb value: what each copied column holds in rows older than the column."""
    cells = ", ".join(f"{value} AS {quoted(name)}" for name, value in span.columns.defaults.items())
    return f"(SELECT to_jsonb(d) FROM (SELECT {cells}) d)"


def _fill_rows(span: Span) -> str:
    """SQL that records values which the site gave to rows, in a new column or one that cannot hold
    the recorded value: the row's value counts as made by the site, the anchor's value as wanted.
    """
    return f"""
    WITH stale AS MATERIALIZED (
        SELECT s.anchor_id, session_worker.renamed(s.written, CAST(:names AS jsonb)) AS old,
               {span.columns.copy_of("a")} AS wanted, {_default(span)} AS added
          FROM session_worker.series s JOIN sw_anchor a ON a.id = s.anchor_id
         WHERE s.anchor_id = ANY(CAST(:ids AS bigint[]))),
    told AS MATERIALIZED (
        SELECT stale.*, session_worker.as_held_today(old) AS held FROM stale),
    filled AS (
        SELECT o.anchor_id, o.occurs_on,
               jsonb_object_agg(k, w.wanted->k) AS kept, jsonb_object_agg(k, n.now->k) AS made
          FROM told w
          JOIN session_worker.occurrence o
            ON o.anchor_id = w.anchor_id AND o.occurs_on >= :today
           AND o.state IN ('created', 'skipped')
          JOIN tutor_sessions t ON t.id = o.session_id
         CROSS JOIN LATERAL (SELECT to_jsonb(t) AS now) n
         CROSS JOIN LATERAL jsonb_object_keys(w.wanted) k
         WHERE NOT w.held ? k
           AND n.now->k IS DISTINCT FROM CASE WHEN w.old ? k THEN w.wanted->k ELSE w.added->k END
         GROUP BY 1, 2)
    UPDATE session_worker.occurrence o
       SET kept = coalesce(o.kept, '{{}}') || f.kept, made = coalesce(o.made, '{{}}') || f.made
      FROM filled f WHERE o.anchor_id = f.anchor_id AND o.occurs_on = f.occurs_on"""


def _align_series(span: Span) -> str:
    return f"""
    UPDATE session_worker.series s
       SET written = coalesce(n.target, n.added) || n.added || n.uncast || n.held
      FROM (SELECT o.anchor_id, a.id AS anchor, o.held, {_default(span)} AS added,
                   CASE WHEN a.id IS NOT NULL THEN {span.columns.target("a")} END AS target,
                   (SELECT coalesce(jsonb_object_agg(k, {span.columns.copy_of("a")}->k), '{{}}')
                      FROM jsonb_object_keys(o.old) k
                     WHERE a.id IS NOT NULL AND NOT o.held ? k
                       AND {span.columns.copy_of("a")} ? k) AS uncast
              FROM (SELECT anchor_id, old, session_worker.as_held_today(old) AS held
                      FROM (SELECT anchor_id,
                                   session_worker.renamed(written, CAST(:names AS jsonb))
                                   - CAST(:unwritten AS text[]) AS old
                              FROM session_worker.series
                             WHERE anchor_id = ANY(CAST(:ids AS bigint[]))) w) o
              LEFT JOIN sw_anchor a ON a.id = o.anchor_id) n
     WHERE s.anchor_id = n.anchor_id"""
