"""Effects of the site's triggers on the rows just written. They count as written by the worker, not
as a person's edit (docs/decisions/0001).
"""

from sqlalchemy import Connection, text

from scheduler.expansion.span import Span

# Triggers of the table and of its partitions. Rows are read again, as RETURNING does not show the
# effects of AFTER triggers.
HAS_TRIGGERS = text("""
    WITH RECURSIVE part AS (
        SELECT to_regclass('tutor_sessions')::oid AS oid
         UNION ALL
        SELECT i.inhrelid FROM part JOIN pg_inherits i ON i.inhparent = part.oid)
    SELECT EXISTS (SELECT FROM pg_trigger t JOIN part ON part.oid = t.tgrelid
                    WHERE NOT t.tgisinternal AND t.tgenabled <> 'D')""")


def record_trigger_effects(conn: Connection, span: Span) -> None:
    """Record in `occurrence.made` where a row written in this run differs from what was wanted."""
    if conn.scalar(HAS_TRIGGERS):
        parameters = {"unwritten": list(span.columns.unwritten)}
        conn.execute(text(_made_of_new(span)), parameters)
        conn.execute(MADE_OF_CHANGED, parameters)


# Indexes: primary keys of occurrence and tutor_sessions.
def _made_of_new(span: Span) -> str:
    return f"""
    WITH target AS MATERIALIZED (
        SELECT a.id, {span.columns.target("a")} AS target FROM sw_anchor a)
    UPDATE session_worker.occurrence o SET made = x.made
      FROM (SELECT c.anchor_id, c.occurs_on,
                   (SELECT jsonb_object_agg(n.key, n.value)
                      FROM jsonb_each(to_jsonb(t) - CAST(:unwritten AS text[])) n
                     WHERE n.value IS DISTINCT FROM
                           (g.target || jsonb_build_object('session_date', c.occurs_on))->n.key
                   ) AS made
              FROM sw_candidate c
              JOIN target g ON g.id = c.anchor_id
              JOIN session_worker.occurrence w
                ON w.anchor_id = c.anchor_id AND w.occurs_on = c.occurs_on
              JOIN tutor_sessions t ON t.id = w.session_id
             WHERE c.kind = 'insert' AND c.verdict = 'place') x
     WHERE o.anchor_id = x.anchor_id AND o.occurs_on = x.occurs_on AND x.made IS NOT NULL"""


# Index: occurrence_session.
MADE_OF_CHANGED = text("""
    WITH expected AS MATERIALIZED (
        SELECT c.session_id, c.anchor_id,
               r.now || coalesce((SELECT jsonb_object_agg(k, r.target->k) FROM unnest(c.loose) k),
                                 '{}')
                     || CASE c.kind
                        WHEN 'move' THEN jsonb_build_object('session_date', c.new_on)
                        WHEN 'cancel' THEN jsonb_build_object('status', 'cancelled')
                        WHEN 'revive' THEN jsonb_build_object('status', 'scheduled')
                        ELSE '{}' END AS cells
          FROM sw_change c JOIN sw_row r ON r.session_id = c.session_id)
    UPDATE session_worker.occurrence o SET made = coalesce(o.made, '{}') || x.made
      FROM (SELECT e.session_id, e.anchor_id,
                   (SELECT jsonb_object_agg(n.key, n.value)
                      FROM jsonb_each(to_jsonb(t) - CAST(:unwritten AS text[])) n
                     WHERE n.value IS DISTINCT FROM e.cells->n.key) AS made
              FROM expected e JOIN tutor_sessions t ON t.id = e.session_id) x
     WHERE o.session_id = x.session_id AND o.anchor_id = x.anchor_id AND x.made IS NOT NULL""")
