"""The story of a session's messages, for each of its people."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, text

from models.catalog import SiteCatalog, read_catalog
from scheduler.ledger.story import Event, Explanation, What, explain
from scheduler.message import Recipient
from scheduler.reminders.channel_pauses import pause
from scheduler.reminders.moves.admin import (
    drop_batch,
    release_batch,
    retry,
    settle_not_sent,
    settle_sent,
)
from scheduler.reminders.moves.follow_site import bring_back, withdraw
from scheduler.reminders.moves.refusal import LedgerRefusal
from scheduler.settings import Settings
from scheduler.words import ordinal
from tests.bare_site import drop_the_optional
from tests.builders import a_parent, a_session, a_student, a_tutor, a_user, an_enrolment
from tests.scheduler.ledger.rows import (
    HOUR,
    KEY,
    MINUTE,
    NOW,
    START,
    a_batch,
    a_delivery,
    an_attempt,
)

SECOND = timedelta(seconds=1)
SETTINGS = Settings()


@dataclass
class Lesson:
    """A session that begins two hours after NOW, its tutor (a user id) and its student."""

    conn: Connection
    catalog: SiteCatalog
    id: int
    tutor: int
    student: int

    def message(self, **columns: Any) -> int:
        """A ledger row of the tutor's reminder, an hour before."""
        row = self.conn.execute(
            text("SELECT tutor_id, student_id FROM tutor_sessions WHERE id = :id"), {"id": self.id}
        ).one()
        mine = {"person_id": self.tutor, "recipient": f"user:{self.tutor}", **row._mapping}
        return a_delivery(self.conn, **{"session_id": self.id, **mine, **columns})

    def change(self, assignment: str) -> None:
        self.conn.execute(
            text(f"UPDATE tutor_sessions SET {assignment} WHERE id = :id"), {"id": self.id}
        )

    def explain(
        self, now: datetime = NOW, reach: str | None = None, settings: Settings = SETTINGS
    ) -> Explanation:
        def why(recipient: Recipient) -> str | None:
            return reach

        return explain(self.conn, self.catalog, settings, now, self.id, why)

    def story(self, role: str = "tutor", **asked: Any) -> Sequence[Event]:
        [one] = [each.story for each in self.explain(**asked).people if each.role == role]
        return one

    def whats(self, role: str = "tutor", **asked: Any) -> list[str]:
        return [str(event.what) for event in self.story(role, **asked)]

    def last(self, role: str = "tutor", **asked: Any) -> str:
        return self.story(role, **asked)[-1].detail


@pytest.fixture
def lesson(conn: Connection, catalog: SiteCatalog) -> Lesson:
    return a_lesson(conn, notification_enabled=True, alarm_enabled=True)


def a_lesson(conn: Connection, **columns: Any) -> Lesson:
    tutor, student = a_user(conn), a_user(conn)
    people = {
        "tutor_id": a_tutor(conn, user_id=tutor),
        "student_id": a_student(conn, user_id=student),
    }
    session = a_session(conn, **{**people, **columns})
    return Lesson(conn, read_catalog(conn), session, tutor, student)


def ticked(conn: Connection, at: datetime = NOW) -> None:
    conn.execute(
        text("UPDATE session_worker.installation SET first_tick_at = :at, ticked_at = :at"),
        {"at": at},
    )


def test_a_refused_mail_that_went_by_sms_is_told_try_by_try(lesson: Lesson) -> None:
    one = lesson.message(state="sent", planned_at=NOW - MINUTE)
    an_attempt(lesson.conn, one, outcome="failed", final=True, words="550 no such user")
    an_attempt(lesson.conn, one, channel="sms", begun_at=NOW + SECOND, ended_at=NOW + 3 * SECOND,
               words="accepted")  # fmt: skip

    story = lesson.story()[1:]  # without the lead of 24 hours, which is missing

    assert [(event.at - NOW, event.what, event.detail) for event in story] == [
        (-MINUTE, "planned", "reminder 1 h before the start: due Tue 2026-12-01 13:00, for the"
         f" start Tue 2026-12-01 14:00 (delivery {one})"),
        (0 * SECOND, "tried", "reminder 1 h before the start: by e-mail"),
        (SECOND, "refused", "reminder 1 h before the start: by e-mail: 550 no such user"),
        (SECOND, "tried", "reminder 1 h before the start: by SMS"),
        (3 * SECOND, "sent", "reminder 1 h before the start: by SMS, 3 s after the first try:"
         " accepted"),
    ]  # fmt: skip


def test_people_stand_in_the_order_of_their_roles(conn: Connection) -> None:
    parent = a_user(conn)
    student = a_student(conn, parent_id=[a_parent(conn, user_id=parent)])
    lesson = a_lesson(conn, student_id=student)

    people = lesson.explain().people

    assert [each.role for each in people] == ["tutor", "student", "parent"]
    assert (people[0].person_id, people[2].person_id) == (lesson.tutor, parent)


def test_a_late_message_says_how_late_it_was_planned(lesson: Lesson) -> None:
    lesson.message(state="sent", due_at=NOW - HOUR, planned_at=NOW)

    assert "; 1 h late" in lesson.last()


def test_quiet_hours_that_hold_a_message_are_told(lesson: Lesson) -> None:
    insert_row_of_wishes(lesson, quiet_from="11:00", quiet_until="13:30")
    lesson.message(send_after=START - HOUR / 2)

    assert "held by quiet hours until Tue 2026-12-01 13:30" in lesson.story()[2].detail
    assert lesson.whats()[2:] == ["waits", "due"]


def test_a_message_that_goes_before_quiet_hours_says_so(lesson: Lesson) -> None:
    insert_row_of_wishes(lesson, quiet_from="12:30", quiet_until="20:00")
    lesson.message(state="sent", planned_at=NOW, send_after=NOW + HOUR / 2 - MINUTE)

    assert (
        "quiet hours would last past the start: sent early, Tue 2026-12-01 12:29" in lesson.last()
    )


def insert_row_of_wishes(lesson: Lesson, **columns: Any) -> None:
    names = ", ".join(["person_id", *columns])
    values = ", ".join([str(lesson.tutor), *(f"'{value}'" for value in columns.values())])
    lesson.conn.execute(text(f"INSERT INTO session_worker.preference ({names}) VALUES ({values})"))


def test_a_session_that_moved_and_moved_back_is_told_with_both(lesson: Lesson) -> None:
    lesson.message()
    lesson.change("start_time = '15:00'")
    withdraw(lesson.conn, lesson.catalog, NOW, SETTINGS.site_timezone)
    moved = lesson.story()
    lesson.change("start_time = '14:00'")
    bring_back(lesson.conn, lesson.catalog, NOW, SETTINGS.site_timezone)

    assert any(e.detail.endswith("moved to Tue 2026-12-01 15:00") for e in moved)
    assert {"obsolete", "due"} < {*lesson.whats()}
    assert any(event.detail.endswith("true again") for event in lesson.story())


@pytest.mark.parametrize(
    ("act", "what", "words"),
    [
        (retry, "retried", "an admin has it sent again"),
        (settle_sent, "settled", "an admin says that it was sent"),
        (settle_not_sent, "settled", "an admin says that it was not sent"),
    ],
)
def test_what_an_admin_did_about_a_lost_answer_is_told(
    lesson: Lesson, act: Any, what: str, words: str
) -> None:
    one = lesson.message(state="held", reason="no_answer", channel="sms")
    an_attempt(lesson.conn, one, channel="sms", outcome="unknown", words="timed out")
    held = lesson.last()

    act(lesson.conn, [one], NOW)

    assert held.endswith(
        f"`celery -A tasks deliveries settle {one} --sent|--not-sent` says how it was"
    )
    assert any(e.what == what and e.detail.endswith(words) for e in lesson.story())


@pytest.mark.parametrize(("act", "what"), [(release_batch, "released"), (drop_batch, "dropped")])
def test_what_an_admin_did_about_a_batch_is_told(lesson: Lesson, act: Any, what: str) -> None:
    batch = a_batch(lesson.conn)
    lesson.message(state="held", reason="flood", batch=batch, due_at=NOW)
    held = lesson.last()

    act(lesson.conn, batch, NOW)

    assert held.endswith(f"with batch {batch}: too many at once (2000 sessions changed at 11:58)")
    assert what in lesson.whats()


def test_a_try_without_an_answer_may_have_arrived(lesson: Lesson) -> None:
    one = lesson.message(state="unknown", reason="no_answer", retry_at=NOW + MINUTE)
    an_attempt(lesson.conn, one, outcome=None, ended_at=None, words=None)

    assert lesson.whats()[-3:] == ["tried", "no_answer", "due"]
    assert "the worker ended before the provider's answer" in lesson.story()[-2].detail


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("user", "by e-mail, to the address in users"),
        ("enrolment", "by e-mail, to the address in the enrolment (tutor_students)"),
        (None, "by e-mail"),
    ],
)
def test_a_try_is_told_with_where_its_address_came_from(
    lesson: Lesson, source: str | None, words: str
) -> None:
    id_ = lesson.message(state="sent", source=source, receipt="delivered")
    an_attempt(lesson.conn, id_, outcome="sent", words=None)

    told = {event.what: event.detail.partition(": ")[2] for event in lesson.story()}
    assert told[What.TRIED] == words
    assert told[What.SENT] == "by e-mail, delivered according to the provider"


def test_a_message_that_is_being_sent_has_no_outcome_yet(lesson: Lesson) -> None:
    one = lesson.message(state="sending")
    an_attempt(lesson.conn, one, outcome=None, ended_at=None)

    assert lesson.whats()[-1] == "tried"


def test_a_failure_for_good_says_how_it_is_sent_again(lesson: Lesson) -> None:
    one = lesson.message(state="failed", reason="550")
    an_attempt(lesson.conn, one, outcome="failed", final=True, words="550 no such user")

    assert lesson.whats()[-2:] == ["refused", "failed"]
    assert f"`celery -A tasks deliveries retry {one}`" in lesson.last()


def test_a_failure_for_now_says_when_it_is_tried_again(lesson: Lesson) -> None:
    one = lesson.message(state="failed", reason="450", retry_at=NOW + MINUTE)
    an_attempt(lesson.conn, one, outcome="failed", words="450 busy")

    assert lesson.last().endswith("tried again Tue 2026-12-01 12:01")


def test_a_message_about_several_sessions_names_the_others(lesson: Lesson) -> None:
    one = lesson.message(state="sent", message_key=KEY)
    other = lesson.message(state="sent", message_key=KEY, session_id=999, student_id=99)
    an_attempt(lesson.conn, one)

    assert "in one message with session 999" in lesson.last()
    assert other != one


def test_a_repeated_alarm_says_which_time_it_is(lesson: Lesson) -> None:
    for time in range(3):
        lesson.message(kind="alarm", lead_minutes=15, revision=time, due_at=NOW + time * MINUTE)

    told = [each.detail for each in lesson.story() if "due Tue" in each.detail]

    assert [words.partition(":")[0] for words in told] == [
        "alarm 15 min before the start",
        "alarm 15 min before the start, repeated (2nd time)",
        "alarm 15 min before the start, repeated (3rd time)",
    ]


def test_a_reminder_that_was_snoozed_says_so_in_all_that_is_told_of_it(lesson: Lesson) -> None:
    lesson.message(revision=1, state="obsolete", reason="acknowledged")

    assert lesson.last() == (
        "reminder 1 h before the start, repeated (2nd time): the person has seen it"
    )


@pytest.mark.parametrize(
    ("number", "words"),
    [(1, "1st"), (4, "4th"), (11, "11th"), (13, "13th"), (22, "22nd"), (111, "111th")],
)
def test_ordinals_are_spelled_as_people_do(number: int, words: str) -> None:
    assert ordinal(number) == words


def test_a_staging_copys_message_did_not_leave(lesson: Lesson) -> None:
    one = lesson.message(state="sent", channel="log", outbox="log")
    an_attempt(lesson.conn, one, channel="log")

    assert lesson.last().endswith("by the log: OUTBOX=log, nothing left")


STANDING = [
    ({"state": "claimed", "lease_until": NOW + MINUTE}, "claimed", "a worker holds it until"),
    ({"state": "expired", "reason": "begun"}, "expired", "the session has begun"),
    ({"state": "obsolete", "reason": "nearer_lead"}, "obsolete", "only the nearest is sent"),
    ({"state": "obsolete", "reason": "before_first_tick"}, "obsolete", "first tick"),
    ({"state": "unreachable", "reason": "no_email, landline"}, "unreachable",
     "no e-mail address, the phone is a landline"),
    ({"reason": "rate", "send_after": NOW + MINUTE}, "waits", "its place in the channel's rate"),
    ({"send_after": NOW}, "overdue", "no worker has taken it yet"),
]  # fmt: skip


@pytest.mark.parametrize(("columns", "what", "words"), STANDING)
def test_the_state_of_a_message_is_told(
    lesson: Lesson, columns: dict[str, Any], what: str, words: str
) -> None:
    lesson.message(due_at=NOW, planned_at=NOW, **columns)

    assert any(e.what == what and words in e.detail for e in lesson.story())


def test_a_message_that_went_out_after_a_pause_says_that_it_waited(lesson: Lesson) -> None:
    id_ = lesson.message(due_at=NOW, planned_at=NOW, state="sent", sent_at=NOW)
    lesson.conn.execute(
        text("INSERT INTO session_worker.move (delivery_id, state, reason, moved_at)"
             " VALUES (:id, 'planned', 'paused', :at)"), {"id": id_, "at": NOW}
    )  # fmt: skip

    assert any(
        event.what == "waits" and "its channel's pause" in event.detail for event in lesson.story()
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "cancelled"}, "was cancelled after this person was told"),
        ({"kind": "cancelled", "because": "reassigned"}, "was given to others after this person"),
        ({"kind": "reassigned", "old_tutor_id": 3}, "another tutor at "),
        ({"kind": "moved", "old_student_id": 3}, ", with another student, after this person"),
    ],
)
def test_a_notice_is_told_by_what_happened(
    lesson: Lesson, change: dict[str, Any], words: str
) -> None:
    lesson.message(kind="notice", change={**change, "old_starts_at": NOW.isoformat()})

    assert any(words in event.detail for event in lesson.story())


def test_a_message_that_waits_for_the_end_of_a_pause_says_since_when_and_why(
    lesson: Lesson,
) -> None:
    pause(lesson.conn, "email", "the mail server is down", NOW - MINUTE)
    lesson.message(due_at=NOW, planned_at=NOW, reason="paused", send_after=NOW + MINUTE)

    assert "e-mail is paused since Tue 2026-12-01 11:59: the mail server is down" in lesson.last()


def test_a_deleted_session_is_known_by_its_messages(lesson: Lesson) -> None:
    lesson.message(state="obsolete", reason="deleted")
    lesson.conn.execute(text("DELETE FROM tutor_sessions"))

    assert [each.role for each in lesson.explain().people] == ["tutor"]
    assert lesson.last().endswith("the session was deleted")


def test_an_id_of_which_nothing_is_known_is_refused(lesson: Lesson) -> None:
    lesson.id = 999

    with pytest.raises(LedgerRefusal, match="there is no session 999"):
        lesson.explain()


def test_a_former_recipient_stands_last_in_the_story(
    lesson: Lesson,
) -> None:
    lesson.message(person_id=99, recipient="user:99", state="obsolete", reason="reassigned")

    people = lesson.explain().people

    assert [(each.role, each.person_id) for each in people][-1] == ("tutor", 99)


def test_a_person_who_is_to_be_told_later_has_the_time(lesson: Lesson) -> None:
    ticked(lesson.conn)

    assert lesson.story("student") == (
        Event(START - 15 * MINUTE, What.DUE, "alarm 15 min before the start: not yet due, goes Tue"
              " 2026-12-01 13:45"),
    )  # fmt: skip


def test_an_alarm_whose_minutes_do_not_count_says_which_do(lesson: Lesson) -> None:
    lesson.change("alarm_before_minutes = -5")

    assert lesson.last("student").endswith("(alarm_before_minutes is -5: 15 is used)")


NOTHING = [
    ("notification_enabled = false", "tutor", "reminder: notification_enabled is off"),
    ("notification_enabled = NULL", "tutor", "reminder: notification_enabled is off"),
    ("alarm_enabled = false", "student", "alarm: alarm_enabled is off"),
    ("status = 'Canceled'", "tutor", "reminder: the session is cancelled"),
    ("status = 'completed'", "student", "alarm: the session is completed"),
]


@pytest.mark.parametrize(("change", "role", "words"), NOTHING)
def test_a_person_who_gets_nothing_has_the_reason_in_the_story(
    lesson: Lesson, change: str, role: str, words: str
) -> None:
    lesson.change(change)

    assert lesson.story(role) == (Event(NOW, What.NOTHING, words),)


def test_for_a_role_that_is_no_recipient_the_story_names_the_recipients(conn: Connection) -> None:
    student = a_student(conn, parent_id=[a_parent(conn)])
    lesson = a_lesson(conn, student_id=student, notification_enabled=True)

    assert [event.detail for event in lesson.story("parent")] == [
        "reminder: not for a parent, it goes to the tutor (REMINDER_RECIPIENTS)",
        "alarm: not for a parent, it goes to the student (ALARM_RECIPIENTS)",
    ]


def test_a_recipient_of_one_kind_is_not_told_about_the_others(lesson: Lesson) -> None:
    lesson.change("alarm_enabled = false")

    assert [event.detail.split()[0] for event in lesson.story("tutor")] == ["reminder"] * 2


def test_a_paused_series_is_told_with_its_reason(lesson: Lesson) -> None:
    lesson.conn.execute(
        text("INSERT INTO session_worker.series (anchor_id, state, reason, seen, tutor_id,"
             " student_id) VALUES (:id, 'paused', 'tutor_suspended', '', 1, 1)"),
        {"id": lesson.id},
    )  # fmt: skip

    assert lesson.last() == "reminder: its series is paused: tutor suspended"


BARRED = [
    ("UPDATE users SET is_active = false", "the person is not active"),
    ("UPDATE tutor_profiles SET is_suspended = true", "the tutor is suspended"),
    ("INSERT INTO session_worker.preference (person_id, muted) SELECT id, true FROM users",
     "the person muted these messages"),
    ("INSERT INTO session_worker.preference (person_id, kind, muted)"
     " SELECT id, 'reminder', true FROM users", "the person muted these messages"),
]  # fmt: skip


@pytest.mark.parametrize(("statement", "words"), BARRED)
def test_a_person_who_will_not_be_reached_is_in_the_story_before_the_due_time(
    lesson: Lesson, statement: str, words: str
) -> None:
    lesson.conn.execute(text(statement))

    assert lesson.last().endswith(f"as things are it will not be sent: {words}")
    assert set(lesson.whats()) == {"nothing"}


def test_the_kinds_own_preference_goes_before_the_general_one(lesson: Lesson) -> None:
    insert_row_of_wishes(lesson, muted="true")
    insert_row_of_wishes(lesson, kind="reminder", muted="false")

    assert lesson.whats()[-1] == "due"


def test_an_address_that_cannot_be_used_is_told_with_the_enrolment_it_is_from(
    conn: Connection,
) -> None:
    tutor, student = a_tutor(conn), a_student(conn, email=None)
    an_enrolment(conn, tutor_id=tutor, student_profile_id=student, contact_phone="0911 no work")
    lesson = a_lesson(conn, tutor_id=tutor, student_id=student, alarm_enabled=True)

    assert lesson.story("student", reach="no_email, bad_phone")[-1].detail.endswith(
        "no e-mail address, an unusable phone number (from the enrolment in tutor_students)"
    )


def test_a_person_without_an_address_has_the_reason_in_the_story(lesson: Lesson) -> None:
    assert lesson.last(reach="no_email, no_phone").endswith("no e-mail address, no phone number")


def test_a_session_that_began_before_it_was_planned_says_so(lesson: Lesson) -> None:
    [event] = lesson.story("student", now=START + MINUTE)

    assert (event.at, event.what) == (START, "nothing")
    assert "the session began Tue 2026-12-01 14:00, before a message was planned" in event.detail


def test_what_is_overdue_says_that_beat_never_ran(lesson: Lesson) -> None:
    assert "start beat and a worker" in lesson.story()[0].detail


def test_what_is_overdue_says_since_when_nothing_was_planned(lesson: Lesson) -> None:
    ticked(lesson.conn, NOW - HOUR)

    assert "nothing was planned since Tue 2026-12-01 11:00" in lesson.story()[0].detail


def test_what_is_overdue_in_another_database_says_so(lesson: Lesson) -> None:
    lesson.conn.execute(text("UPDATE session_worker.installation SET database_name = 'live'"))

    assert "not the ledger's database" in lesson.story()[0].detail


def test_what_is_overdue_though_beat_ticks_was_entered_since(lesson: Lesson) -> None:
    ticked(lesson.conn)

    assert "the next sweep plans it" in lesson.story()[0].detail


def test_one_person_in_two_roles_gets_one_message(conn: Connection) -> None:
    both = a_user(conn)
    lesson = a_lesson(conn, notification_enabled=True, tutor_id=a_tutor(conn, user_id=both),
                      student_id=a_student(conn, user_id=both))  # fmt: skip
    settings = Settings(reminder_recipients="tutor,student")

    assert lesson.story("student", settings=settings)[0].detail == (
        "reminder: the same person gets it as the tutor, once"
    )


def test_a_session_entered_twice_is_told_for_the_other(lesson: Lesson) -> None:
    lesson.message(session_id=999, state="sent")

    assert "told for session 999, which has the same people and start" in lesson.last()


def test_no_address_is_in_a_story(conn: Connection) -> None:
    lesson = a_lesson(conn, notification_enabled=True, alarm_enabled=True)
    one = lesson.message(state="sent")
    an_attempt(conn, one)
    addresses = conn.scalars(text("SELECT email FROM users")).all()

    told = str(lesson.explain())

    assert [address for address in addresses if address in told] == []


def test_a_site_without_the_optional_columns_is_explained_too(conn: Connection) -> None:
    lesson = a_lesson(conn, notification_enabled=True, alarm_enabled=True)
    drop_the_optional(conn)
    lesson.catalog = read_catalog(conn)

    assert lesson.whats("student") == ["due"]
