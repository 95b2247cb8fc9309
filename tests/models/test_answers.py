"""Acknowledge and snooze, as the site calls them: SQL functions with the worker's rights."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DataError, ProgrammingError

from tests.scheduler.ledger.rows import KEY, a_delivery, an_attempt, row_of

MINUTE = timedelta(minutes=1)
ANOTHER = UUID(int=8)


def an_alarm(conn: Connection, **columns: Any) -> int:
    """An alarm that was sent to user 7, for a start in an hour."""
    told = {"kind": "alarm", "lead_minutes": 15, "state": "sent", "message_key": KEY}
    return a_delivery(conn, **{"starts_at": in_an_hour(conn), **told, **columns})


def in_an_hour(conn: Connection) -> datetime:
    """An instant relative to the transaction's start, the same for all rows of a test."""
    found: datetime = conn.scalar(text("SELECT now() + interval '1 hour'"))
    return found


def acknowledge(conn: Connection, delivery: int) -> object:
    return conn.scalar(text("SELECT session_worker.acknowledge(:id)"), {"id": delivery})


def snooze(conn: Connection, delivery: int, minutes: int | None) -> object:
    statement = text("SELECT session_worker.snooze(:id, :minutes)")
    return conn.scalar(statement, {"id": delivery, "minutes": minutes})


def states(conn: Connection) -> list[tuple[int, str, str | None]]:
    rows = conn.execute(
        text("SELECT revision, state, reason FROM session_worker.delivery ORDER BY revision, id")
    )
    return [(row.revision, row.state, row.reason) for row in rows]


def test_an_acknowledged_message_bears_the_instant_and_keeps_its_state(conn: Connection) -> None:
    alarm = an_alarm(conn)

    assert acknowledge(conn, alarm) is True
    row = row_of(conn, alarm)
    assert row.state == "sent"
    assert abs(row.acknowledged_at - datetime.now(UTC)) < MINUTE


def test_acknowledging_again_keeps_the_first_instant(conn: Connection) -> None:
    alarm = an_alarm(conn)
    acknowledge(conn, alarm)
    first = row_of(conn, alarm).acknowledged_at

    assert acknowledge(conn, alarm) is True
    assert row_of(conn, alarm).acknowledged_at == first


def test_all_rows_of_the_message_are_acknowledged_and_no_others(conn: Connection) -> None:
    first, second = (an_alarm(conn, student_id=n) for n in (1, 2))
    other = an_alarm(conn, student_id=3, message_key=ANOTHER)
    acknowledge(conn, second)

    assert row_of(conn, first).acknowledged_at is not None
    assert row_of(conn, other).acknowledged_at is None


def test_a_notice_of_many_starts_is_acknowledged_as_one(conn: Connection) -> None:
    start = in_an_hour(conn)
    first, second = (
        an_alarm(conn, kind="notice", starts_at=start + n * MINUTE, lead_minutes=0) for n in (1, 2)
    )
    acknowledge(conn, second)

    assert row_of(conn, first).acknowledged_at is not None


@pytest.mark.parametrize(
    "waiting",
    [{"state": "planned"}, {"state": "claimed", "holder": KEY},
     {"state": "failed", "retry_at": datetime.now(UTC)}],
)  # fmt: skip
def test_a_repeat_that_waits_is_not_sent_after_it(
    conn: Connection, waiting: dict[str, Any]
) -> None:
    alarm = an_alarm(conn)
    repeat = an_alarm(conn, revision=1, message_key=None, **waiting)
    acknowledge(conn, alarm)

    row = row_of(conn, repeat)
    assert (row.state, row.reason, row.holder, row.retry_at) == (
        "obsolete", "acknowledged", None, None,
    )  # fmt: skip


def test_what_becomes_of_a_repeat_is_kept_for_explain(conn: Connection) -> None:
    alarm = an_alarm(conn)
    repeat = an_alarm(conn, revision=1, message_key=None, state="planned")
    acknowledge(conn, alarm)

    kept = conn.execute(text("SELECT delivery_id, state, reason FROM session_worker.move")).all()
    assert kept == [(repeat, "obsolete", "acknowledged")]


def test_a_message_without_an_answer_has_arrived_when_it_is_acknowledged(conn: Connection) -> None:
    alarm = an_alarm(conn, state="held", reason="no_answer")
    begun_at = datetime(2026, 11, 1, tzinfo=UTC)
    an_attempt(conn, alarm, begun_at=begun_at, outcome="unknown")
    acknowledge(conn, alarm)

    row = row_of(conn, alarm)
    assert (row.state, row.reason, row.sent_at) == ("sent", "acknowledged", begun_at)


def test_an_unknown_id_is_neither_acknowledged_nor_snoozed(conn: Connection) -> None:
    assert acknowledge(conn, 999) is False
    assert snooze(conn, 999, 5) is False


def test_a_snoozed_alarm_comes_again_in_so_many_minutes(conn: Connection) -> None:
    alarm = an_alarm(conn)

    assert snooze(conn, alarm, 5) is True
    again = conn.execute(
        text("SELECT * FROM session_worker.delivery WHERE state = 'planned'")
    ).one()
    assert (again.revision, again.recipient, again.lead_minutes) == (1, "user:7", 15)
    assert abs(again.due_at - datetime.now(UTC) - 5 * MINUTE) < MINUTE
    assert again.send_after == again.due_at


def test_a_snooze_takes_the_place_of_a_planned_repeat(conn: Connection) -> None:
    alarm = an_alarm(conn)
    an_alarm(conn, revision=1, message_key=None, state="planned")
    snooze(conn, alarm, 5)
    snooze(conn, alarm, 10)

    assert states(conn) == [
        (0, "sent", None), (1, "obsolete", "snoozed"), (2, "obsolete", "snoozed"),
        (3, "planned", None),
    ]  # fmt: skip


def test_a_parents_alarm_for_three_children_is_snoozed_as_one(conn: Connection) -> None:
    alarms = [an_alarm(conn, student_id=n) for n in (1, 2, 3)]
    snooze(conn, alarms[2], 5)

    again = [state for state in states(conn) if state[0] == 1]
    assert again == 3 * [(1, "planned", None)]


def test_nothing_is_planned_at_the_start_or_after_it(conn: Connection) -> None:
    alarm = an_alarm(conn)

    assert snooze(conn, alarm, 61) is False
    assert states(conn) == [(0, "sent", None)]


def test_a_notice_cannot_be_snoozed(conn: Connection) -> None:
    notice = an_alarm(conn, kind="notice", lead_minutes=0)

    assert snooze(conn, notice, 5) is False


@pytest.mark.parametrize("minutes", [None, 0, -5, 121, 2_147_483_647])
def test_other_than_1_to_120_minutes_is_an_error_in_one_line(
    conn: Connection, minutes: int | None
) -> None:
    with pytest.raises(DataError, match="is not 1 to 120 minutes") as error:
        snooze(conn, an_alarm(conn), minutes)
    assert str(error.value.orig).splitlines()[0].startswith("snooze: ")


def test_the_site_needs_no_right_on_the_ledger_but_one_on_the_function(conn: Connection) -> None:
    alarm = an_alarm(conn)
    become_the_site(conn)
    conn.execute(text("GRANT EXECUTE ON FUNCTION session_worker.acknowledge(bigint) TO the_site"))
    conn.execute(text("SET LOCAL ROLE the_site"))

    assert acknowledge(conn, alarm) is True
    with pytest.raises(ProgrammingError, match="permission denied for function snooze"):
        snooze(conn, alarm, 5)


def become_the_site(conn: Connection) -> None:
    """A role without rights, removed with the transaction."""
    conn.execute(text("CREATE ROLE the_site"))
    conn.execute(text("GRANT USAGE ON SCHEMA session_worker TO the_site"))
