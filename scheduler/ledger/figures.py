"""Figures of the ledger for a monitoring system: counts, ages and distributions of times.

Each is one statement on an index, whose cost does not grow with the ledger's age: what is counted
lies in the days from `since` on, or still waits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, text

from scheduler.ledger.recent_tries import first_try

# Upper bounds in seconds, inclusive. A message is late after a minute, useless after some hours; a
# provider is slow after some seconds.
LATENESS_BOUNDS = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0)
TRY_BOUNDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


@dataclass(frozen=True, slots=True)
class DeliveryCount:
    """Number of deliveries in one state. `channel` is empty where none was chosen yet.

    For `sent`: `bucket` counts the bounds of LATENESS_BOUNDS below the lateness, and `seconds` is
    their lateness in all.
    """

    state: str
    kind: str
    channel: str
    bucket: int
    count: int
    seconds: float


# Index: delivery_start. An unanswered message that waits for an admin is `unknown`, not `held`.
# A message is late by the time from when it could go: it was due, was in the ledger and, where
# somebody has quiet hours, these were over. Thresholds are negative, as bounds include themselves.
DELIVERIES = text("""
    SELECT d.state, d.kind, coalesce(d.channel, '') AS channel,
           coalesce(:bounds - width_bucket(-d.late, CAST(:thresholds AS float8[])), 0) AS bucket,
           count(*) AS count, coalesce(sum(d.late), 0) AS seconds
      FROM (SELECT CASE WHEN state = 'held' AND reason = 'no_answer' THEN 'unknown'
                        WHEN state = 'failed' AND retry_at IS NOT NULL THEN 'planned'
                        ELSE state END AS state,
                   kind, channel,
                   CASE WHEN state = 'sent' THEN greatest(0, extract(epoch FROM sent_at - greatest(
                       due_at, planned_at, CASE WHEN person_id IN (
                           SELECT person_id FROM session_worker.preference
                            WHERE quiet_from IS NOT NULL) THEN send_after END)))::float8 END AS late
              FROM session_worker.delivery WHERE starts_at > :since) d
     GROUP BY 1, 2, 3, 4""")


def count_deliveries(conn: Connection, since: datetime) -> Sequence[DeliveryCount]:
    """Deliveries about starts later than `since`, by state, kind, channel and lateness."""
    parameters = {
        "since": since,
        "bounds": len(LATENESS_BOUNDS),
        "thresholds": [-bound for bound in reversed(LATENESS_BOUNDS)],
    }
    return [DeliveryCount(*row) for row in conn.execute(DELIVERIES, parameters)]


@dataclass(frozen=True, slots=True)
class TryCount:
    """Number of finished tries. `bucket` counts the bounds of TRY_BOUNDS below the time that the
    provider took; `seconds` is that time in all."""

    channel: str
    outcome: str
    bucket: int
    count: int
    seconds: float


# Index: the primary key.
TRIES = text("""
    SELECT channel, outcome, :bounds - width_bucket(-took, CAST(:thresholds AS float8[])) AS bucket,
           count(*) AS count, sum(took) AS seconds
      FROM (SELECT channel, outcome,
                   greatest(0, extract(epoch FROM ended_at - begun_at))::float8 AS took
              FROM session_worker.attempt
             WHERE id > :first AND begun_at > :since
               AND ended_at IS NOT NULL AND outcome IS NOT NULL) t
     GROUP BY 1, 2, 3""")


def count_tries(conn: Connection, since: datetime) -> Sequence[TryCount]:
    """Tries begun after `since` that have ended, by channel, outcome and duration."""
    parameters = {
        "since": since,
        "first": first_try(conn, since),
        "bounds": len(TRY_BOUNDS),
        "thresholds": [-bound for bound in reversed(TRY_BOUNDS)],
    }
    return [TryCount(*row) for row in conn.execute(TRIES, parameters)]


@dataclass(frozen=True, slots=True)
class ReceiptCount:
    """Number of messages of a channel that their receipts call `delivered` or `undelivered`."""

    channel: str
    receipt: str
    count: int


# Index: the primary key. A message that named several sessions has one receipt.
RECEIPTS = text("""
    SELECT channel, receipt, count(DISTINCT message_key)
      FROM session_worker.attempt
     WHERE id > :first AND begun_at > :since AND receipt IS NOT NULL
     GROUP BY channel, receipt ORDER BY channel, receipt""")


def count_receipts(conn: Connection, since: datetime) -> Sequence[ReceiptCount]:
    """Receipts for tries begun after `since`, by channel."""
    parameters = {"since": since, "first": first_try(conn, since)}
    return [ReceiptCount(*row) for row in conn.execute(RECEIPTS, parameters)]


@dataclass(frozen=True, slots=True)
class Waiting:
    """Planned messages of one kind. `due`: those that should have gone by now, `oldest` when the
    first of them should have gone."""

    kind: str
    planned: int
    due: int
    oldest: datetime | None


# Index: delivery_ready.
WAITING = text("""
    SELECT kind, count(*) AS planned, count(*) FILTER (WHERE send_after <= :now) AS due,
           min(send_after) FILTER (WHERE send_after <= :now) AS oldest
      FROM session_worker.delivery WHERE state = 'planned' GROUP BY kind""")


def count_waiting(conn: Connection, now: datetime) -> Sequence[Waiting]:
    """Messages that wait for their time or for a worker, by kind."""
    return [Waiting(*row) for row in conn.execute(WAITING, {"now": now})]


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands now.

    `under_way`: messages in workers' hands, by state. `stuck`: messages that wait for an admin, by
    state. `series`: by state. `conflicts`: dates to come that are blocked by another session.
    `beats`: part → its last heartbeat. `down`: channels whose provider is down. `paused`: channels,
    or `*` for every one. `dead`: channel → addresses that refused for good. `away`: whose absences
    cover today: tutor, student or everybody → their number.
    """

    under_way: Mapping[str, int]
    stuck: Mapping[str, int]
    series: Mapping[str, int]
    conflicts: int
    beats: Mapping[str, datetime]
    down: frozenset[str]
    paused: frozenset[str]
    dead: Mapping[str, int]
    away: Mapping[str, int]


# Indexes: delivery_leased, delivery_stuck, occurrence_open; series is a table of rules.
UNDER_WAY = text("""
    SELECT state, count(*) FROM session_worker.delivery
     WHERE state IN ('claimed', 'sending') GROUP BY state""")
STUCK = text("""
    SELECT CASE WHEN reason = 'no_answer' THEN 'unknown' ELSE state END, count(*)
      FROM session_worker.delivery
     WHERE state = 'held' OR state = 'unknown' AND retry_at IS NULL GROUP BY 1""")
SERIES = text("SELECT state, count(*) FROM session_worker.series GROUP BY state")
CONFLICTS = text("""
    SELECT count(*) FROM session_worker.occurrence
     WHERE state = 'conflict' AND occurs_on >= :today""")
BEATS = text("SELECT name, beat_at FROM session_worker.heartbeat")
DOWN = text("SELECT channel FROM session_worker.channel_trouble WHERE down_since IS NOT NULL")
PAUSED = text("SELECT channel FROM session_worker.pause")
# One row for each such address.
DEAD = text("""
    SELECT channel, count(*) FROM session_worker.dead_address
     WHERE revived_at IS NULL GROUP BY channel""")
# One row for each absence within KEEP_DAYS.
AWAY = text("""
    SELECT CASE WHEN tutor_id IS NOT NULL THEN 'tutor'
                WHEN student_id IS NOT NULL THEN 'student' ELSE 'everybody' END, count(*)
      FROM session_worker.absence
     WHERE withdrawn_at IS NULL AND :today BETWEEN first_day AND last_day GROUP BY 1""")


def read_standing(conn: Connection, today: date) -> Standing:
    """What stands now; `today` is a date at the site."""
    return Standing(
        under_way={row[0]: row[1] for row in conn.execute(UNDER_WAY)},
        stuck={row[0]: row[1] for row in conn.execute(STUCK)},
        series={row[0]: row[1] for row in conn.execute(SERIES)},
        conflicts=conn.execute(CONFLICTS, {"today": today}).scalar_one(),
        beats={row[0]: row[1] for row in conn.execute(BEATS)},
        down=frozenset(conn.scalars(DOWN)),
        paused=frozenset(conn.scalars(PAUSED)),
        dead={row[0]: row[1] for row in conn.execute(DEAD)},
        away={row[0]: row[1] for row in conn.execute(AWAY, {"today": today})},
    )
