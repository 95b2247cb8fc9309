"""The site's tables through the models, in full and with nothing optional."""

from datetime import date, time
from typing import Any

import pytest
from sqlalchemy import Connection, inspect, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.catalog import NEEDED, OPTIONAL
from models.site import (
    SITE_TABLES,
    ColumnMissing,
    Enrolment,
    StudentProfile,
    TutorProfile,
    TutorSession,
    User,
    create_site_tables,
)
from tests.bare_site import drop_the_optional
from tests.builders import a_session, a_student, a_tutor, a_user, an_enrolment
from tests.servers import connect

PLAIN = {
    "tutor_id": 1,
    "student_id": 2,
    "subject": "Physics",
    "session_date": date(2026, 12, 1),
    "start_time": time(14),
    "mode": "online",
}

INSERT_PLAIN = text("""
    INSERT INTO tutor_sessions (tutor_id, student_id, subject, session_date, start_time, mode)
    VALUES (:tutor_id, :student_id, :subject, :session_date, :start_time, :mode)""")


@pytest.fixture
def bare(conn: Connection) -> Connection:
    """A database without anything optional."""
    drop_the_optional(conn)
    conn.commit()
    return conn


def test_every_column_that_the_worker_may_name_is_modelled() -> None:
    named = {(table, column) for tables in (NEEDED, OPTIONAL) for table in tables
             for column in tables[table]}  # fmt: skip

    modelled = {(t.name, c.name) for t in SITE_TABLES.sorted_tables for c in t.c}

    assert named <= modelled


def test_an_empty_database_gets_the_tables_as_the_models_say(empty_database: str) -> None:
    with connect(empty_database) as conn:
        create_site_tables(conn)

        found = inspect(conn)
        columns = {(t, c["name"]) for t in found.get_table_names() for c in found.get_columns(t)}

    assert columns == {(t.name, c.name) for t in SITE_TABLES.sorted_tables for c in t.c}


@pytest.mark.parametrize(
    ("column", "default"),
    [
        ("duration", 60),
        ("status", "scheduled"),
        ("payment_status", "pending"),
        ("session_frequency", "one-time"),
        ("is_recurring", False),
        ("notification_enabled", False),
        ("alarm_enabled", False),
        ("alarm_before_minutes", 15),
        ("recurring_pattern", None),
        ("topic", None),
    ],
)
def test_the_database_fills_what_a_statement_leaves_out(
    conn: Connection, column: str, default: object
) -> None:
    conn.execute(INSERT_PLAIN, PLAIN)

    assert conn.scalar(text(f"SELECT {column} FROM tutor_sessions")) == default


def test_a_student_is_enrolled_with_a_tutor_once(conn: Connection) -> None:
    tutor, student = a_tutor(conn), a_student(conn)
    an_enrolment(conn, tutor_id=tutor, student_profile_id=student)

    with pytest.raises(IntegrityError):
        an_enrolment(conn, tutor_id=tutor, student_profile_id=student)


@pytest.mark.parametrize("column", ["email", "phone"])
def test_two_people_do_not_share_an_address(conn: Connection, column: str) -> None:
    a_user(conn, **{column: "0911"})

    with pytest.raises(IntegrityError):
        a_user(conn, **{column: "0911"})


@pytest.mark.parametrize("table", ["tutor_profiles", "student_profiles", "parent_profiles"])
def test_a_profile_belongs_to_a_user(conn: Connection, table: str) -> None:
    with pytest.raises(IntegrityError):
        conn.execute(text(f"INSERT INTO {table} (user_id) VALUES (77)"))


def test_a_session_knows_its_people_by_their_profiles(conn: Connection) -> None:
    tutor, student = a_tutor(conn, first_name="Sara"), a_student(conn, first_name="Dawit")
    row = a_session(conn, tutor_id=tutor, student_id=student)

    with Session(conn) as session:
        lesson = session.get_one(TutorSession, row)

        assert (lesson.tutor.user.first_name, lesson.student.user.first_name) == ("Sara", "Dawit")
        assert [own.id for own in lesson.tutor.sessions] == [row]


def test_an_enrolment_knows_tutor_and_student(conn: Connection) -> None:
    tutor, student = a_tutor(conn), a_student(conn)
    place = an_enrolment(conn, tutor_id=tutor, student_profile_id=student)

    with Session(conn) as session:
        enrolment = session.get_one(Enrolment, place)

        assert (enrolment.tutor.id, enrolment.student.id) == (tutor, student)
        assert enrolment.tutor.enrolments == enrolment.student.enrolments == [enrolment]


def test_a_session_points_at_its_enrolment(conn: Connection) -> None:
    place = an_enrolment(conn)
    row = a_session(conn, enrollment_id=place)

    with Session(conn) as session:
        enrolment = session.get_one(TutorSession, row).enrolment

        assert enrolment is not None
        assert enrolment.id == place


@pytest.mark.parametrize(
    "pattern", [{"days": ["Monday"], "months": None}, '{"days": ["ሰኞ"]}', [], None]
)
def test_a_pattern_is_stored_as_it_was_given(conn: Connection, pattern: Any) -> None:
    with Session(conn) as session:
        session.add(TutorSession(**PLAIN, recurring_pattern=pattern))
        session.commit()

        assert session.scalars(select(TutorSession)).one().recurring_pattern == pattern


def test_no_pattern_is_null_and_not_json(conn: Connection) -> None:
    with Session(conn) as session:
        session.add(TutorSession(**PLAIN, recurring_pattern=None))
        session.commit()

    assert conn.scalar(text("SELECT recurring_pattern IS NULL FROM tutor_sessions"))


@pytest.mark.parametrize("model", [User, TutorProfile, StudentProfile, Enrolment, TutorSession])
def test_a_plain_select_works_without_the_optional_columns(bare: Connection, model: type) -> None:
    an_enrolment(bare, student_profile_id=bare_profile(bare, "student"),
                 tutor_id=bare_profile(bare, "tutor"))  # fmt: skip
    a_session(bare, tutor_id=1, student_id=1)

    with Session(bare) as session:
        assert session.scalars(select(model)).first() is not None


def test_an_insert_works_without_the_optional_columns(bare: Connection) -> None:
    with Session(bare) as session:
        person = User(email="abebe@example.et")
        lesson = TutorSession(**PLAIN)
        session.add_all([person, lesson])
        session.commit()

        assert (person.email, lesson.subject, lesson.status) == (
            "abebe@example.et",
            "Physics",
            "scheduled",
        )


def test_reading_a_missing_column_names_it(bare: Connection) -> None:
    a_session(bare, tutor_id=1, student_id=1)

    with Session(bare) as session:
        lesson = session.scalars(select(TutorSession)).one()

        with pytest.raises(ColumnMissing, match=r"column tutor_sessions\.topic does not exist"):
            _ = lesson.topic


def test_selecting_a_missing_column_names_it(bare: Connection) -> None:
    with (
        Session(bare) as session,
        pytest.raises(ColumnMissing, match=r"column users\.phone does not exist"),
    ):
        session.execute(select(User.phone)).all()


def test_the_error_of_a_missing_column_is_one_line(bare: Connection) -> None:
    with Session(bare) as session, pytest.raises(ColumnMissing) as caught:
        session.execute(select(User.phone)).all()

    assert "\n" not in str(caught.value)
    assert "celery -A tasks setup" in str(caught.value)


def test_a_session_reads_its_optional_columns_when_asked(conn: Connection) -> None:
    row = a_session(conn, topic="Algebra", duration=90)

    with Session(conn) as session:
        lesson = session.get_one(TutorSession, row)

        assert (lesson.topic, lesson.duration) == ("Algebra", 90)


def test_columns_that_the_models_do_not_know_do_no_harm(conn: Connection) -> None:
    conn.execute(text("ALTER TABLE tutor_sessions ADD COLUMN room integer NOT NULL DEFAULT 1"))

    with Session(conn) as session:
        session.add(TutorSession(**PLAIN))
        session.commit()

        assert session.scalars(select(TutorSession)).one().subject == "Physics"


def bare_profile(conn: Connection, role: str) -> int:
    """A profile whose user has the needed columns alone."""
    user = conn.scalar(text("INSERT INTO users (email) VALUES (:email) RETURNING id"),
                       {"email": f"{role}@example.et"})  # fmt: skip
    profile = text(f"INSERT INTO {role}_profiles (user_id) VALUES (:user) RETURNING id")
    return int(conn.scalars(profile, {"user": user}).one())
