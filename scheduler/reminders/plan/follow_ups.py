"""Question after a lesson (FOLLOW_UP): its tutor is asked once what became of a session that is
still scheduled so long after its end (design, "After a lesson").

The row's `starts_at` is a day after it is due, when it is not asked any more: with the session's
own start it would go before the alarms of coming sessions (docs/decisions/0121).
"""

from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from models.catalog import SiteCatalog
from scheduler.reminders.moves.move_log import logged
from scheduler.reminders.read.still_true import ANSWER_TIME, LIVE, PAUSED, STARTS_AT
from scheduler.settings import Role, Settings
from scheduler.site.recipients import BRANCHES

# Allows for missed passes. What fell due longer ago is not asked, unless no tick ran meanwhile.
SLACK = timedelta(hours=1)
# A session lasts twelve hours at most where its end is on the next day (design, "Rules"), and any
# number of minutes by its duration: one of more than a day is not asked about.
LONGEST = timedelta(days=1)


# Indexes: (session_date, start_time) of tutor_sessions where the site has one, for two or three
# days; delivery_follow_up; delivery_once.
def _plan_follow_ups(catalog: SiteCatalog) -> str:
    length = catalog.read("s", "tutor_sessions", "duration")
    return f"""
    WITH due AS MATERIALIZED (
        SELECT * FROM (
            SELECT s.id AS session_id, s.tutor_id, s.student_id, {STARTS_AT} AS began_at,
                   session_worker.ends_at(s.session_date + s.start_time, s.end_time, {length},
                                          :default_minutes, :zone) + :wait AS due_at
              FROM tutor_sessions s
             WHERE s.session_date BETWEEN :first_day AND :last_day AND {LIVE} AND NOT {PAUSED}) s
         WHERE s.due_at > :after AND s.due_at <= :horizon
           AND s.due_at > (SELECT first_tick_at FROM session_worker.installation)
    ), told AS ({BRANCHES[Role.TUTOR](catalog)}
    )
    INSERT INTO session_worker.delivery (
        session_id, tutor_id, student_id, starts_at, kind, lead_minutes, recipient, person_id,
        role, due_at, send_after)
    SELECT session_id, tutor_id, student_id, due_at + {ANSWER_TIME}, 'follow_up', 0, recipient,
           person_id, role, due_at, due_at
      FROM told t
     WHERE NOT EXISTS (
         SELECT FROM session_worker.delivery d
          WHERE d.session_id = t.session_id AND d.kind = 'follow_up' AND d.due_at > t.began_at)
        ON CONFLICT ON CONSTRAINT delivery_once DO NOTHING
    RETURNING id"""


@logged
def plan_follow_ups(
    conn: Connection, catalog: SiteCatalog, settings: Settings, now: datetime, after: datetime
) -> frozenset[int]:
    """Plan the questions that fall due after `after` and by now + PLAN_AHEAD. Returns their ids.

    Nothing that was due before the first tick is asked.
    """
    if not settings.follow_up:
        return frozenset()
    after = min(after, now - SLACK) if after < now else after
    earliest = after - settings.follow_up - LONGEST
    parameters = {
        "zone": settings.site_timezone,
        "default_minutes": settings.default_duration_minutes,
        "wait": settings.follow_up,
        "after": after,
        "horizon": now + settings.plan_ahead,
        "first_day": earliest.astimezone(settings.zone).date(),
        "last_day": (now + settings.plan_ahead).astimezone(settings.zone).date(),
    }
    return frozenset(conn.scalars(text(_plan_follow_ups(catalog)), parameters))
