"""The kind of ids in tutor_id and student_id, decided by the rows."""

import pytest
from sqlalchemy import Connection, text

from models.catalog import read_catalog
from models.taken_ids import ProfileKey
from scheduler.site.id_reading import STUDENT, TUTOR, Reading, Why, question, read_ids
from tests.builders import a_session, a_student, a_tutor, a_user, an_enrolment

NOTHING_SAID = {TUTOR: None, STUDENT: None}
PROFILE, USER = ProfileKey.PROFILE, ProfileKey.USER


def tutors(conn: Connection, owners: dict[int, int]) -> None:
    """Tutor profiles by their ids, with their users' ids."""
    people(conn, "tutor_profiles", owners)


def students(conn: Connection, owners: dict[int, int]) -> None:
    people(conn, "student_profiles", owners)


def people(conn: Connection, table: str, owners: dict[int, int]) -> None:
    for profile, user in owners.items():
        conn.execute(
            text("INSERT INTO users (id, email) VALUES (:id, :email) ON CONFLICT DO NOTHING"),
            {"id": user, "email": f"user{user}@tutoring.example"},
        )
        conn.execute(
            text(f"INSERT INTO {table} (id, user_id) VALUES (:id, :user)"),
            {"id": profile, "user": user},
        )


def lessons(conn: Connection, *pairs: tuple[int, int]) -> None:
    for tutor, student in pairs:
        a_session(conn, tutor_id=tutor, student_id=student)


def readings(conn: Connection) -> tuple[Reading, Reading]:
    return read_ids(conn, read_catalog(conn), NOTHING_SAID)


def taken(conn: Connection) -> list[tuple[ProfileKey | None, Why]]:
    return [(each.key, each.why) for each in readings(conn)]


def test_without_sessions_they_are_profile_ids(conn: Connection) -> None:
    assert taken(conn) == [(PROFILE, Why.NO_ROWS)] * 2


@pytest.mark.parametrize("reference", ["", "REFERENCES users", "REFERENCES tutor_profiles"])
def test_the_one_reading_that_fits_is_taken_whatever_a_foreign_key_says(
    conn: Connection, reference: str
) -> None:
    tutors(conn, {1: 11, 2: 12})
    students(conn, {1: 21, 2: 22})
    conn.execute(text("INSERT INTO users (id, email) VALUES (1, 'a@x.example')"))
    lessons(conn, (1, 21), (2, 22)) if "users" not in reference else lessons(conn, (1, 21))
    if reference:
        conn.execute(text(f"ALTER TABLE tutor_sessions ADD FOREIGN KEY (tutor_id) {reference}"))

    assert taken(conn) == [(PROFILE, Why.ONE_FITS), (USER, Why.ONE_FITS)]


def test_user_ids_are_recognised_without_a_foreign_key(conn: Connection) -> None:
    tutors(conn, {1: 7, 2: 8, 7: 9})
    students(conn, {1: 30})
    lessons(conn, (7, 30), (8, 30))

    assert taken(conn)[0] == (USER, Why.ONE_FITS)


def test_readings_that_name_the_same_people_make_no_difference(conn: Connection) -> None:
    tutors(conn, {1: 1, 2: 2, 3: 9})
    students(conn, {31: 31})
    lessons(conn, (1, 31), (2, 31))

    assert taken(conn) == [(PROFILE, Why.SAME_PEOPLE)] * 2


TWISTED = {1: 2, 2: 1}  # both readings fit, and each names the other tutor
CHILDREN = {41: 51, 42: 52}


def test_a_foreign_key_to_the_profiles_decides_between_people(conn: Connection) -> None:
    tutors(conn, TWISTED)
    students(conn, CHILDREN)
    lessons(conn, (1, 41), (2, 42))
    conn.execute(
        text("ALTER TABLE tutor_sessions ADD FOREIGN KEY (tutor_id) REFERENCES tutor_profiles")
    )

    assert taken(conn)[0] == (PROFILE, Why.FOREIGN_KEY)


@pytest.mark.parametrize("reference", ["", "REFERENCES users"])
@pytest.mark.parametrize(("enrolled", "key"), [({1: 41, 2: 42}, PROFILE), ({2: 41, 1: 42}, USER)])
def test_without_such_a_key_the_pairs_in_tutor_students_decide(
    conn: Connection, reference: str, enrolled: dict[int, int], key: ProfileKey
) -> None:
    tutors(conn, TWISTED)
    students(conn, CHILDREN)
    lessons(conn, (1, 41), (2, 42))
    if reference:
        conn.execute(text(f"ALTER TABLE tutor_sessions ADD FOREIGN KEY (tutor_id) {reference}"))
    for tutor, student in enrolled.items():
        an_enrolment(conn, tutor_id=tutor, student_profile_id=student)

    assert taken(conn)[0] == (key, Why.PAIRS)


@pytest.mark.parametrize(
    "enrolled",
    [
        [],
        [(1, 41, "student"), (2, 41, "student")],
        [(1, 41, "student"), (1, 42, "student")],
        [(1, 41, "parent"), (2, 42, "parent")],
    ],
)
def test_where_the_pairs_do_not_tell_an_admin_is_asked(
    conn: Connection, enrolled: list[tuple[int, int, str]]
) -> None:
    tutors(conn, TWISTED)
    students(conn, CHILDREN)
    lessons(conn, (1, 41), (2, 42))
    for tutor, student, requester in enrolled:
        an_enrolment(conn, tutor_id=tutor, student_profile_id=student, requester_type=requester)

    reading, other = readings(conn)

    assert (reading.key, reading.why) == (None, Why.BOTH_FIT)
    assert other.key is PROFILE
    assert question(reading) == (
        "whose ids tutor_sessions.tutor_id holds cannot be told (1, 2 would be one tutor or"
        " another): set TUTOR_IDS=profile or TUTOR_IDS=user"
    )


def test_pairs_that_fit_with_either_column_read_as_user_ids_tell_neither(conn: Connection) -> None:
    tutors(conn, TWISTED)
    students(conn, {51: 52, 52: 51})
    lessons(conn, (1, 51), (2, 52))
    an_enrolment(conn, tutor_id=2, student_profile_id=51)
    an_enrolment(conn, tutor_id=1, student_profile_id=52)

    assert {key for key, _ in taken(conn)} <= {PROFILE, USER, None}
    assert [key for key, _ in taken(conn)] == [
        None,
        None,
    ]  # ambiguous: either column may hold user ids


def test_values_of_either_kind_are_asked_about(conn: Connection) -> None:
    tutors(conn, {1: 11, 2: 12})
    students(conn, CHILDREN)
    lessons(conn, (1, 41), (12, 42))

    reading, _ = readings(conn)

    assert question(reading) == (
        "whose ids tutor_sessions.tutor_id holds cannot be told (1 can only be of tutor_profiles,"
        " 12 only of users): set TUTOR_IDS=profile or TUTOR_IDS=user"
    )


def test_a_value_that_names_nobody_tells_nothing(conn: Connection) -> None:
    tutors(conn, {1: 11})
    students(conn, CHILDREN)
    lessons(conn, (1, 41), (900, 42))

    assert taken(conn)[0] == (PROFILE, Why.ONE_FITS)


def test_an_admin_has_the_last_word(conn: Connection) -> None:
    tutors(conn, {1: 11})
    students(conn, CHILDREN)
    lessons(conn, (1, 41))

    tutor, student = read_ids(conn, read_catalog(conn), {TUTOR: USER, STUDENT: None})

    assert [(tutor.key, tutor.why), student.key] == [(USER, Why.SAID), PROFILE]


def test_a_user_with_two_profiles_is_one_person_where_sessions_hold_user_ids(
    conn: Connection,
) -> None:
    user = a_user(conn, id=77)
    for profile in (5, 6):
        a_tutor(conn, id=profile, user_id=user)
    student = a_student(conn, id=401)
    lessons(conn, (77, student))

    assert taken(conn)[0] == (USER, Why.ONE_FITS)
