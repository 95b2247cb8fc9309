"""Messages that wait for a channel's rate become due soonest start first (promise 5)."""

from datetime import timedelta

import pytest
from sqlalchemy import Connection

from scheduler.reminders.moves.rate_queue import call_up
from scheduler.settings import Rate
from tests.scheduler.ledger.rows import HOUR, MINUTE, NOW, START, a_delivery, row_of

ONE_A_SECOND = Rate(count=1, per=timedelta(seconds=1))
WAITS = {"reason": "rate", "send_after": NOW + MINUTE}


def test_as_many_are_called_up_as_a_second_takes_and_one_more(conn: Connection) -> None:
    late, early, middle = (
        a_delivery(conn, recipient=f"user:{n}", starts_at=START + n * HOUR, **WAITS)
        for n in (3, 1, 2)
    )

    assert call_up(conn, [ONE_A_SECOND], NOW) == {early, middle}
    assert row_of(conn, early).send_after == NOW
    assert row_of(conn, late).send_after == NOW + MINUTE


@pytest.mark.parametrize(("count", "per", "called"), [(60, 60, 2), (3, 1, 4), (1, 3600, 2)])
def test_a_rate_is_taken_by_the_second(conn: Connection, count: int, per: int, called: int) -> None:
    for n in range(6):
        a_delivery(conn, recipient=f"user:{n}", **WAITS)

    assert len(call_up(conn, [Rate(count=count, per=timedelta(seconds=per))], NOW)) == called


def test_what_was_sent_back_as_one_message_is_called_up_whole(conn: Connection) -> None:
    group = {a_delivery(conn, session_id=n, student_id=n, **WAITS) for n in range(5)}

    assert call_up(conn, [ONE_A_SECOND], NOW) == group


def test_what_waits_for_something_else_is_not_called_up(conn: Connection) -> None:
    a_delivery(conn, reason="quiet_hours", send_after=NOW + MINUTE)
    a_delivery(conn, session_id=2, student_id=2, send_after=NOW + MINUTE)

    assert call_up(conn, [ONE_A_SECOND], NOW) == frozenset()


def test_without_a_rate_nothing_is_called_up(conn: Connection) -> None:
    a_delivery(conn, **WAITS)

    assert call_up(conn, [], NOW) == frozenset()


def test_nothing_is_called_up_beside_what_a_worker_still_holds(conn: Connection) -> None:
    a_delivery(conn, state="claimed", reason="rate")
    a_delivery(conn, session_id=2, student_id=2, **WAITS)

    assert call_up(conn, [ONE_A_SECOND], NOW) == frozenset()
