"""Removal of ledger rows older than KEEP_DAYS (design, "A year later").

In slices of the primary key, so that no statement takes long and none locks a row of the site's.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from scheduler.reminders.progress import beat_of

# Deliveries that one statement reads; how long it takes: tests.benchmarks.bench_retention.
SLICE = 1000
# Beat asks each ten minutes, so that a lost message costs minutes, not a day.
ONCE_A = timedelta(hours=23)


@dataclass(frozen=True, slots=True)
class Removed:
    """`deliveries`: number of removed ones. `last_id`: the last id that was read, None where there
    is nothing older."""

    deliveries: int
    last_id: int | None


def is_time_for_upkeep(conn: Connection, now: datetime) -> bool:
    """True where the last finished upkeep was a day ago, or there was none."""
    ended_at = beat_of(conn, "upkeep")
    return ended_at is None or now - ended_at >= ONCE_A


# Index: the primary key of delivery, attempt_delivery, move_delivery, inbox_message_key_key, the
# primary key of tutor_sessions, in which a subquery in place of EXISTS is looked up row by row
# (docs/decisions/0021). Deliveries are numbered as they are planned, so the first slice with a
# younger one is the last that matters. A session that was moved to a later date is still to come,
# or younger than what is kept: its deliveries hold what its people were last told. Rows that
# somebody else holds are left to the next day.
REMOVE_SLICE = text(f"""
    WITH slice AS (
        SELECT id, session_id, starts_at, planned_at, state FROM session_worker.delivery
         WHERE id > :after ORDER BY id LIMIT {SLICE}
    ), old AS (
        SELECT d.id, d.message_key FROM session_worker.delivery d JOIN slice USING (id)
         WHERE slice.planned_at < :before AND slice.starts_at < :before
           AND slice.state NOT IN ('claimed', 'sending')
           AND (SELECT true FROM tutor_sessions s
                 WHERE s.id = slice.session_id
                   AND s.session_date >= CAST(CAST(:before AS timestamptz)
                                              AT TIME ZONE :zone AS date)
                 LIMIT 1) IS NULL
           FOR UPDATE OF d SKIP LOCKED
    ), tries AS (
        DELETE FROM session_worker.attempt a USING old WHERE a.delivery_id = old.id
    ), moved AS (
        DELETE FROM session_worker.move m USING old WHERE m.delivery_id = old.id
    ), copies AS (
        DELETE FROM session_worker.inbox i USING old WHERE i.message_key = old.message_key
    ), removed AS (
        DELETE FROM session_worker.delivery d USING old WHERE d.id = old.id RETURNING 1
    )
    SELECT (SELECT count(*) FROM removed),
           CASE WHEN max(planned_at) < :before THEN max(id) END FROM slice""")


def remove_slice(conn: Connection, before: datetime, zone: str, after: int) -> Removed:
    """Remove those of the next 1,000 deliveries after the id `after` that are older than `before`.

    A delivery is older where it was planned, and its start and its session's date lie, before that
    instant. Its attempts, moves and copy in the inbox go with it. `zone` is the site's.
    """
    given = {"after": after, "before": before, "zone": zone}
    return Removed(*conn.execute(REMOVE_SLICE, given).one())


# A handful of rows in each table but finding, which has one for each odd rule. Only findings about
# deleted rows are removed, as those about existing rows would be found again.
# Receipts are read once a day in the order of their keys; they are at most as many as tries.
# Indexes: primary keys, delivery_stuck.
REMOVE_REST = (
    text("DELETE FROM session_worker.feed_token WHERE revoked_at < :before"),
    # Looked at for half an hour.
    text("DELETE FROM session_worker.sms_text WHERE said_at < now() - interval '1 day'"),
    text("DELETE FROM session_worker.backfill WHERE finished_at < :before"),
    text("DELETE FROM session_worker.admin_message WHERE ended_at < :before"),
    text("""
        DELETE FROM session_worker.finding f
         WHERE NOT EXISTS (SELECT FROM tutor_sessions s WHERE s.id = f.session_id)
           AND NOT EXISTS (SELECT FROM session_worker.series r
                            WHERE r.anchor_id = f.session_id AND r.changed_at >= :before)"""),
    text("""
        DELETE FROM session_worker.absence
         WHERE last_day < CAST(CAST(:before AS timestamptz) AT TIME ZONE :zone AS date)"""),
    text("""
        DELETE FROM session_worker.held_batch b
         WHERE b.held_at < :before
           AND NOT EXISTS (SELECT FROM session_worker.delivery d
                            WHERE d.batch = b.id AND d.state IN ('held', 'unknown'))"""),
    text("DELETE FROM session_worker.telegram_invite WHERE expires_at < :before"),
    text("DELETE FROM session_worker.receipt WHERE received_at < :before"),
    text("DELETE FROM session_worker.dead_address WHERE revived_at < :before"),
)


def remove_rest(conn: Connection, before: datetime, zone: str) -> None:
    """Remove finished backfills, findings about rows that are gone, batches long settled, receipts,
    past absences, and addresses that were revived. A dead address stays dead. `zone` is the
    site's."""
    for statement in REMOVE_REST:
        conn.execute(statement, {"before": before, "zone": zone})
