"""Flood guard: messages that a bulk edit or a long outage would send at once are held for an admin.

It holds only notices and overdue reminders and questions, never an alarm or what is due on time.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from scheduler.reminders.moves.history import noted
from scheduler.reminders.moves.move_log import logged
from scheduler.settings import Settings

FLOOD = "flood"
# With FLOOD_LIMIT=0 the limit is this multiple of the busiest minute of the last days, but at least
# LEAST messages.
TIMES = 10
LEAST = 200
HISTORY = timedelta(days=7)
# A reminder is overdue where it was planned this long after it was due.
ON_TIME = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Wave:
    """Size of what a pass would send in notices and overdue reminders.

    `messages`: one for each person with notices, and one for each person and start with reminders.
    `changed`, `overdue`: numbers of sessions.
    """

    messages: int
    changed: int
    overdue: int


@logged
def hold_flood(
    conn: Connection, settings: Settings, now: datetime, planned: Set[int]
) -> frozenset[int]:
    """planned → held: notices and overdue reminders of `planned`, the rows that this pass planned,
    where they make too many messages. Returns the ids that moved."""
    if not planned:
        return frozenset()
    among = {"ids": [*planned], "now": now, "overdue_by": now - ON_TIME}
    wave = Wave(*conn.execute(WAVE, among).one())
    limit = settings.flood_limit or LEAST
    if wave.messages > limit and not settings.flood_limit:
        limit = usual_limit(conn, now)
    if wave.messages <= limit:
        return frozenset()
    return hold(conn, among, words(wave, limit, settings, now))


GUARDED = """id = ANY(CAST(:ids AS bigint[])) AND state = 'planned' AND send_after <= :now
       AND (kind = 'notice' OR kind IN ('reminder', 'follow_up') AND due_at <= :overdue_by)"""

# Index: primary key.
WAVE = text(f"""
    SELECT count(DISTINCT recipient) FILTER (WHERE kind = 'notice')
           + count(DISTINCT (recipient, starts_at)) FILTER (WHERE kind <> 'notice'),
           count(DISTINCT session_id) FILTER (WHERE kind = 'notice'),
           count(DISTINCT session_id) FILTER (WHERE kind <> 'notice')
      FROM session_worker.delivery
     WHERE {GUARDED}""")

# Index: attempt_recent. Runs only where there are more messages than LEAST.
BUSIEST = text("""
    SELECT coalesce(max(messages), 0)
      FROM (SELECT count(DISTINCT message_key) AS messages
              FROM session_worker.attempt
             WHERE begun_at > :since AND outcome = 'sent'
             GROUP BY date_trunc('minute', begun_at)) minutes""")


def usual_limit(conn: Connection, now: datetime) -> int:
    busiest = int(conn.scalars(BUSIEST, {"since": now - HISTORY}).one())
    return max(LEAST, TIMES * busiest)


# Each flood gets a batch of its own, so that an admin decides on each. Index: primary key.
MAKE_BATCH = text("""
    INSERT INTO session_worker.held_batch (cause, detail) VALUES (:cause, :detail) RETURNING id""")
HOLD = noted(f"""
    UPDATE session_worker.delivery SET state = 'held', reason = :cause, batch = :batch
     WHERE {GUARDED}
    RETURNING id, state, reason""")


def hold(conn: Connection, among: Mapping[str, object], detail: str) -> frozenset[int]:
    batch = conn.scalars(MAKE_BATCH, {"cause": FLOOD, "detail": detail}).one()
    return frozenset(conn.scalars(HOLD, {**among, "cause": FLOOD, "batch": batch}))


def words(wave: Wave, limit: int, settings: Settings, now: datetime) -> str:
    """One line such as '500 sessions changed at Tue 2026-12-01 12:00: 520 messages, FLOOD_LIMIT
    200'."""
    at = f"{now.astimezone(settings.zone):%a %Y-%m-%d %H:%M}"
    causes = []
    if wave.changed:
        causes.append(f"{sessions(wave.changed)} changed")
    if wave.overdue:
        causes.append(f"reminders of {sessions(wave.overdue)} were overdue")
    return f"{' and '.join(causes)} at {at}: {wave.messages} messages, FLOOD_LIMIT {limit}"


def sessions(count: int) -> str:
    return "1 session" if count == 1 else f"{count} sessions"
