"""preview-message as an admin runs it: the real command line."""

import json
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from sqlalchemy import Connection, text

from scheduler.reminders.read.preview import Occasion, Wanted
from scheduler.settings import ChannelName, Role, load_settings
from tasks.admin.preview_message import Look, Shown, preview_messages
from tasks.commands import preview_message
from tasks.database import engine
from tasks.messages.render import TONGUES
from tests.builders import a_parent, a_session, a_student, a_tutor, a_user, an_enrolment
from tests.command_line import Commands

AS_OF = ("--as-of", "2026-12-01T13:48")
NOW = datetime(2026, 12, 1, 10, 48, tzinfo=UTC)


@pytest.fixture
def site(conn: Connection, database: str) -> "Site":
    return Site(conn, database)


class Site:
    """Sara learns mathematics from Hana at 14:00 of 2026-12-01 (ኅዳር 22, 2019), by Zoom."""

    def __init__(self, conn: Connection, url: str) -> None:
        self.conn, self.url = conn, url
        self.parents = [a_parent(conn, first_name=name, father_name="Alemu") for name in "AB"]
        self.tutor = a_tutor(conn, first_name="Hana", father_name="Alemu")
        self.student = a_student(
            conn, first_name="Sara", father_name="Bekele", parent_id=self.parents
        )
        self.session = a_session(
            conn,
            tutor_id=self.tutor,
            student_id=self.student,
            topic="Fractions",
            meeting_link="https://zoom.example/1",
            notification_enabled=True,
            alarm_enabled=True,
        )

    def run(self, *arguments: str, **environment: str) -> Result:
        commands = Commands(self.conn, self.url)
        return commands.run("preview-message", *arguments, *AS_OF, **environment)

    def shown(self, occasion: str = "reminder", role: Role = Role.TUTOR) -> list[Shown]:
        """As the command looks at it, without a process of its own."""
        self.conn.commit()
        settings = load_settings(_env_file=None, database_url=self.url)
        wanted = Wanted(self.session, Occasion(occasion), role)
        look = Look(ChannelName.EMAIL, None, NOW)
        return [*preview_messages(engine(settings), settings, wanted, look)]


def test_a_message_is_shown_as_it_would_be_sent_now(site: Site) -> None:
    result = site.run(str(site.session))

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("To Hana Alemu (tutor), by email, in English.\n")
    assert "Reminder: Mathematics with Sara Bekele begins in 12 minutes, at " in result.stdout
    assert "When: Tuesday 1 December 2026, 14:00–15:00 (Addis Ababa time)" in result.stdout
    assert "With it: session.ics (text/calendar; method=PUBLISH; charset=utf-8)." in result.stdout


def test_an_amharic_sms_is_shown(site: Site) -> None:
    result = site.run(str(site.session), "--kind", "alarm", "--lang", "am", "--channel", "sms")

    assert result.stdout == (
        "To Sara Bekele (student), by sms, in Amharic.\n"
        "It takes 2 SMS.\n"
        "\n"
        "Mathematics (Fractions) ከHana Alemu ጋር ከ12 ደቂቃ በኋላ፣ ኅዳር 22 ከቀኑ 8:00 (1 Dec 14:00)"
        " ይጀምራል። https://zoom.example/1\n"
    )


def test_nothing_is_written_and_no_number_is_taken(site: Site) -> None:
    before = state(site)
    for kind in Occasion:
        assert site.shown(kind)
    assert state(site) == before


def state(site: Site) -> Any:
    site.conn.commit()
    return site.conn.execute(text("""
        SELECT (SELECT count(*) FROM session_worker.delivery),
               (SELECT last_value FROM session_worker.delivery_id_seq),
               (SELECT max(xmin::text) FROM tutor_sessions)""")).one()  # fmt: skip


def test_a_session_that_is_not_there_is_one_line_and_exit_2(site: Site) -> None:
    result = site.run("4000000000")

    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr == (
        "Error: there is no session 4000000000: give the id of a tutor_sessions row.\n"
    )


def test_a_role_that_nobody_has_is_one_line_and_exit_2(site: Site) -> None:
    lonely = a_session(site.conn)
    result = site.run(str(lonely), "--role", "parent")

    assert result.exit_code == 2
    assert result.stderr == f"Error: session {lonely} has no parent to write to.\n"


def test_each_parent_is_shown(site: Site) -> None:
    first, second = site.shown(role=Role.PARENT)

    assert first.role is second.role is Role.PARENT
    assert {first.name, second.name} == {"A Alemu", "B Alemu"}
    assert "for Sara Bekele with Hana Alemu" in first.letter.title


def test_a_group_is_one_message(site: Site) -> None:
    for name in ("Abel", "Zeritu"):
        student = a_student(site.conn, first_name=name, father_name=None)
        a_session(
            site.conn,
            tutor_id=site.tutor,
            student_id=student,
            topic="Fractions",
            meeting_link="https://zoom.example/1",
            notification_enabled=name == "Abel",
        )

    (tutors,) = site.shown()

    # Zeritu's reminder is switched off, so hers is no part of it.
    assert "Students: Abel, Sara Bekele\n" in tutors.letter.text


def test_the_agenda_is_the_tutors_day(site: Site) -> None:
    a_session(
        site.conn, tutor_id=site.tutor, start_time=time(16), end_time=time(17), subject="Physics"
    )
    (letter,) = (one.letter for one in site.shown("agenda"))

    assert letter.title == "Today: 2 sessions, the first at 14:00"
    assert letter.text.index("Mathematics") < letter.text.index("Physics")


def test_a_move_is_shown_from_the_day_after(site: Site) -> None:
    (one,) = site.shown("moved", Role.STUDENT)

    assert "Old time: Wednesday 2 December 2026, 14:00" in one.letter.text
    assert one.withheld is None


def test_the_json_document_has_html_and_files(site: Site) -> None:
    result = site.run(str(site.session), "--kind", "cancelled", "--json")

    found = json.loads(result.stdout)
    (message,) = found.pop("messages")
    assert found == {
        "version": 1,
        "session_id": site.session,
        "as_of": "2026-12-01T10:48:00+00:00",
        "kind": "cancelled",
        "channel": "email",
    }
    assert (message["role"], message["language"], message["withheld"]) == ("tutor", "en", None)
    assert message["title"] == "Cancelled: Mathematics with Sara Bekele, today at 14:00"
    assert message["html"].startswith("<!doctype html>")
    assert "METHOD:CANCEL" in message["attachments"][0]["content"]


def test_the_persons_own_language_and_zone_count(site: Site) -> None:
    person = site.shown()[0].person_id
    site.conn.execute(
        text("INSERT INTO session_worker.preference (person_id, language, zone)"
             " VALUES (:id, 'am', 'Europe/Berlin')"),
        {"id": person},
    )  # fmt: skip
    (one,) = site.shown()

    assert one.language == "am"
    assert "ከቀኑ 6:00 እስከ 7:00 ሰዓት (12:00–13:00)" in one.letter.text


def test_the_whiteboard_session_is_named(site: Site) -> None:
    enrolment = an_enrolment(site.conn, tutor_id=site.tutor, student_profile_id=site.student)
    site.conn.execute(
        text("INSERT INTO whiteboard_sessions"
             " (booking_id, session_name, session_date, start_time, end_time)"
             " VALUES (:id, 'Pizza halves', '2026-12-01', '14:00', '15:00')"),
        {"id": enrolment},
    )  # fmt: skip
    (one,) = site.shown()

    assert "Whiteboard: Pizza halves" in one.letter.text


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("UPDATE tutor_sessions SET notification_enabled = false", "switched_off"),
        ("UPDATE tutor_sessions SET status = 'cancelled'", "cancelled"),
        ("UPDATE tutor_sessions SET start_time = '13:00'", "begun"),
        ("UPDATE tutor_profiles SET is_suspended = true", "suspended"),
    ],
)
def test_what_would_not_be_sent_says_why(site: Site, change: str, why: str) -> None:
    site.conn.execute(text(change))

    assert [one.withheld for one in site.shown()] == [why]


def test_a_recipient_of_the_settings_is_shown_with_why_nothing_would_be_sent(site: Site) -> None:
    site.conn.execute(text("UPDATE tutor_sessions SET notification_enabled = false"))

    result = site.run(str(site.session), REMINDER_RECIPIENTS="student,tutor")

    assert result.stdout.startswith("To Sara Bekele (student), by email")
    assert "It would not be sent now: switched off." in result.stdout


def test_an_error_in_a_template_of_an_admin_is_one_line_and_exit_2(
    site: Site, tmp_path: Path
) -> None:
    template = tmp_path / "en/reminder/title.txt"
    template.parent.mkdir(parents=True)
    template.write_text("{{ soon }}")
    result = site.run(str(site.session), TEMPLATES=str(tmp_path))

    assert result.exit_code == 2
    assert result.stderr == f"Error: TEMPLATES: {template} line 1: 'soon' is undefined.\n"


def test_one_person_in_two_sessions_of_one_start_is_shown_once(site: Site) -> None:
    """The student's own row that was entered twice."""
    a_session(site.conn, tutor_id=site.tutor, student_id=site.student, notification_enabled=True)
    assert len(site.shown()) == 1


def test_people_without_users_are_shown_too(site: Site) -> None:
    tutor = a_tutor(site.conn, user_id=a_user(site.conn, first_name=None, father_name=None))
    site.session = a_session(site.conn, tutor_id=tutor, notification_enabled=True)
    (one,) = site.shown()

    assert one.letter.title.startswith("Reminder: Mathematics with")


def test_the_choices_are_what_there_is() -> None:
    assert set(preview_message.KINDS) == {*Occasion}
    assert set(preview_message.ROLES) == {*Role}
    assert set(preview_message.CHANNELS) == {*ChannelName}
    assert set(preview_message.LANGUAGES) == set(TONGUES)
