"""Agreement of limits in the database's functions with those in the worker's code."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, text

from scheduler.message import GRACE, LONGEST_ALARM, Kind

STARTS_AT = datetime(2026, 12, 1, 6, tzinfo=UTC)


def test_the_database_bears_a_late_alarm_as_long_as_the_worker(conn: Connection) -> None:
    begun = text("SELECT session_worker.begun(:kind, 0, :starts_at, NULL, :at)")
    about = {"kind": Kind.ALARM, "starts_at": STARTS_AT}
    last = STARTS_AT + GRACE

    assert not conn.scalar(begun, about | {"at": last})
    assert conn.scalar(begun, about | {"at": last + datetime.resolution})


def test_the_database_has_the_same_longest_alarm(conn: Connection) -> None:
    minutes = LONGEST_ALARM // timedelta(minutes=1)
    counted = text("SELECT session_worker.alarm_minutes(:minutes)")

    assert conn.scalar(counted, {"minutes": minutes}) == minutes
    assert conn.scalar(counted, {"minutes": minutes + 1}) == 15
