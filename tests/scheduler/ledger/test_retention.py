"""Removal of rows older than KEEP_DAYS, and the rows that are kept."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Connection, func, select, text

from models.worker import Absence, Attempt, Backfill, Finding, HeldBatch, Move, WorkerBase
from scheduler.ledger.retention import (
    SLICE,
    Removed,
    is_time_for_upkeep,
    remove_rest,
    remove_slice,
)
from scheduler.reminders.progress import note_beat
from tests.builders import a_session, an_absence
from tests.scheduler.ledger.rows import a_batch, a_delivery, an_attempt
from tests.servers import connect

NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)
BEFORE = NOW - timedelta(days=400)
LONG_AGO = BEFORE - timedelta(days=10)
OLD = {
    "starts_at": LONG_AGO,
    "due_at": LONG_AGO,
    "send_after": LONG_AGO,
    "planned_at": LONG_AGO,
    "state": "sent",
}
ZONE = "Africa/Addis_Ababa"


def remove(conn: Connection, after: int = 0) -> Removed:
    return remove_slice(conn, BEFORE, ZONE, after)


def left(conn: Connection) -> list[int]:
    return [*conn.scalars(text("SELECT id FROM session_worker.delivery ORDER BY id"))]


def rows(conn: Connection, model: type[WorkerBase]) -> int:
    return conn.scalar(select(func.count()).select_from(model)) or 0


def test_an_old_delivery_goes_with_its_attempts_and_moves(conn: Connection) -> None:
    old, young = a_delivery(conn, **OLD), a_delivery(conn)
    for each in (old, young):
        an_attempt(conn, each)
        conn.execute(
            text("INSERT INTO session_worker.move (delivery_id, state) VALUES (:id, 'sent')"),
            {"id": each},
        )

    assert remove(conn) == Removed(1, None)
    assert left(conn) == [young]
    assert (rows(conn, Attempt), rows(conn, Move)) == (1, 1)


@pytest.mark.parametrize("state", ["planned", "sent", "failed", "unknown", "held", "expired",
                                   "obsolete", "unreachable"])  # fmt: skip
def test_whatever_became_of_it_what_is_over_goes(conn: Connection, state: str) -> None:
    a_delivery(conn, **OLD | {"state": state})

    assert remove(conn).deliveries == 1


@pytest.mark.parametrize("state", ["claimed", "sending"])
def test_what_a_worker_holds_stays(conn: Connection, state: str) -> None:
    a_delivery(conn, **OLD | {"state": state})

    assert remove(conn).deliveries == 0


@pytest.mark.parametrize("column", ["starts_at", "planned_at"])
def test_a_delivery_stays_whose_start_or_plan_is_younger(conn: Connection, column: str) -> None:
    one = a_delivery(conn, **OLD | {column: BEFORE})

    remove(conn)

    assert left(conn) == [one]


def test_the_last_word_about_a_session_that_is_still_to_come_stays(conn: Connection) -> None:
    """A session notified more than a year ago, and then moved into next term."""
    session = a_session(conn, session_date=date(2026, 12, 20))
    one = a_delivery(conn, **OLD, session_id=session)

    remove(conn)

    assert left(conn) == [one]


def test_a_session_that_was_held_keeps_nothing(conn: Connection) -> None:
    session = a_session(conn, session_date=LONG_AGO.date())
    a_delivery(conn, **OLD, session_id=session)

    assert remove(conn).deliveries == 1


def test_slice_by_slice_everything_old_goes_and_a_young_one_ends_the_work(conn: Connection) -> None:
    conn.execute(
        text("""
            INSERT INTO session_worker.delivery (session_id, tutor_id, student_id, starts_at, kind,
                   lead_minutes, recipient, role, state, due_at, send_after, planned_at)
            SELECT n, 1, n, :at, 'alarm', 15, 'student:1', 'student', 'sent', :at, :at, :at
              FROM generate_series(1, :n) n"""),
        {"at": LONG_AGO, "n": 2 * SLICE + 1},
    )
    young = a_delivery(conn)

    removed, after = [], 0
    while True:
        one = remove(conn, after)
        removed.append(one.deliveries)
        if one.last_id is None:
            break
        after = one.last_id

    assert removed == [SLICE, SLICE, 1]
    assert left(conn) == [young]


def test_what_somebody_else_holds_is_left_without_waiting(conn: Connection, database: str) -> None:
    held, free = a_delivery(conn, **OLD), a_delivery(conn, **OLD | {"student_id": 2})
    conn.commit()
    with connect(database) as other:
        other.execute(
            text("SELECT FROM session_worker.delivery WHERE id = :id FOR UPDATE"), {"id": held}
        )
        assert remove(conn).deliveries == 1
        other.rollback()

    assert left(conn) == [held]
    assert free not in left(conn)


def test_finished_backfills_settled_batches_and_findings_of_gone_rows_go(conn: Connection) -> None:
    conn.execute(
        text("""
            INSERT INTO session_worker.backfill (from_date, until_date, finished_at)
            VALUES ('2025-01-01', '2025-02-01', :old), ('2025-01-01', '2025-02-01', :now),
                   ('2025-01-01', '2025-02-01', NULL)"""),
        {"old": LONG_AGO, "now": NOW},
    )
    session = a_session(conn)
    conn.execute(
        text("""
            INSERT INTO session_worker.finding (session_id, code)
            VALUES (:session, 'unknown_key'), (:gone, 'unknown_key')"""),
        {"session": session, "gone": session + 1},
    )
    a_batch(conn, held_at=LONG_AGO)
    held = a_batch(conn, held_at=LONG_AGO)
    a_delivery(conn, state="held", batch=held)
    a_batch(conn, held_at=NOW)

    an_absence(conn, LONG_AGO.date(), reason="the last day is long ago")
    an_absence(conn, LONG_AGO.date(), NOW.date())

    remove_rest(conn, BEFORE, ZONE)

    assert (rows(conn, Backfill), rows(conn, Finding), rows(conn, HeldBatch)) == (2, 1, 2)
    assert rows(conn, Absence) == 1


def test_it_is_time_once_a_day(conn: Connection) -> None:
    assert is_time_for_upkeep(conn, NOW)
    note_beat(conn, "upkeep", NOW)

    assert not is_time_for_upkeep(conn, NOW + timedelta(hours=22))
    assert is_time_for_upkeep(conn, NOW + timedelta(hours=23))
