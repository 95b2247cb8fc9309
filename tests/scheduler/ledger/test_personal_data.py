"""One person's data in the ledger: complete export, and removal of all texts."""

from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Connection, text

from scheduler.ledger.personal_data import Forgotten, export, forget
from scheduler.reminders.moves.refusal import LedgerRefusal
from tests.builders import a_session, a_tutor, a_user, an_absence
from tests.scheduler.ledger.rows import START, a_delivery, an_attempt, row_of

ZONE = "Africa/Addis_Ababa"
LATER = START + timedelta(days=1)
TOLD = {"subject": "Algebra", "tutor_name": "Almaz Tadesse", "student_name": "Bekele Abebe"}


@pytest.fixture
def told(conn: Connection) -> dict[str, int]:
    """The tutor, user 7, and a student without an account, each notified of one session."""
    tutor = a_delivery(conn, state="sent", told=TOLD, change={"kind": "moved"})
    student = a_delivery(conn, state="sent", told=TOLD, recipient="student:1", person_id=None,
                         role="student", kind="alarm", lead_minutes=15)  # fmt: skip
    for each in (tutor, student):
        an_attempt(conn, each, words="250 ok for the class of Almaz", provider_id="m-1")
    conn.execute(
        text("""
            INSERT INTO session_worker.preference (person_id, language, addresses, muted)
            VALUES (7, 'am', '{"telegram": "12345"}', true)""")
    )
    return {"tutor": tutor, "student": student}


def words(conn: Connection, delivery: int) -> tuple[Any, ...]:
    row = row_of(conn, delivery)
    said = conn.execute(
        text("SELECT words, provider_id FROM session_worker.attempt WHERE delivery_id = :id"),
        {"id": delivery},
    ).one()
    return (row.told, row.change, *said)


def test_no_words_are_left_that_a_person_was_sent(conn: Connection, told: dict[str, int]) -> None:
    assert forget(conn, "user:7", LATER, ZONE) == Forgotten("user:7", 1, 1, 1, 0, 0, 0)

    assert words(conn, told["tutor"]) == (None, None, None, None)
    everything = conn.scalar(
        text("""
            SELECT string_agg(t, ' ') FROM (
                SELECT d::text FROM session_worker.delivery d UNION ALL
                SELECT p::text FROM session_worker.preference p) AS all_rows(t)""")
    )
    assert "Almaz" not in everything
    assert "12345" not in everything


def test_that_it_was_sent_stays_and_so_do_others_words(
    conn: Connection, told: dict[str, int]
) -> None:
    forget(conn, "user:7", LATER, ZONE)

    assert row_of(conn, told["tutor"]).state == "sent"
    assert row_of(conn, told["student"]).told == {"subject": "Algebra",
                                                  "student_name": "Bekele Abebe"}  # fmt: skip
    assert words(conn, told["student"])[2:] == ("250 ok for the class of Almaz", "m-1")


def test_a_muted_person_stays_muted(conn: Connection, told: dict[str, int]) -> None:
    forget(conn, "user:7", LATER, ZONE)

    kept = conn.execute(text("SELECT language, muted FROM session_worker.preference")).one()
    assert tuple(kept) == ("am", True)


def test_somebody_without_an_account_is_forgotten_too(
    conn: Connection, told: dict[str, int]
) -> None:
    assert forget(conn, "student:1", LATER, ZONE) == Forgotten("student:1", 1, 1, 0, 0, 0, 0)

    assert words(conn, told["student"]) == (None, None, None, None)
    assert "student_name" not in row_of(conn, told["tutor"]).told


def test_words_about_a_session_to_come_stay_until_it_is_over(
    conn: Connection, told: dict[str, int]
) -> None:
    """The session was moved: a cancellation has to name the old start, which was notified."""
    session = a_session(conn, session_date=date(2027, 1, 5))
    conn.execute(
        text("UPDATE session_worker.delivery SET session_id = :id WHERE id = :tutor"),
        {"id": session, **told},
    )

    assert forget(conn, "user:7", LATER, ZONE).kept == 1
    assert row_of(conn, told["tutor"]).told == TOLD


def test_a_message_on_its_way_stays(conn: Connection) -> None:
    one = a_delivery(conn, state="sending", told=TOLD)

    assert forget(conn, "user:7", LATER, ZONE).kept == 1
    assert row_of(conn, one).told == TOLD


def test_an_export_holds_each_row_with_its_tries_and_moves(
    conn: Connection, told: dict[str, int]
) -> None:
    conn.execute(
        text("INSERT INTO session_worker.move (delivery_id, state) VALUES (:tutor, 'obsolete')"),
        told,
    )

    exported = export(conn, "user:7")

    [one] = exported.deliveries
    assert (one["id"], one["told"]) == (told["tutor"], TOLD)
    assert [each["words"] for each in one["attempts"]] == ["250 ok for the class of Almaz"]
    assert [each["state"] for each in one["moves"]] == ["obsolete"]
    assert [each["addresses"] for each in exported.preferences] == [{"telegram": "12345"}]


def test_a_persons_absences_are_exported_and_their_reasons_forgotten(conn: Connection) -> None:
    user = a_user(conn)
    tutor = a_tutor(conn, user_id=user)
    day = date(2026, 12, 1)
    theirs = an_absence(conn, day, tutor_id=tutor, reason="operation")
    an_absence(conn, day, tutor_id=a_tutor(conn), reason="theirs")

    assert [each["id"] for each in export(conn, f"user:{user}").absences] == [theirs]
    assert forget(conn, f"user:{user}", LATER, ZONE).absences == 1

    reasons = conn.scalars(text("SELECT reason FROM session_worker.absence ORDER BY id")).all()
    assert reasons == ["", "theirs"]


@pytest.mark.parametrize("work", [export, lambda conn, who: forget(conn, who, LATER, ZONE)])
def test_a_person_of_whom_nobody_knows_is_refused(conn: Connection, work: Any) -> None:
    with pytest.raises(LedgerRefusal, match=r"there is no person 99: give an id of the table"):
        work(conn, "user:99")


def a_copy(conn: Connection, person: int, delivery: int) -> None:
    conn.execute(
        text("""
            INSERT INTO session_worker.inbox
                   (person, kind, title, text, sessions, deliveries, message_key)
            VALUES (:person, 'alarm', 'Algebra with Almaz', '', '{1}', ARRAY[:id], :key)"""),
        {"person": person, "id": delivery, "key": uuid4()},
    )


def test_the_inbox_of_a_person_is_exported_and_forgotten_and_so_is_their_name_in_others(
    conn: Connection, told: dict[str, int]
) -> None:
    other = a_delivery(conn, state="sent", told={}, session_id=2, tutor_id=2, student_id=2)
    a_copy(conn, 7, told["tutor"])
    a_copy(conn, 8, told["student"])
    a_copy(conn, 9, other)
    conn.execute(text("UPDATE session_worker.delivery SET recipient = 'user:9' WHERE id = :id"),
                 {"id": other})  # fmt: skip

    exported = export(conn, "user:7")
    forgotten = forget(conn, "user:7", LATER, ZONE)

    assert [copy["title"] for copy in exported.inbox] == ["Algebra with Almaz"]
    assert forgotten.inbox == 2
    assert [*conn.scalars(text("SELECT person FROM session_worker.inbox"))] == [9]


def test_a_copy_about_a_session_to_come_stays(conn: Connection, told: dict[str, int]) -> None:
    a_copy(conn, 7, told["tutor"])

    assert forget(conn, "user:7", START - timedelta(hours=1), ZONE).inbox == 0


@pytest.mark.parametrize(("muted_at", "left"), [(None, 0), (START, 1)])
def test_the_key_of_a_link_is_exported_and_forgotten_unless_it_keeps_somebody_muted(
    conn: Connection, told: dict[str, int], muted_at: Any, left: int
) -> None:
    conn.execute(
        text("INSERT INTO session_worker.mute_link (recipient, muted_at) VALUES (:who, :at)"),
        {"who": "student:1", "at": muted_at},
    )

    [link] = export(conn, "student:1").mute_links
    forget(conn, "student:1", LATER, ZONE)

    assert len(link["key"]) == 12
    assert conn.scalar(text("SELECT count(*) FROM session_worker.mute_link")) == left
