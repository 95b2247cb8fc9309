"""Closed dates: a person deleted, cancelled or placed the row of that date. A closed date is not
filled again. Where the dates of its rule change, the new date that replaces it is not filled either
(design, "What happened")."""

from collections.abc import Sequence

from sqlalchemy import Connection, text

from scheduler.expansion.plan.series_now import SeriesNow
from scheduler.expansion.span import Span

# Index: primary keys of occurrence and tutor_sessions. A restored row is not one of the rule's
# dates, so it closes none of them.
FIND_CLOSED = text("""
    INSERT INTO sw_closed (anchor_id, occurs_on, wanted, why)
    SELECT o.anchor_id, o.occurs_on, w.occurs_on IS NOT NULL,
           'a person '
           || CASE WHEN o.state = 'deleted' THEN 'deleted'
                   WHEN session_worker.status_of(t.status::text) = 'cancelled' THEN 'cancelled'
                   ELSE 'placed' END
           || ' the session of ' || o.occurs_on
      FROM sw_series s
      JOIN session_worker.occurrence o ON o.anchor_id = s.anchor_id AND o.occurs_on >= :today
      LEFT JOIN sw_row r ON r.anchor_id = o.anchor_id AND r.session_id = o.session_id
      LEFT JOIN tutor_sessions t ON t.id = o.session_id
      LEFT JOIN sw_wanted w ON w.anchor_id = o.anchor_id AND w.occurs_on = o.occurs_on
     WHERE s.changed AND s.state = 'active'
       AND (o.state = 'deleted'
            OR o.state = 'created' AND r.placed AND NOT (r.restored AND r.live)
            OR o.state = 'adopted' AND (
               t.session_date <> o.occurs_on
               OR session_worker.status_of(t.status::text) = 'cancelled'))""")


def find_closed(conn: Connection, span: Span, series: Sequence[SeriesNow]) -> None:
    """Fill sw_closed for the series that changed."""
    if any(one.changed for one in series):
        conn.execute(FIND_CLOSED, {"today": span.today})


def forget_unwanted(conn: Connection, series: Sequence[SeriesNow], span: Span) -> None:
    """Delete the records of dates that a changed rule no longer names and that have no generated
    row, and of dates that stand for a date which is no longer closed.

    Kept are `deleted` dates, which are not filled again, and adopted rows that a person moved or
    cancelled since. An adopted row that is unchanged would be found again, so its record goes.
    """
    changed = [one.anchor_id for one in series if one.changed and one.state == "active"]
    if changed:
        conn.execute(FORGET_UNWANTED, {"ids": changed, "today": span.today})


FORGET_UNWANTED = text("""
    DELETE FROM session_worker.occurrence o
     WHERE o.anchor_id = ANY(CAST(:ids AS bigint[])) AND o.occurs_on >= :today
       AND ((o.state = 'conflict' OR o.state = 'skipped' AND o.session_id IS NULL
             OR o.state = 'adopted' AND EXISTS (
                SELECT FROM tutor_sessions t
                  JOIN session_worker.series s ON s.anchor_id = o.anchor_id
                 WHERE t.id = o.session_id AND t.session_date = o.occurs_on
                   AND session_worker.status_of(t.status::text) IS DISTINCT FROM 'cancelled'
                   AND t.tutor_id = s.tutor_id AND t.student_id = s.student_id
                   AND t.start_time = (s.written->>'start_time')::time))
            AND NOT EXISTS (SELECT FROM sw_wanted w
                             WHERE w.anchor_id = o.anchor_id AND w.occurs_on = o.occurs_on)
            OR o.state = 'skipped' AND o.session_id IS NULL AND o.stands_for <> o.occurs_on
            AND NOT EXISTS (SELECT FROM sw_closed c
                             WHERE c.anchor_id = o.anchor_id AND c.occurs_on = o.stands_for))""")

# Reasons of the new dates that stand for a closed one. A closed date that got no new date stands
# for itself, and is paired again only where rows leave their dates too. Index: primary key.
RECORD_CLOSED = text("""
    INSERT INTO session_worker.occurrence AS o (anchor_id, occurs_on, state, reason, stands_for)
    SELECT anchor_id, occurs_on, 'skipped', mark, stands_for FROM sw_candidate
     WHERE verdict = 'skipped'
        ON CONFLICT (anchor_id, occurs_on) DO UPDATE
       SET state = 'skipped', reason = excluded.reason, stands_for = excluded.stands_for,
           blocked_by = NULL, absence = NULL""")
RECORD_PARTNERLESS = text("""
    UPDATE session_worker.occurrence o SET stands_for = o.occurs_on
      FROM sw_closed c
     WHERE o.anchor_id = c.anchor_id AND o.occurs_on = c.occurs_on AND NOT c.wanted
       AND o.stands_for IS NULL AND NOT EXISTS (
           SELECT FROM session_worker.occurrence m
            WHERE m.anchor_id = o.anchor_id AND m.stands_for = o.occurs_on)""")


def record_closed(conn: Connection) -> None:
    """Record why dates that stand for a closed date are not filled."""
    conn.execute(RECORD_CLOSED)
    conn.execute(RECORD_PARTNERLESS)
