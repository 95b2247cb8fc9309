"""Messages held while it is in doubt whose ids the sessions hold."""

from typing import Any

import pytest
from sqlalchemy import Connection, text

from models.catalog import read_catalog, with_taken_ids
from scheduler.doctor import examine_database
from scheduler.reminders.id_doubt import hold_in_doubt
from scheduler.reminders.tick import tick
from scheduler.settings import load_settings
from tests.builders import a_session, a_student, a_tutor, a_user
from tests.scheduler.ledger.rows import a_delivery, row_of
from tests.scheduler.reminders.passes import DAY, REMINDED, at, planner


def hold(conn: Connection, days: int = 0, **settings: Any) -> str | None:
    said = load_settings(_env_file=None, **settings)
    return hold_in_doubt(conn, read_catalog(conn), said, at("12:00", days))


def twisted(conn: Connection) -> None:
    """Two tutors whose profile ids are each other's user ids, each with a session."""
    one, other = a_user(conn, id=701), a_user(conn, id=702)
    for profile, user in ((one, other), (other, one)):
        a_tutor(conn, id=profile, user_id=user)
        a_session(conn, tutor_id=profile, student_id=a_student(conn, id=800 + profile), **REMINDED)


def test_where_two_readings_name_different_people_everything_is_held_and_said(
    conn: Connection,
) -> None:
    twisted(conn)
    waiting = a_delivery(conn)

    doubt = hold(conn)

    found = examine_database(conn, load_settings(_env_file=None), at("12:00"))
    (said,) = [each for each in found if each.code == "whose_ids"]
    assert doubt is not None
    assert "TUTOR_IDS=profile or TUTOR_IDS=user" in doubt
    assert row_of(conn, waiting).state == "held"
    assert (said.severity, said.cure) == ("error", "set TUTOR_IDS=profile or TUTOR_IDS=user")


@pytest.mark.parametrize(("said", "person"), [("profile", 702), ("user", 701)])
def test_what_an_admin_says_is_followed_and_what_was_held_goes_on(
    conn: Connection, said: str, person: int
) -> None:
    twisted(conn)
    hold(conn)

    assert hold(conn, tutor_ids=said) is None

    planned = planner(conn, reminder_leads="1h")
    planned.run(at("13:00"))
    rows = planned.rows("tutor_id", "person_id")
    assert {row.person_id for row in rows if row.tutor_id == 701} == {person}


def test_what_was_planned_by_the_other_reading_is_planned_anew_by_the_same_tick(
    conn: Connection,
) -> None:
    twisted(conn)
    conn.execute(text("UPDATE session_worker.installation SET first_tick_at = NULL"))
    ticked(conn, "09:00", tutor_ids="profile")
    ticked(conn, "13:30", tutor_ids="profile")

    ticked(conn, "13:30:05", tutor_ids="user")

    rows = planner(conn).rows("tutor_id", "person_id")
    assert {row.tutor_id: row.person_id for row in rows} == {701: 701, 702: 702}


def test_what_had_begun_before_the_other_reading_keeps_its_row_and_a_reason(
    conn: Connection,
) -> None:
    twisted(conn)
    hold(conn, tutor_ids="profile")
    late = a_delivery(conn, starts_at=at("11:00"))

    hold(conn, tutor_ids="user")

    assert (row_of(conn, late).state, row_of(conn, late).reason) == ("obsolete", "whose_ids")


def ticked(conn: Connection, clock: str, **settings: Any) -> None:
    said = load_settings(_env_file=None, reminder_leads="1h", **settings)
    catalog, now = read_catalog(conn), at(clock)
    assert hold_in_doubt(conn, catalog, said, now) is None
    tick(conn, with_taken_ids(conn, catalog), said, now)


def test_messages_held_for_the_ids_go_on_when_an_admin_names_the_reading(conn: Connection) -> None:
    twisted(conn)
    waiting = a_delivery(conn)
    hold(conn)

    hold(conn, tutor_ids="profile")

    assert (row_of(conn, waiting).state, row_of(conn, waiting).reason) == ("planned", "ids_told")


def test_a_word_of_the_admins_that_is_taken_back_is_judged_anew(conn: Connection) -> None:
    twisted(conn)
    assert hold(conn, tutor_ids="profile") is None

    assert hold(conn) is not None


def test_rows_that_contradict_what_was_taken_hold_everything_at_the_days_look(
    conn: Connection,
) -> None:
    a_session(conn, tutor_id=a_tutor(conn, id=600))
    assert hold(conn) is None
    user = a_user(conn, id=900)
    a_tutor(conn, id=601, user_id=user)
    strange = a_session(conn, tutor_id=user)

    assert hold(conn) is None  # looked at once a day
    assert hold(conn, days=1) == (
        "tutor_sessions.tutor_id was taken to hold ids of tutor_profiles, and now holds 900, which"
        " can only be of users: set TUTOR_IDS=profile or TUTOR_IDS=user"
    )

    conn.execute(text("DELETE FROM tutor_sessions WHERE id = :id"), {"id": strange})
    assert hold(conn, days=2) is None


def test_what_was_planned_by_the_wrong_reading_is_planned_anew(conn: Connection) -> None:
    twisted(conn)
    hold(conn, tutor_ids="profile")
    planned = planner(conn, reminder_leads="1h")
    planned.run(at("13:00"))
    assert {row.person_id for row in planned.rows("person_id")} == {701, 702}
    before = {row.tutor_id: row.person_id for row in planned.rows("tutor_id", "person_id")}

    hold(conn, tutor_ids="user")
    planned.run(at("13:00"))

    after = {row.tutor_id: row.person_id for row in planned.rows("tutor_id", "person_id")}
    assert before == {701: 702, 702: 701}
    assert after == {701: 701, 702: 702}


def test_the_first_session_of_a_new_site_is_judged_at_once(conn: Connection) -> None:
    assert hold(conn) is None
    twisted(conn)

    assert hold(conn) is not None


def test_a_look_a_day_is_enough(conn: Connection) -> None:
    a_session(conn)
    hold(conn)
    looked = text("SELECT ids_looked_at FROM session_worker.installation")
    first = conn.scalar(looked)

    hold(conn)
    assert conn.scalar(looked) == first
    hold(conn, days=1)
    assert conn.scalar(looked) == first + DAY
