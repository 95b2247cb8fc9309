"""Notices of an absence: one message for each person that lists all dates, and one when it is
withdrawn."""

from datetime import date, time
from typing import Any

import pytest
from sqlalchemy import text

from models.catalog import read_catalog
from scheduler.expansion import expand
from scheduler.ledger.story import explain
from scheduler.settings import Settings
from tests.builders import a_student, a_tutor, a_user, an_absence, an_anchor
from tests.servers import engine_on
from tests.sinks.smtp import Mail
from tests.tasks.delivery.conftest import MakeDay
from tests.tasks.delivery.lesson_day import LessonDay, wall

HANA, SARA, DAWIT = (f"{name}@tutoring.example" for name in ("hana", "sara", "dawit"))
ON = {"notification_enabled": True, "alarm_enabled": True}


class School:
    """Hana teaches Sara at 14:00 and Dawit at 16:00, every Tuesday from 1 December on."""

    def __init__(self, day: LessonDay, database: str, **columns: Any) -> None:
        self.day, self.engine = day, engine_on(database)
        conn = day.conn
        self.hana = a_tutor(conn, email=HANA, first_name="Hana", father_name="Alemu")
        self.sara = a_student(conn, email=SARA, first_name="Sara", father_name="Bekele")
        self.dawit = a_student(conn, email=DAWIT, first_name="Dawit", father_name="Bekele")
        an_anchor(conn, tutor_id=self.hana, student_id=self.sara, **columns)
        an_anchor(conn, tutor_id=self.hana, student_id=self.dawit, start_time=time(16),
                  end_time=time(17), **columns)  # fmt: skip
        self.expand("06:00")

    def expand(self, clock: str, days: int = 0) -> None:
        self.day.conn.commit()
        expand(self.engine, Settings(expand_days=28), wall(clock, days))

    def mails(self, address: str) -> list[str]:
        return [mail.subject for mail in self.day.mails_to(address)]

    def withdraw(self) -> None:
        self.day.write("UPDATE session_worker.absence SET withdrawn_at = now()")


def calendar_files(mail: Mail) -> list[str | None]:
    return [part.get_filename() for part in mail.message.walk() if part.get_filename()]


@pytest.fixture
def school(make_day: MakeDay, database: str) -> School:
    return School(make_day(), database)


def test_each_person_gets_one_message_that_lists_all_dates_and_one_when_it_is_withdrawn(
    school: School,
) -> None:
    absence = an_absence(
        school.day.conn, date(2026, 12, 2), date(2026, 12, 20), tutor_id=school.hana,
        reason="operation",
    )  # fmt: skip
    school.expand("07:00")
    school.day.at("07:01")
    school.day.at("07:10")

    assert school.mails(HANA) == ["4 sessions cancelled"]
    assert school.mails(SARA) == ["2 sessions cancelled: Mathematics with Hana Alemu"]
    assert school.mails(DAWIT) == ["2 sessions cancelled: Mathematics with Hana Alemu"]
    [mail] = school.day.mails_to(SARA)
    assert "8 December" in mail.text
    assert "15 December" in mail.text
    assert "Hana Alemu is away" in mail.text
    assert "operation" not in mail.text  # the reason of one person is for admins
    assert calendar_files(mail) == []
    [mail] = school.day.mails_to(HANA)
    assert "you are away" in mail.text

    school.withdraw()
    school.expand("08:00")
    school.day.at("08:01")
    school.day.at("08:10")

    assert school.mails(HANA)[1:] == ["4 sessions are on again"]
    assert school.mails(SARA)[1:] == ["2 sessions are on again: Mathematics with Hana Alemu"]
    changes = school.day.read("SELECT DISTINCT change->'absence' FROM session_worker.delivery")
    assert [*changes] == [(absence,)]


def test_a_holiday_of_the_school_is_named(school: School) -> None:
    an_absence(school.day.conn, date(2026, 12, 8), reason="Sports day")
    school.expand("07:00")
    school.day.at("07:01")

    assert school.mails(SARA) == [
        "Cancelled: Mathematics with Hana Alemu, Tuesday 8 December at 14:00"
    ]
    assert "Sports day" in school.day.mails_to(SARA)[0].text


def test_a_student_who_is_away_concerns_nobody_else(school: School) -> None:
    an_absence(school.day.conn, date(2026, 12, 8), student_id=school.sara)
    school.expand("07:00")
    school.day.at("07:01")

    assert school.mails(DAWIT) == []
    [mail] = school.day.mails_to(HANA)
    assert "Sara Bekele is away" in mail.text


def test_a_person_who_was_reminded_is_notified_once(make_day: MakeDay, database: str) -> None:
    school = School(make_day(reminder_leads="24h"), database, **ON)
    school.day.at("15:00", 6)  # reminded of the 8th
    an_absence(school.day.conn, date(2026, 12, 8), date(2026, 12, 15), tutor_id=school.hana)
    school.expand("15:01", 6)
    school.day.at("15:02", 6)
    school.day.at("16:30", 6)

    reminder, notice = school.mails(HANA)
    assert "Mathematics with Sara Bekele" in reminder
    assert notice == "4 sessions cancelled"
    [mail] = school.day.mails_to(HANA)[1:]
    assert calendar_files(mail) == ["cancelled.ics"]  # of the one that they were reminded of


def test_an_absence_withdrawn_before_its_notice_left_is_not_notified(school: School) -> None:
    an_absence(school.day.conn, date(2026, 12, 8), tutor_id=school.hana)
    school.expand("07:00")
    school.withdraw()
    school.expand("07:01")
    school.day.at("07:02")

    assert school.mails(HANA) == school.mails(SARA) == []


def test_an_absence_is_notified_when_expansion_has_followed_it_in_all_series(
    school: School,
) -> None:
    day = school.day
    an_absence(day.conn, date(2026, 12, 8), tutor_id=school.hana)
    school.expand("07:00")
    an_absence(day.conn, date(2026, 12, 15), tutor_id=school.hana)
    day.conn.execute(text("UPDATE session_worker.absence SET entered_at = '2026-12-01 04:00Z'"))
    day.at("07:05")
    assert school.mails(HANA) == []

    school.expand("07:06")
    day.at("07:07")
    assert school.mails(HANA) == ["4 sessions cancelled"]


def test_of_two_absences_that_overlap_each_session_is_notified_once(school: School) -> None:
    day = school.day
    first = an_absence(day.conn, date(2026, 12, 8), tutor_id=school.hana)
    an_absence(day.conn, date(2026, 12, 8), student_id=school.sara)
    school.expand("07:00")
    day.at("07:01")
    day.write("UPDATE session_worker.absence SET withdrawn_at = now() WHERE id = :id", id=first)
    school.expand("08:00")
    day.at("08:01")

    assert len(school.mails(SARA)) == 1
    assert len(school.mails(DAWIT)) == 2


def test_a_person_who_muted_notices_gets_none_and_the_ledger_says_so(school: School) -> None:
    day = school.day
    user = a_user(day.conn, email="abel@tutoring.example")
    day.write("UPDATE student_profiles SET user_id = :user WHERE id = :id",
              user=user, id=school.sara)  # fmt: skip
    day.write("INSERT INTO session_worker.preference (person_id, kind, muted)"
              " VALUES (:user, 'notice', true)", user=user)  # fmt: skip
    an_absence(day.conn, date(2026, 12, 8), tutor_id=school.hana)
    school.expand("07:00")
    day.at("07:01")

    found = day.read(
        f"SELECT state, reason FROM session_worker.delivery WHERE recipient = 'user:{user}'"
    )
    assert [*found] == [("unreachable", "muted")]


def test_explain_names_the_absence(make_day: MakeDay, database: str) -> None:
    school = School(make_day(), database, **ON)
    day = school.day
    absence = an_absence(day.conn, date(2026, 12, 8), tutor_id=school.hana, reason="conference")
    school.expand("07:00")
    day.at("07:01")
    [session] = day.read("SELECT id FROM tutor_sessions WHERE status = 'cancelled' LIMIT 1")
    catalog = read_catalog(day.conn)

    told = explain(day.conn, catalog, Settings(), wall("07:02"), session.id, lambda _: None)

    words = " ".join(event.detail for each in told.people for event in each.story)
    assert f"is cancelled for absence {absence}" in words
    assert f"the session is cancelled for absence {absence}, conference" in words
