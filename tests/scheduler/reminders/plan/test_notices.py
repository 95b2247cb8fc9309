"""Notices to people whose last message no longer holds, once for each change."""

from datetime import datetime

import pytest
from sqlalchemy import Connection

from tests.builders import a_session, a_student, a_tutor
from tests.scheduler.reminders.passes import REMINDED, Planner, at, planner


class Told(Planner):
    """A ledger whose deliveries count as sent when the test says so."""

    def send(self, now: datetime) -> None:
        self.write(
            "UPDATE session_worker.delivery SET state = 'sent', sent_at = :now, message_at = :now"
            " WHERE state = 'planned'", now=now,
        )  # fmt: skip

    def notices(self) -> list[tuple[str, datetime, str, str | None]]:
        """Change, start and state of each notice."""
        found = self.rows("kind", "change", "starts_at", "state", "reason")
        return [
            (row.change["kind"], row.starts_at, row.state, row.reason)
            for row in found
            if row.kind == "notice"
        ]


@pytest.fixture
def told(conn: Connection) -> Told:
    """A tutor who was reminded at 13:00 of the session at 14:00."""
    a_session(conn, tutor_id=a_tutor(conn), student_id=a_student(conn), **REMINDED)
    made = planner(conn, reminder_leads="1h")
    told = Told(conn, made.settings)
    told.run(at("13:00"))
    told.send(at("13:00"))
    return told


MOVE = "UPDATE tutor_sessions SET start_time = CAST(:to AS time)"
CANCEL = "UPDATE tutor_sessions SET status = 'cancelled'"
RESTORE = "UPDATE tutor_sessions SET status = 'scheduled'"
DELETE = "DELETE FROM tutor_sessions"


def test_a_move_is_notified_once_with_the_new_start(told: Told) -> None:
    told.write(MOVE, to="16:00")
    told.run(at("13:10"))
    told.run(at("13:11"))

    assert told.notices() == [("moved", at("16:00"), "planned", None)]


def test_a_notice_names_the_start_that_was_sent_before(told: Told) -> None:
    told.write(MOVE, to="16:00")
    told.run(at("13:10"))

    change = told.rows("change")[-1].change
    assert datetime.fromisoformat(change["old_starts_at"]) == at("14:00")


@pytest.mark.parametrize("how", [CANCEL, DELETE])
def test_a_cancellation_is_notified_with_the_old_start(told: Told, how: str) -> None:
    told.write(how)
    told.run(at("13:10"))

    assert told.notices() == [("cancelled", at("14:00"), "planned", None)]


def test_a_session_given_to_another_tutor_is_off_for_the_first(told: Told) -> None:
    told.write("UPDATE tutor_sessions SET tutor_id = tutor_id + 1000")
    told.run(at("13:10"))

    assert told.notices() == [("cancelled", at("14:00"), "planned", None)]


def test_a_person_who_was_not_notified_gets_no_notice(conn: Connection) -> None:
    a_session(conn, **REMINDED)
    planned = planner(conn, reminder_leads="1h")
    planned.run(at("13:00"))
    planned.write(CANCEL)
    planned.run(at("13:10"))

    assert planned.rows("kind", "state") == [("reminder", "obsolete")]


def test_a_move_undone_before_anybody_was_notified_is_no_change(told: Told) -> None:
    told.write(MOVE, to="16:00")
    told.run(at("13:10"))
    told.write(MOVE, to="14:00")
    told.run(at("13:11"))

    assert told.notices() == [("moved", at("16:00"), "obsolete", "changed_again")]


def test_a_move_made_again_brings_back_the_notice_that_was_never_sent(told: Told) -> None:
    for to in ("16:00", "14:00", "16:00"):
        told.write(MOVE, to=to)
        told.run(at("13:10"))

    assert told.notices() == [("moved", at("16:00"), "planned", None)]


def test_of_two_moves_before_a_notice_left_only_the_last_is_notified(told: Told) -> None:
    for to in ("16:00", "17:00"):
        told.write(MOVE, to=to)
        told.run(at("13:10"))

    assert told.notices() == [
        ("moved", at("16:00"), "obsolete", "changed_again"),
        ("moved", at("17:00"), "planned", None),
    ]


def test_each_change_after_a_notice_is_notified_again(told: Told) -> None:
    for minute, to in enumerate(("16:00", "14:00", "16:00")):
        told.write(MOVE, to=to)
        told.run(at(f"13:1{minute}"))
        told.send(at(f"13:1{minute}"))

    assert [(kind, start) for kind, start, _, _ in told.notices()] == [
        ("moved", at("16:00")),
        ("moved", at("14:00")),
        ("moved", at("16:00")),
    ]
    assert [row.revision for row in told.rows("revision")] == [0, 0, 0, 1]


def test_a_session_scheduled_again_after_its_cancellation_was_notified_is_notified(
    told: Told,
) -> None:
    told.write(CANCEL)
    told.run(at("13:10"))
    told.send(at("13:10"))
    told.write(RESTORE)
    told.run(at("13:20"))

    assert told.notices()[-1] == ("restored", at("14:00"), "planned", None)


def test_a_cancellation_undone_before_anybody_was_notified_is_no_change(told: Told) -> None:
    told.write(CANCEL)
    told.run(at("13:10"))
    told.write(RESTORE)
    told.run(at("13:20"))

    assert told.notices() == [("cancelled", at("14:00"), "obsolete", "changed_again")]


def test_a_row_entered_anew_is_no_change(told: Told, conn: Connection) -> None:
    ((tutor, student),) = told.rows("tutor_id", "student_id")
    told.write(DELETE)
    anew = a_session(conn, tutor_id=tutor, student_id=student, **REMINDED)
    told.run(at("13:10"))

    assert told.notices() == []
    assert told.rows("session_id") == [(anew,)]


@pytest.mark.parametrize("to", ["13:05", "13:10"])
def test_a_move_to_a_start_in_the_past_is_not_notified(told: Told, to: str) -> None:
    told.write(MOVE, to=to)
    told.run(at("13:10"))

    assert told.notices() == []


def test_after_the_old_start_nothing_is_notified(told: Told) -> None:
    told.write(MOVE, to="16:00")
    told.run(at("14:00"))

    assert told.notices() == []


def test_a_move_of_a_session_that_is_switched_off_is_not_notified(told: Told) -> None:
    told.write(MOVE, to="16:00")
    told.write("UPDATE tutor_sessions SET notification_enabled = false")
    told.run(at("13:10"))

    assert told.notices() == []


def test_a_notice_that_failed_for_good_is_not_made_anew(told: Told) -> None:
    told.write(CANCEL)
    told.run(at("13:10"))
    told.write("UPDATE session_worker.delivery SET state = 'failed' WHERE kind = 'notice'")
    told.run(at("13:11"))

    assert told.notices() == [("cancelled", at("14:00"), "failed", None)]


def test_while_a_message_is_being_sent_its_session_gets_no_notice(told: Told) -> None:
    told.write(
        "INSERT INTO session_worker.delivery (session_id, tutor_id, student_id, starts_at, kind,"
        " lead_minutes, recipient, person_id, role, state, due_at, send_after)"
        " SELECT session_id, tutor_id, student_id, starts_at, kind, 30, recipient, person_id, role,"
        " 'sending', due_at, send_after FROM session_worker.delivery"
    )
    told.write(CANCEL)
    told.run(at("13:10"))
    assert told.notices() == []
    told.write("UPDATE session_worker.delivery SET state = 'failed' WHERE state = 'sending'")
    told.run(at("13:11"))

    assert told.notices() == [("cancelled", at("14:00"), "planned", None)]


@pytest.mark.parametrize("state", ["unknown", "held", "planned", "obsolete"])
def test_a_person_who_may_have_been_notified_gets_the_change(told: Told, state: str) -> None:
    told.write(
        "UPDATE session_worker.delivery SET state = :state, attempts = 1, sent_at = NULL",
        state=state,
    )
    told.write(
        "INSERT INTO session_worker.attempt (delivery_id, message_key, channel, begun_at)"
        " SELECT id, gen_random_uuid(), 'email', due_at FROM session_worker.delivery"
    )
    told.write(CANCEL)
    told.run(at("13:10"))

    assert told.notices() == [("cancelled", at("14:00"), "planned", None)]


def test_a_person_whose_message_was_refused_was_not_notified(told: Told) -> None:
    told.write("UPDATE session_worker.delivery SET state = 'failed', attempts = 1")
    told.write(
        "INSERT INTO session_worker.attempt (delivery_id, message_key, channel, begun_at, outcome)"
        " SELECT id, gen_random_uuid(), 'email', due_at, 'failed' FROM session_worker.delivery"
    )
    told.write(CANCEL)
    told.run(at("13:10"))

    assert told.notices() == []


def test_an_overdue_lead_of_the_new_start_is_not_sent_beside_the_notice(told: Told) -> None:
    told.write(MOVE, to="14:05")
    told.run(at("13:10"))

    assert told.rows("kind", "state", "reason")[1:] == [
        ("notice", "planned", None),
        ("reminder", "obsolete", "told_by_notice"),
    ]


def test_a_lead_of_the_new_start_that_is_still_to_come_is_sent(told: Told) -> None:
    told.write(MOVE, to="16:00")
    told.run(at("13:10"))
    told.send(at("13:10"))
    told.run(at("15:00"))

    assert told.rows("kind", "state")[-1] == ("reminder", "planned")
