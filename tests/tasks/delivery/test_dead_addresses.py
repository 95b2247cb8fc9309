"""Addresses that refused for good: nothing is sent to them until they change or are revived."""

from datetime import date, timedelta

import pytest
from sqlalchemy import Connection

from scheduler.ledger.personal_data import forget
from scheduler.reminders.moves.refusal import LedgerRefusal
from tasks.admin.doctor import check_dead_addresses
from tasks.admin.explain import explain_session
from tasks.admin.revival import revive_given
from tests.builders import a_session, a_student, a_tutor, a_user
from tests.tasks.delivery.conftest import MakeDay
from tests.tasks.delivery.lesson_day import DAY, LessonDay, wall

TUTOR = "tutor@tutoring.example"


@pytest.fixture
def tutor(conn: Connection) -> int:
    """A user who teaches at 14:00 on six days, with a reminder an hour before each."""
    user = a_user(conn, email=TUTOR, phone="0911223344")
    people = {"tutor_id": a_tutor(conn, user_id=user), "student_id": a_student(conn)}
    for each in range(6):
        a_session(
            conn, session_date=DAY + timedelta(days=each), notification_enabled=True, **people
        )
    return user


@pytest.fixture
def day(make_day: MakeDay, tutor: int) -> LessonDay:
    return make_day(reminder_leads="1h")


def refuse(day: LessonDay, words: str, days: int = 0) -> None:
    day.sink.reply("RCPT", words, times=1)
    day.at("13:00", days)


def states(day: LessonDay) -> list[tuple[str, str | None]]:
    rows = day.read("SELECT state, reason FROM session_worker.delivery ORDER BY starts_at")
    return [(row.state, row.reason) for row in rows]


def dead(day: LessonDay) -> list[str]:
    rows = day.read("SELECT cause FROM session_worker.dead_address WHERE revived_at IS NULL")
    return [row.cause for row in rows]


def test_an_address_that_refused_for_good_gets_nothing_more(day: LessonDay) -> None:
    refuse(day, "550 5.1.1 no such user")
    day.at("13:00", 1)

    assert [state for state, _ in states(day)] == ["failed", "unreachable"]
    assert states(day)[1][1] == "dead_address"
    assert day.mails_to(TUTOR) == []


def test_the_ledger_keeps_no_address_of_the_dead(day: LessonDay) -> None:
    refuse(day, "550 5.1.1 no such user")

    [row] = day.read("SELECT k::text AS all FROM session_worker.dead_address k")
    assert "tutor" not in row.all


def test_an_address_that_changes_is_alive(day: LessonDay) -> None:
    refuse(day, "550 5.1.1 no such user")
    day.write("UPDATE users SET email = 'new@tutoring.example' WHERE email = :old", old=TUTOR)
    day.at("13:00", 1)

    assert states(day)[1] == ("sent", None)


@pytest.mark.parametrize("words", ["550 no such user", "552 5.2.2 mailbox full"])
def test_a_refusal_that_may_pass_counts_only_as_the_fifth_in_a_row(
    day: LessonDay, words: str
) -> None:
    for each in range(4):
        refuse(day, words, each)
    assert dead(day) == []

    refuse(day, words, 4)
    day.at("13:00", 5)

    assert dead(day) == ["bounced_five_times"]
    assert states(day)[5] == ("unreachable", "dead_address")


def test_a_mail_that_was_accepted_in_between_begins_the_row_anew(day: LessonDay) -> None:
    for each in range(6):
        if each == 2:
            day.at("13:00", each)
        else:
            refuse(day, "550 no such user", each)

    assert dead(day) == []
    assert len(day.mails_to(TUTOR)) == 1


def test_a_policy_or_a_trial_says_nothing_about_the_address(make_day: MakeDay, tutor: int) -> None:
    day = make_day(reminder_leads="1h")
    refuse(day, "550 5.7.1 no relaying for you")
    redirected = make_day(reminder_leads="1h", outbox="redirect:trial@tutoring.example")
    refuse(redirected, "550 5.1.1 no such user", 1)

    assert dead(day) == []


@pytest.mark.parametrize("given", [TUTOR, TUTOR.upper(), "person"])
def test_a_revived_address_is_used_again(day: LessonDay, tutor: int, given: str) -> None:
    refuse(day, "550 5.1.1 no such user")
    day.at("13:00", 1)
    settings = day.tools.settings

    who = str(tutor) if given == "person" else given
    revival = revive_given(day.conn, settings, who, wall("13:10", 1))
    again = revive_given(day.conn, settings, who, wall("13:10", 1))
    day.at("13:00", 2)

    assert (revival.addresses, len(revival.unreachable)) == (1, 1)
    assert (again.addresses, again.unreachable) == (0, ())
    assert states(day)[2] == ("sent", None)


def test_what_was_before_a_revival_does_not_count_again(day: LessonDay) -> None:
    for each in range(4):
        refuse(day, "550 no such user", each)
    day.write(
        """INSERT INTO session_worker.dead_address (address, channel, cause, revived_at)
           SELECT DISTINCT address, channel, 'bounced', now()
             FROM session_worker.attempt"""
    )

    refuse(day, "550 no such user", 4)

    assert dead(day) == []


def test_the_doctor_names_who_has_sessions_and_no_address_left(day: LessonDay, tutor: int) -> None:
    assert [*check_dead_addresses(day.conn, day.tools.settings, wall("13:00"))] == []
    refuse(day, "550 5.1.1 no such user")

    [found] = check_dead_addresses(day.conn, day.tools.settings, wall("15:00"))

    assert found.code == "dead_addresses"
    assert f"user:{tutor} (tutor, 5 sessions, the first Wed 2026-12-02 14:00)" in found.detail


def test_the_story_says_that_the_address_is_dead(day: LessonDay) -> None:
    refuse(day, "550 5.1.1 no such user")
    [session] = day.read(
        f"SELECT id FROM tutor_sessions WHERE session_date = '{date(2026, 12, 2)}'"
    )

    told = explain_session(day.tools.settings, wall("15:00"), session.id)

    details = [event.detail for person in told.people for event in person.story]
    will_not = "as things are it will not be sent: an address that refused for good"
    assert f"reminder 1 h before the start: {will_not}" in details


@pytest.mark.parametrize(("cause", "left"), [("refused", 0), ("opted_out", 1)])
def test_a_person_who_is_forgotten_stays_opted_out(
    day: LessonDay, tutor: int, cause: str, left: int
) -> None:
    refuse(day, "550 5.1.1 no such user")
    day.write("UPDATE session_worker.dead_address SET cause = :cause", cause=cause)
    day.write("DELETE FROM tutor_sessions")

    forget(day.conn, f"user:{tutor}", wall("15:00", 9), "Africa/Addis_Ababa")

    assert len(day.read("SELECT FROM session_worker.dead_address")) == left
    assert day.read("SELECT FROM session_worker.attempt WHERE address IS NOT NULL") == []


@pytest.mark.parametrize("given", ["nobody at all", "999999", "telegram:"])
def test_what_is_neither_address_nor_person_is_refused(day: LessonDay, given: str) -> None:
    with pytest.raises(LedgerRefusal):
        revive_given(day.conn, day.tools.settings, given, wall("13:00"))
