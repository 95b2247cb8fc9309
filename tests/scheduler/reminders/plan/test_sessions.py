"""Ledger rows planned for live sessions: recipients, due times, and exceptions."""

from datetime import date, time
from typing import Any

import pytest
from sqlalchemy import Connection, text

from tests.builders import a_parent, a_session, a_student, a_tutor, a_user
from tests.scheduler.reminders.passes import ALARMED, DAY, REMINDED, at, planner


def test_a_reminder_is_made_at_most_plan_ahead_before_it_is_due(conn: Connection) -> None:
    a_session(conn, **REMINDED)
    early, due = planner(conn, reminder_leads="1h"), planner(conn, reminder_leads="1h")

    assert early.run(at("12:58:59")).planned == frozenset()
    assert len(due.run(at("12:59")).planned) == 1
    ((due_at, starts_at, lead),) = due.rows("due_at", "starts_at", "lead_minutes")
    assert (due_at, starts_at, lead) == (at("13:00"), at("14:00"), 60)


@pytest.mark.parametrize("status", ["scheduled", "Scheduled", " SCHEDULED ", "sche_du-led"])
def test_scheduled_in_any_spelling_is_live(conn: Connection, status: str) -> None:
    a_session(conn, status=status, **REMINDED)

    assert len(planner(conn).run(at("13:00")).planned) == 1


@pytest.mark.parametrize("status", ["cancelled", "completed", "missed", "in-progress", None, ""])
def test_any_other_status_gets_no_message(conn: Connection, status: str | None) -> None:
    a_session(conn, status=status, **REMINDED)

    assert planner(conn).run(at("13:00")).planned == frozenset()


@pytest.mark.parametrize("switch", ["NULL", "false"])
def test_a_switch_that_is_off_or_null_gets_no_message(conn: Connection, switch: str) -> None:
    a_session(conn, **REMINDED, **ALARMED)
    planned = planner(conn)
    planned.write(
        f"UPDATE tutor_sessions SET notification_enabled = {switch}, alarm_enabled = {switch}"
    )

    assert planned.run(at("13:50")).planned == frozenset()


@pytest.mark.parametrize(
    ("minutes", "lead"),
    [(None, 15), (0, 0), (1, 1), (60, 60), (10_080, 10_080), (10_081, 15), (-5, 15)],
)
def test_an_alarm_is_due_its_minutes_before_the_start(
    conn: Connection, minutes: int | None, lead: int
) -> None:
    a_session(conn, alarm_enabled=True, alarm_before_minutes=minutes)
    planned = planner(conn)
    planned.run(at("13:59:30"))

    assert planned.rows("kind", "lead_minutes") == [("alarm", lead)]


def test_an_alarm_at_the_start_may_be_a_minute_late(conn: Connection) -> None:
    a_session(conn, alarm_enabled=True, alarm_before_minutes=0)
    planned = planner(conn)
    planned.run(at("14:01"))

    assert planned.rows("state") == [("planned",)]


def test_an_alarm_at_the_start_is_not_two_minutes_late(conn: Connection) -> None:
    a_session(conn, alarm_enabled=True, alarm_before_minutes=0)
    planned = planner(conn)
    planned.run(at("14:01:01"))

    assert planned.rows("state", "reason") == [("expired", "begun")]


def test_reminders_are_for_the_tutor_and_alarms_for_the_student(conn: Connection) -> None:
    tutor, student = a_user(conn), a_user(conn)
    a_session(conn, tutor_id=a_tutor(conn, user_id=tutor),
              student_id=a_student(conn, user_id=student), **REMINDED, **ALARMED)  # fmt: skip
    planned = planner(conn, reminder_leads="1h")
    planned.run(at("13:50"))

    assert set(planned.rows("kind", "role", "person_id", "recipient")) == {
        ("reminder", "tutor", tutor, f"user:{tutor}"),
        ("alarm", "student", student, f"user:{student}"),
    }


def test_each_parent_is_notified(conn: Connection) -> None:
    users = [a_user(conn), a_user(conn)]
    parents = [a_parent(conn, user_id=user) for user in users]
    a_session(conn, student_id=a_student(conn, parent_id=parents), **ALARMED)
    planned = planner(conn, alarm_recipients="parent")
    planned.run(at("13:50"))

    assert set(planned.rows("role", "person_id")) == {("parent", user) for user in users}


def test_for_a_student_without_parents_no_parent_is_notified(conn: Connection) -> None:
    a_session(conn, student_id=a_student(conn, parent_id=None), **ALARMED)

    assert planner(conn, alarm_recipients="parent").run(at("13:50")).planned == frozenset()


@pytest.mark.parametrize("kind", ["integer[]", "json", "jsonb", "text[]"])
def test_a_parent_is_notified_only_where_they_name_the_child_too(
    conn: Connection, kind: str
) -> None:
    conn.execute(text(f"ALTER TABLE parent_profiles ADD COLUMN children_ids {kind}"))
    mother, stranger, forgetful = (a_user(conn) for _ in range(3))
    parents = [a_parent(conn, user_id=user) for user in (mother, stranger, forgetful)]
    student = a_student(conn, parent_id=parents)
    for parent, children in ((parents[0], [student + 100, student]), (parents[1], [student + 100])):
        shown = str(children).replace("[", "{").replace("]", "}") if "[" in kind else str(children)
        conn.execute(
            text(f"UPDATE parent_profiles SET children_ids = '{shown}' WHERE id = :id"),
            {"id": parent},
        )
    a_session(conn, student_id=student, **ALARMED)
    planned = planner(conn, alarm_recipients="parent")
    planned.run(at("13:50"))

    assert planned.rows("person_id") == [(mother,)]


def test_a_person_in_two_roles_gets_one_message_as_the_first_of_them(conn: Connection) -> None:
    user = a_user(conn)
    student = a_student(conn, parent_id=[a_parent(conn, user_id=user)])
    a_session(conn, tutor_id=a_tutor(conn, user_id=user), student_id=student, **REMINDED)
    planned = planner(conn, reminder_leads="1h", reminder_recipients="tutor,student,parent")
    planned.run(at("13:50"))

    of_the_two = [row for row in planned.rows("person_id", "role") if row.person_id == user]
    assert of_the_two == [(user, "tutor")]
    assert len(planned.rows("id")) == 2


def test_a_recipient_without_a_user_still_has_a_ledger_row(conn: Connection) -> None:
    a_session(conn, tutor_id=901, student_id=902, **REMINDED, **ALARMED)
    planned = planner(conn, reminder_leads="1h")
    planned.run(at("13:50"))

    assert set(planned.rows("recipient", "person_id")) == {
        ("tutor:901", None),
        ("student:902", None),
    }


def test_a_site_that_points_at_users_is_read_so(conn: Connection) -> None:
    conn.execute(text("ALTER TABLE tutor_sessions ADD FOREIGN KEY (tutor_id) REFERENCES users"))
    user = a_user(conn)
    a_tutor(conn)  # another, whose profile has the id that the user may have too
    a_session(conn, tutor_id=user, **REMINDED)
    planned = planner(conn, reminder_leads="1h")
    planned.run(at("13:50"))

    assert planned.rows("person_id") == [(user,)]


@pytest.mark.parametrize(
    "lack",
    [
        "ALTER TABLE tutor_sessions DROP COLUMN alarm_before_minutes",
        "DROP TABLE parent_profiles CASCADE",
        "ALTER TABLE student_profiles DROP COLUMN parent_id",
        "ALTER TABLE users DROP COLUMN is_active, DROP COLUMN phone",
    ],
)
def test_a_site_without_an_optional_column_is_planned_all_the_same(
    conn: Connection, lack: str
) -> None:
    conn.execute(text(lack))
    a_session(conn, notification_enabled=True, alarm_enabled=True)
    everybody = "tutor,student,parent"
    planned = planner(conn, reminder_leads="1h", alarm_recipients=everybody)
    planned.run(at("13:50"))

    assert len(planned.rows("id")) == 3


def test_keys_that_are_there_take_no_sequence_values(conn: Connection) -> None:
    a_session(conn, **REMINDED, **ALARMED)
    planned = planner(conn)
    planned.run(at("13:50"))
    taken = text("SELECT nextval(pg_get_serial_sequence('session_worker.delivery', 'id'))")
    before = conn.scalar(taken)
    for _ in range(3):
        planned.run(at("13:50"))

    assert conn.scalar(taken) == (before or 0) + 1


def test_two_rows_for_one_session_are_one_message(conn: Connection) -> None:
    tutor, student = a_tutor(conn), a_student(conn)
    first = a_session(conn, tutor_id=tutor, student_id=student, **REMINDED)
    a_session(conn, tutor_id=tutor, student_id=student, **REMINDED)
    planned = planner(conn, reminder_leads="1h")
    planned.run(at("13:50"))

    assert planned.rows("session_id") == [(first,)]


def test_of_several_overdue_leads_the_nearest_goes(conn: Connection) -> None:
    a_session(conn, **REMINDED)
    planned = planner(conn, reminder_leads="2d,24h,2h,1h")
    planned.run(at("12:30"))

    assert set(planned.rows("lead_minutes", "state", "reason")) == {
        (2880, "obsolete", "nearer_lead"),
        (1440, "obsolete", "nearer_lead"),
        (120, "planned", None),
    }


def test_a_planned_message_gives_way_to_a_nearer_lead_that_falls_due(conn: Connection) -> None:
    a_session(conn, **REMINDED)
    planned = planner(conn)
    planned.run(at("12:00"))
    planned.run(at("13:00"))

    assert set(planned.rows("lead_minutes", "state")) == {(1440, "obsolete"), (60, "planned")}


def test_the_first_tick_sends_nothing_that_was_due_before_it(conn: Connection) -> None:
    a_session(conn, **REMINDED)
    planned = planner(conn)
    changes = planned.run(at("12:59:30"), since=at("12:59:30"), silent_until=at("12:59:30"))

    assert set(planned.rows("lead_minutes", "state", "reason")) == {
        (1440, "obsolete", "before_first_tick"),
        (60, "planned", None),
    }
    assert (len(changes.planned), len(changes.obsolete)) == (1, 1)


def test_a_session_begun_since_the_last_pass_has_expired_messages(conn: Connection) -> None:
    a_session(conn, **REMINDED)
    planned = planner(conn, reminder_leads="1h")

    assert planned.run(at("14:05"), since=at("14:01")).expired == frozenset()
    assert len(planned.run(at("14:05"), since=at("13:59")).expired) == 1


def test_a_paused_series_has_obsolete_messages(conn: Connection) -> None:
    anchor = a_session(conn, **REMINDED)
    occurrence = a_session(conn, **REMINDED)
    other = a_session(conn, **REMINDED)
    conn.execute(text("INSERT INTO session_worker.series (anchor_id, state, seen, tutor_id,"
                      " student_id) VALUES (:id, 'paused', '', 1, 1)"), {"id": anchor})  # fmt: skip
    conn.execute(text("INSERT INTO session_worker.occurrence (anchor_id, occurs_on, session_id,"
                      " state) VALUES (:id, '2026-12-01', :session, 'created')"),
                 {"id": anchor, "session": occurrence})  # fmt: skip
    planned = planner(conn, reminder_leads="1h")
    planned.run(at("13:30"))

    assert set(planned.rows("session_id", "state", "reason")) == {
        (anchor, "obsolete", "series_paused"),
        (occurrence, "obsolete", "series_paused"),
        (other, "planned", None),
    }


CHANGES = {
    # Clocks go forward at 02:00 on 2026-03-29, and back at 03:00 on 2026-10-25.
    "in a gap": (date(2026, 3, 29), time(2, 30), "2026-03-29T01:30:00+00:00"),
    "in a fold": (date(2026, 10, 25), time(2, 30), "2026-10-25T00:30:00+00:00"),
    "at midnight": (date(2026, 12, 2), time(0, 0), "2026-12-01T23:00:00+00:00"),
}


@pytest.mark.parametrize("case", CHANGES)
def test_a_start_is_the_instant_that_its_wall_time_means(conn: Connection, case: str) -> None:
    day, start, instant = CHANGES[case]
    a_session(conn, session_date=day, start_time=start, end_time=None, **REMINDED)
    planned = planner(conn, reminder_leads="24h", site_timezone="Europe/Berlin")
    moment: Any = conn.scalar(text("SELECT CAST(:instant AS timestamptz)"), {"instant": instant})
    planned.run(moment - DAY)

    assert planned.rows("starts_at") == [(moment,)]
