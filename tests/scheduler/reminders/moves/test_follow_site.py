"""Later truth: the ledger follows the site (promises 4 and 5)."""

import pytest
from sqlalchemy import Connection

from tests.builders import a_session, a_student, a_tutor
from tests.scheduler.reminders.passes import ALARMED, REMINDED, Planner, at, planner

NOW = at("13:44:30")


@pytest.fixture
def planned(conn: Connection) -> Planner:
    """An alarm for 13:45 is planned."""
    a_session(conn, **ALARMED)
    planned = planner(conn)
    planned.run(NOW)
    assert planned.rows("state") == [("planned",)]
    return planned


WHY_NOT_TRUE = {
    "moved": "UPDATE tutor_sessions SET start_time = '16:00'",
    "cancelled": "UPDATE tutor_sessions SET status = 'CANCELED'",
    "not_scheduled": "UPDATE tutor_sessions SET status = 'In_Progress'",
    "deleted": "DELETE FROM tutor_sessions",
    "switched_off": "UPDATE tutor_sessions SET alarm_enabled = NULL",
    "lead_changed": "UPDATE tutor_sessions SET alarm_before_minutes = 5",
    "reassigned": "UPDATE tutor_sessions SET tutor_id = tutor_id + 1000",
}


@pytest.mark.parametrize("reason", WHY_NOT_TRUE)
def test_what_is_not_true_any_more_is_obsolete(planned: Planner, reason: str) -> None:
    planned.write(WHY_NOT_TRUE[reason])
    changes = planned.run(NOW)

    assert planned.rows("state", "reason")[0] == ("obsolete", reason)
    assert len(changes.obsolete) == 1


TRUE_AGAIN = {
    "moved": "UPDATE tutor_sessions SET start_time = '14:00'",
    "cancelled": "UPDATE tutor_sessions SET status = 'scheduled'",
    "not_scheduled": "UPDATE tutor_sessions SET status = 'Scheduled'",
    "switched_off": "UPDATE tutor_sessions SET alarm_enabled = true",
    "lead_changed": "UPDATE tutor_sessions SET alarm_before_minutes = NULL",
    "reassigned": "UPDATE tutor_sessions SET tutor_id = tutor_id - 1000",
}


@pytest.mark.parametrize("reason", TRUE_AGAIN)
def test_what_is_true_again_is_planned_again(planned: Planner, reason: str) -> None:
    planned.write(WHY_NOT_TRUE[reason])
    planned.run(NOW)
    planned.write(TRUE_AGAIN[reason])
    changes = planned.run(NOW)

    assert planned.rows("state", "reason")[0] == ("planned", None)
    assert len(changes.planned) == 1


@pytest.mark.parametrize("reason", ["nearer_lead", "before_first_tick", "told_by_notice"])
def test_what_another_message_made_needless_stays_so(planned: Planner, reason: str) -> None:
    planned.write(
        "UPDATE session_worker.delivery SET state = 'obsolete', reason = :reason", reason=reason
    )
    planned.run(NOW)

    assert planned.rows("state", "reason") == [("obsolete", reason)]


def test_what_was_sent_is_never_obsolete(planned: Planner) -> None:
    planned.write("UPDATE session_worker.delivery SET state = 'sent', sent_at = due_at")
    planned.write(WHY_NOT_TRUE["switched_off"])
    planned.run(NOW)

    assert planned.rows("state") == [("sent",)]


def test_a_failure_that_waits_is_withdrawn_too(planned: Planner) -> None:
    planned.write("UPDATE session_worker.delivery SET state = 'failed', retry_at = starts_at")
    planned.write(WHY_NOT_TRUE["cancelled"])
    planned.run(NOW)

    assert planned.rows("state", "reason", "retry_at") == [("obsolete", "cancelled", None)]


def test_a_failure_for_good_stays_so(planned: Planner) -> None:
    planned.write("UPDATE session_worker.delivery SET state = 'failed'")
    planned.write(WHY_NOT_TRUE["cancelled"])
    planned.run(NOW)

    assert planned.rows("state") == [("failed",)]


def test_what_has_begun_is_expired(planned: Planner) -> None:
    changes = planned.run(at("14:00"))

    assert planned.rows("state", "reason") == [("expired", "begun")]
    assert len(changes.expired) == 1


def test_what_waits_to_be_tried_again_is_due_at_its_time(planned: Planner) -> None:
    planned.write(
        "UPDATE session_worker.delivery SET state = 'failed', retry_at = :at", at=at("13:46")
    )
    planned.run(at("13:45:59"))
    assert planned.rows("state") == [("failed",)]
    planned.run(at("13:46"))

    assert planned.rows("state", "retry_at") == [("planned", None)]


def test_what_may_have_arrived_does_not_expire(planned: Planner) -> None:
    planned.write(
        "UPDATE session_worker.delivery SET state = 'unknown', retry_at = :at", at=at("13:59")
    )
    planned.run(at("14:00"))

    assert planned.rows("state", "retry_at") == [("unknown", None)]


def test_a_row_entered_anew_takes_the_place_of_the_old(conn: Connection) -> None:
    tutor, student = a_tutor(conn), a_student(conn)
    a_session(conn, tutor_id=tutor, student_id=student, **ALARMED)
    planned = planner(conn)
    planned.run(NOW)
    planned.write("DELETE FROM tutor_sessions")
    anew = a_session(conn, tutor_id=tutor, student_id=student, **ALARMED)
    planned.run(NOW)

    assert planned.rows("session_id", "state") == [(anew, "planned")]


def test_a_cancelled_row_with_another_in_its_place_is_not_missed(conn: Connection) -> None:
    tutor, student = a_tutor(conn), a_student(conn)
    a_session(conn, tutor_id=tutor, student_id=student, **ALARMED)
    planned = planner(conn)
    planned.run(NOW)
    planned.write("UPDATE tutor_sessions SET status = 'cancelled'")
    anew = a_session(conn, tutor_id=tutor, student_id=student, **ALARMED)
    planned.run(NOW)

    assert planned.rows("session_id", "state") == [(anew, "planned")]


def test_a_paused_series_withdraws_and_brings_back(conn: Connection) -> None:
    anchor = a_session(conn, **REMINDED)
    planned = planner(conn, reminder_leads="1h")
    planned.run(at("12:59:30"))
    planned.write(
        "INSERT INTO session_worker.series (anchor_id, state, seen, tutor_id, student_id)"
        " VALUES (:id, 'paused', '', 1, 1)", id=anchor,
    )  # fmt: skip
    planned.run(at("12:59:40"))
    assert planned.rows("state", "reason") == [("obsolete", "series_paused")]
    planned.write("UPDATE session_worker.series SET state = 'active'")
    planned.run(at("12:59:50"))

    assert planned.rows("state") == [("planned",)]
