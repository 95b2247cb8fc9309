"""INBOX=on: what lies in the site's inbox, where it is the delivery, how reading acknowledges."""

import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, Row, make_url, text
from sqlalchemy.exc import ProgrammingError

from scheduler.doctor.patient import Patient
from scheduler.doctor.unread_inbox import check_inbox
from scheduler.ledger.retention import remove_slice
from tasks.admin.explain import explain_session
from tasks.admin.remind_rehearsal import rehearse
from tests.builders import a_session, a_student, a_tutor
from tests.command_line import Commands
from tests.servers import connect
from tests.sinks.smtp import SmtpSink
from tests.tasks.delivery.conftest import MakeDay
from tests.tasks.delivery.lesson_day import ON, LessonDay, wall

NOBODY = {"email": None, "phone": None}


@pytest.fixture
def day(make_day: MakeDay) -> LessonDay:
    return make_day(inbox="on")


def inbox(conn: Connection) -> list[Row[Any]]:
    rows = conn.execute(text("SELECT * FROM session_worker.inbox ORDER BY id")).all()
    conn.commit()
    return [*rows]


def user_of(conn: Connection, table: str, profile: int) -> int:
    return int(conn.scalar(text(f"SELECT user_id FROM {table} WHERE id = {profile}")) or 0)


def an_unreachable_student(conn: Connection) -> tuple[int, int]:
    """A student without any address, with an alarm at 13:45: session and users.id."""
    student = a_student(conn, **NOBODY)
    return a_session(conn, student_id=student, **ON), user_of(conn, "student_profiles", student)


def test_a_message_lies_there_as_its_person_reads_it(day: LessonDay, conn: Connection) -> None:
    student = a_student(conn, email="sara@tutoring.example")
    session = a_session(
        conn, student_id=student, meeting_link="https://meet.example/a", alarm_enabled=True
    )

    day.at("13:45")

    [copy] = inbox(conn)
    [mail] = day.mails_to("sara@tutoring.example")
    assert copy.title == mail.subject
    assert "14:00" in copy.text
    assert (copy.person, copy.kind) == (user_of(conn, "student_profiles", student), "alarm")
    assert (copy.sessions, copy.link) == ([session], "https://meet.example/a")
    assert copy.read_at is None


def test_it_is_off_unless_it_is_switched_on(make_day: MakeDay, conn: Connection) -> None:
    an_unreachable_student(conn)
    day = make_day()
    day.at("13:45")

    assert inbox(conn) == []
    assert day.states("alarm") == {15: ("unreachable", "no_address")}


def test_where_no_channel_reaches_somebody_it_is_the_delivery(
    day: LessonDay, conn: Connection
) -> None:
    session, user = an_unreachable_student(conn)

    report = day.at("13:45")

    assert (report.sent, report.unreachable) == (2, 0)  # the tutor's by mail
    [copy] = [each for each in inbox(conn) if each.person == user]
    [row] = day.read("SELECT * FROM session_worker.delivery WHERE kind = 'alarm'")
    assert (row.state, row.channel, row.attempts) == ("sent", "inbox", 1)
    assert (copy.deliveries, copy.message_key) == ([row.id], row.message_key)
    assert "begins" in copy.title
    story = told(day, session, "student")
    assert any(line.startswith("sent alarm") and "by the inbox" in line for line in story)


def told(day: LessonDay, session: int, role: str) -> list[str]:
    found = explain_session(day.tools.settings, wall("13:50"), session)
    people = [each for each in found.people if each.role == role]
    return [f"{event.what} {event.detail}" for each in people for event in each.story]


def test_without_any_channel_the_inbox_is_enough(make_day: MakeDay, conn: Connection) -> None:
    day = make_day(inbox="on", channel_email="")
    a_session(conn, **ON)

    assert day.at("13:45").sent == 2
    assert {each.kind for each in inbox(conn)} == {"alarm", "reminder"}


def test_what_every_channel_refused_is_delivered_there(
    day: LessonDay, conn: Connection, smtp_sink: SmtpSink
) -> None:
    a_session(conn, student_id=a_student(conn, email="gone@tutoring.example"), alarm_enabled=True)
    smtp_sink.reply("RCPT", "550 5.1.1 no such user")

    day.at("13:45")
    day.at("13:46")

    [row] = day.read("SELECT * FROM session_worker.delivery")
    assert (row.state, row.channel) == ("sent", "inbox")
    assert len(inbox(conn)) == 1


def test_a_repeated_try_lays_no_second_copy(
    day: LessonDay, conn: Connection, smtp_sink: SmtpSink
) -> None:
    a_session(conn, alarm_enabled=True)
    smtp_sink.reply("RCPT", "451 4.7.1 later")
    day.at("13:45")
    smtp_sink.reset()
    day.at("13:52")

    [copy] = inbox(conn)
    assert day.states("alarm") == {15: ("sent", None)}
    assert "in 8 minutes" in copy.title or "14:00" in copy.title


@pytest.mark.parametrize("why", ["muted", "no account", "log"])
def test_a_person_who_wants_no_inbox_or_cannot_read_it_has_none(
    make_day: MakeDay, conn: Connection, why: str
) -> None:
    student = a_student(conn, **NOBODY) if why != "no account" else 4242
    if why == "muted":
        user = user_of(conn, "student_profiles", student)
        conn.execute(
            text(f"INSERT INTO session_worker.preference (person_id, muted) VALUES ({user}, true)")
        )
    a_session(conn, student_id=student, alarm_enabled=True)

    day = make_day(inbox="on", outbox="log" if why == "log" else "live")
    day.at("13:45")

    assert inbox(conn) == []
    assert day.states("alarm")[15][0] == "unreachable"


def test_a_pause_of_everything_holds_it(day: LessonDay, conn: Connection) -> None:
    an_unreachable_student(conn)
    conn.execute(text("INSERT INTO session_worker.pause (channel) VALUES ('*')"))
    day.at("13:45")

    assert inbox(conn) == []
    assert day.states("alarm") == {15: ("planned", "paused")}


def test_a_dry_run_foresees_it_and_lays_nothing(day: LessonDay, conn: Connection) -> None:
    an_unreachable_student(conn)
    conn.commit()

    messages = rehearse(day.tools, wall("13:45")).messages

    assert ("alarm", "sent", "inbox") in {(one.kind, one.state, one.channel) for one in messages}
    assert inbox(conn) == []


def test_reading_acknowledges_every_row_of_the_message_once(
    day: LessonDay, conn: Connection
) -> None:
    student, tutor = a_student(conn), a_tutor(conn)
    first = a_session(conn, student_id=student, alarm_enabled=True)
    a_session(conn, student_id=student, tutor_id=tutor, alarm_enabled=True)
    day.at("13:45")
    [copy] = inbox(conn)
    assert len(copy.deliveries) == 2

    day.write("UPDATE session_worker.inbox SET read_at = now()")
    seen = day.read("SELECT acknowledged_at FROM session_worker.delivery")
    day.write("UPDATE session_worker.inbox SET read_at = now()")

    assert all(row.acknowledged_at is not None for row in seen)
    assert seen == day.read("SELECT acknowledged_at FROM session_worker.delivery")
    assert any("read it in the inbox" in line for line in told(day, first, "student"))


def test_reading_ends_the_repeats_of_an_alarm(make_day: MakeDay, conn: Connection) -> None:
    day = make_day(inbox="on", alarm_repeat="5m")
    a_session(conn, alarm_enabled=True, alarm_before_minutes=15)
    day.at("13:45")
    day.write("UPDATE session_worker.inbox SET read_at = now()")
    day.at("13:51")

    assert len(inbox(conn)) == 1


@pytest.fixture
def site(conn: Connection, database: str) -> Iterator[Connection]:
    """A connection as the site's role, with what docs/preferences.md grants it and no more."""
    name = f"site_{secrets.token_hex(6)}"
    conn.execute(text(f"CREATE ROLE {name} LOGIN PASSWORD 'site'"))
    for right in (
        "USAGE ON SCHEMA session_worker",
        "SELECT, UPDATE (read_at) ON session_worker.inbox",
    ):
        conn.execute(text(f"GRANT {right} TO {name}"))
    conn.commit()
    url = make_url(database).set(username=name, password="site")
    with connect(url.render_as_string(hide_password=False)) as guest:
        yield guest
    conn.rollback()
    for statement in ("DROP OWNED BY", "DROP ROLE"):
        conn.execute(text(f"{statement} {name}"))
    conn.commit()


def as_person(site: Connection, person: int) -> None:
    site.execute(
        text("SELECT set_config('session_worker.person', :person, true)"), {"person": str(person)}
    )


def test_the_sites_role_sees_one_persons_messages_and_marks_them(
    day: LessonDay, conn: Connection, site: Connection
) -> None:
    a_session(conn, **ON)
    day.at("13:45")
    hers, others = inbox(conn)

    assert site.scalar(text("SELECT count(*) FROM session_worker.inbox")) == 0
    as_person(site, hers.person)
    assert [*site.scalars(text("SELECT id FROM session_worker.inbox"))] == [hers.id]
    marked = site.execute(text("UPDATE session_worker.inbox SET read_at = now()")).rowcount
    site.commit()

    assert marked == 1
    read = {each.id for each in inbox(conn) if each.read_at is not None}
    assert read == {hers.id}
    seen = day.read(
        "SELECT person_id FROM session_worker.delivery WHERE acknowledged_at IS NOT NULL"
    )
    assert {row.person_id for row in seen} == {hers.person}
    assert others.person != hers.person


@pytest.mark.parametrize("write", ["SET title = 'x'", "SET person = 1"])
def test_the_sites_role_may_write_nothing_else(
    day: LessonDay, conn: Connection, site: Connection, write: str
) -> None:
    a_session(conn, **ON)
    day.at("13:45")
    as_person(site, inbox(conn)[0].person)

    with pytest.raises(ProgrammingError, match="permission denied"):
        site.execute(text(f"UPDATE session_worker.inbox {write}"))
    site.rollback()


def test_a_worker_that_owns_nothing_can_fill_it(
    conn: Connection, database: str, make_day: MakeDay
) -> None:
    role = f"worker_{secrets.token_hex(6)}"
    session, _ = an_unreachable_student(conn)
    Commands(conn, database).run("setup", "--role", role)
    conn.execute(text(f"ALTER ROLE {role} PASSWORD 'guest'"))
    conn.commit()
    url = make_url(database).set(username=role, password="guest")
    try:
        day = make_day(inbox="on", database_url=url.render_as_string(hide_password=False))
        day.at("13:45")

        assert session in {one for each in inbox(conn) for one in each.sessions}
        day.tools.engine.dispose()
    finally:
        conn.execute(text(f"DROP OWNED BY {role}"))
        conn.execute(text(f"DROP ROLE {role}"))
        conn.commit()


def test_the_doctor_warns_where_nobody_reads_what_lies_there_alone(
    day: LessonDay, conn: Connection
) -> None:
    an_unreachable_student(conn)
    day.at("13:45")
    patient = Patient(conn, None, day.tools.settings, wall("15:00"))  # type: ignore[arg-type]

    [finding] = check_inbox(patient)
    day.write("UPDATE session_worker.inbox SET read_at = now()")

    assert finding.code == "inbox_unread"
    assert finding.detail.startswith("1 message of the last 7 days")
    assert [*check_inbox(patient)] == []


def test_a_copy_goes_with_its_delivery(day: LessonDay, conn: Connection) -> None:
    a_session(conn, alarm_enabled=True)
    day.at("13:45")
    day.write("UPDATE session_worker.delivery SET planned_at = starts_at - interval '1 day'")
    remove_slice(conn, wall("13:45", 3), "Africa/Addis_Ababa", 0)

    assert inbox(conn) == []
