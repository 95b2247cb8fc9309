"""Lateness and failures over a span of time, in slots of one length."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from scheduler.ledger.recent_tries import first_try


@dataclass(frozen=True, slots=True)
class Slot:
    """`begins_at`: its start. `sent`: messages; half and 95 of 100 of them were at most `half` and
    `most` seconds late, None where none was sent. `failed`: tries that failed or got no answer."""

    begins_at: datetime
    sent: int
    half: float | None
    most: float | None
    failed: int


# Index: delivery_start; a message is sent before its session's start, or a minute after.
SENT = text("""
    SELECT floor(extract(epoch FROM sent_at - :since) / :seconds)::integer AS place,
           count(*) AS sent,
           percentile_disc(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY late) AS late
      FROM (SELECT sent_at,
                   greatest(0, extract(epoch FROM sent_at - greatest(due_at, planned_at)))::float8
                   AS late
              FROM session_worker.delivery
             WHERE starts_at > :since - interval '2 minutes' AND state = 'sent'
               AND sent_at >= :since AND sent_at < :until) d
     GROUP BY 1""")
# Index: the primary key.
FAILED = text("""
    SELECT floor(extract(epoch FROM begun_at - :since) / :seconds)::integer AS place,
           count(*) AS failed
      FROM session_worker.attempt
     WHERE id > :first AND begun_at >= :since AND begun_at < :until
       AND outcome IN ('failed', 'unknown')
     GROUP BY 1""")


def slots(conn: Connection, until: datetime, length: timedelta, count: int) -> Sequence[Slot]:
    """The last `count` slots of `length` before `until`, the oldest first.

    Quiet hours are not taken off: a reminder that waited for their end was due before.
    """
    since = until - count * length
    given = {"since": since, "until": until, "seconds": length.total_seconds()}
    sent = {row.place: row for row in conn.execute(SENT, given)}
    tried = {**given, "first": first_try(conn, since)}
    failed = {row.place: row.failed for row in conn.execute(FAILED, tried)}
    found = []
    for place in range(count):
        row = sent.get(place)
        half, most = row.late if row else (None, None)
        begins_at = since + place * length
        found.append(Slot(begins_at, row.sent if row else 0, half, most, failed.get(place, 0)))
    return found
