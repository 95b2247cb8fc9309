"""The view session_worker.feed, as a site reads it with few rights."""

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Row, text

from tests.builders import a_parent, a_session, a_student, a_tutor
from tests.scheduler.ledger.rows import a_delivery

DAY = timedelta(days=1)


@pytest.fixture
def site(conn: Connection) -> Iterator[str]:
    """A role that may read the site's tables and the view."""
    name = f"site_{secrets.token_hex(6)}"
    conn.execute(text(f"CREATE ROLE {name}"))
    for grant in (
        "SELECT ON ALL TABLES IN SCHEMA public",
        "USAGE ON SCHEMA session_worker",
        "SELECT ON session_worker.feed",
    ):
        conn.execute(text(f"GRANT {grant} TO {name}"))
    yield name
    conn.rollback()
    conn.execute(text("RESET ROLE"))
    conn.execute(text(f"DROP OWNED BY {name}"))
    conn.execute(text(f"DROP ROLE {name}"))
    conn.commit()


def user_of(conn: Connection, table: str, profile: int) -> int:
    return int(conn.scalar(text(f"SELECT user_id FROM {table} WHERE id = {profile}")) or 0)


def feed(conn: Connection, site: str, person: int | None) -> list[Row[Any]]:
    conn.commit()
    conn.execute(text(f"SET LOCAL ROLE {site}"))
    if person is not None:
        conn.execute(text(f"SET LOCAL session_worker.person = '{person}'"))
    rows = conn.execute(text("SELECT * FROM session_worker.feed ORDER BY starts")).all()
    conn.commit()
    return list(rows)


def today(conn: Connection) -> Any:
    return conn.scalar(text("SELECT current_date"))


def test_a_person_sees_their_sessions_as_in_the_mails(conn: Connection, site: str) -> None:
    tutor, student = a_tutor(conn), a_student(conn)
    user, day = user_of(conn, "tutor_profiles", tutor), today(conn)
    people = {"tutor_id": tutor, "student_id": student}
    told = a_session(conn, session_date=day, topic="Roots", **people)
    off = a_session(conn, session_date=day + DAY, status="Canceled", end_time=None, **people)
    a_session(conn, session_date=day - 400 * DAY, **people)
    a_session(conn, session_date=day)
    a_delivery(conn, session_id=told, recipient=f"user:{user}", person_id=user, state="sent",
               told={"entry": "99", "sequence": 7}, sent_at=datetime.now(UTC))  # fmt: skip

    first, second = feed(conn, site, user)

    assert (first.uid, first.sequence) == ("session-99@session-worker.invalid", 7)
    assert (first.status, first.topic) == ("CONFIRMED", "Roots")
    assert (second.uid, second.sequence) == (f"session-{off}@session-worker.invalid", 0)
    assert second.status == "CANCELLED"
    assert second.ends - second.starts == timedelta(hours=1)
    student_user = user_of(conn, "student_profiles", student)
    assert [row.session_id for row in feed(conn, site, student_user)] == [told, off]


def test_a_parent_sees_the_childrens(conn: Connection, site: str) -> None:
    parent = a_parent(conn)
    child = a_student(conn, parent_id=[parent])
    session = a_session(conn, student_id=child, session_date=today(conn))
    a_session(conn, session_date=today(conn))
    user = user_of(conn, "parent_profiles", parent)

    assert [row.session_id for row in feed(conn, site, user)] == [session]


def test_where_sessions_hold_user_ids_these_count(conn: Connection, site: str) -> None:
    tutor = a_tutor(conn)
    user = user_of(conn, "tutor_profiles", tutor)
    session = a_session(conn, session_date=today(conn), tutor_id=user)
    conn.execute(text("UPDATE session_worker.installation SET tutor_ids = 'user'"))

    assert [row.session_id for row in feed(conn, site, user)] == [session]


def test_nobody_is_shown_where_no_person_is_named(conn: Connection, site: str) -> None:
    a_session(conn, session_date=today(conn))

    assert feed(conn, site, None) == []


def test_the_site_can_still_change_and_drop_its_columns(conn: Connection, site: str) -> None:
    tutor = a_tutor(conn)
    session = a_session(conn, session_date=today(conn), tutor_id=tutor)
    conn.execute(text("ALTER TABLE tutor_sessions DROP topic, ALTER subject TYPE text"))
    conn.execute(text("DROP TABLE parent_profiles"))

    [row] = feed(conn, site, user_of(conn, "tutor_profiles", tutor))

    assert (row.session_id, row.topic) == (session, None)
