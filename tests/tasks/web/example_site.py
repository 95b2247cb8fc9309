"""A site to look at: a day with sessions, messages in several states, and rules in trouble."""

import random
from datetime import UTC, datetime, time, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from scheduler.reminders.progress import note_beat, note_tick
from tests.builders import a_session, a_student, a_tutor, a_user, an_enrolment
from tests.scheduler.ledger.rows import a_batch, a_delivery, an_attempt

ZONE = ZoneInfo("Africa/Addis_Ababa")
MINUTE = timedelta(minutes=1)
PEOPLE = (
    ("Hana", "Bekele"), ("Dawit", "Tesfaye"), ("Selamawit", "Girma"), ("Yonas", "Abebe"),
    ("Meron", "Alemu"), ("Natnael", "Kebede"), ("Tigist", "Haile"), ("Biruk", "Mekonnen"),
)  # fmt: skip
SUBJECTS = ("Mathematics", "Physics", "English", "Chemistry", "አማርኛ")
MESSAGES = 400


class ExampleSite:
    """Fills an empty database. `session`, `person`, `delivery`: an id of each to look at."""

    def __init__(self, conn: Connection) -> None:
        self.conn, self.now = conn, datetime.now(UTC).replace(microsecond=0)
        self.today = self.now.astimezone(ZONE).date()
        self.random = random.Random(7)
        tutors = [a_user(conn, first_name=one, father_name=two) for one, two in PEOPLE[:4]]
        self.person = tutors[0]
        self.tutors = [a_tutor(conn, user_id=user) for user in tutors]
        self.students = [
            a_student(conn, first_name=one, father_name=two) for one, two in PEOPLE[4:]
        ]
        self.students.append(a_student(conn, first_name="Abel", father_name="Worku", email=None))
        sessions = [self.rule(number) for number in range(12)]
        self.session = sessions[0]
        self.troubles()
        self.delivery = self.messages(sessions)
        note_tick(conn, self.now, self.now + MINUTE)
        for part in ("sweep", "expand", "upkeep", "delivery"):
            note_beat(conn, part, self.now)
        conn.commit()

    def rule(self, number: int) -> int:
        """A weekly session of today, from two hours ago on."""
        start = (self.now + (number - 4) * 25 * MINUTE).astimezone(ZONE).replace(tzinfo=None)
        tutor, student = self.tutors[number % 4], self.students[number % 5]
        if number < 5:
            an_enrolment(self.conn, tutor_id=tutor, student_profile_id=student)
        return a_session(
            self.conn, tutor_id=tutor, student_id=student, subject=SUBJECTS[number % 5],
            session_date=start.date(), start_time=start.time().replace(second=0),
            end_time=(start + 20 * MINUTE).time().replace(second=0),
            is_recurring=True, session_frequency="weekly", notification_enabled=number % 3 > 0,
            alarm_enabled=number % 2 > 0,
        )  # fmt: skip

    def troubles(self) -> None:
        """Rules that cannot be read, a conflict, and a batch that is held."""
        for frequency, pattern in (
            ("3 times per week", None), ("weekly", {"days": ["Mondey"]}),
        ):  # fmt: skip
            a_session(
                self.conn, tutor_id=self.tutors[1], student_id=self.students[0],
                session_date=self.today, start_time=time(5), end_time=time(6), is_recurring=True,
                session_frequency=frequency, recurring_pattern=pattern, subject="Biology",
            )  # fmt: skip
        blocked = a_session(
            self.conn, tutor_id=self.tutors[2], student_id=self.students[1],
            session_date=self.today, start_time=time(4), end_time=time(5), is_recurring=True,
            session_frequency="weekly", subject="History",
        )  # fmt: skip
        a_session(
            self.conn, tutor_id=self.tutors[2], student_id=self.students[2],
            session_date=self.today + timedelta(days=7), start_time=time(4, 30), end_time=time(5),
            subject="Geography",
        )  # fmt: skip
        self.blocked = blocked
        batch = a_batch(self.conn, detail="40 sessions changed at 11:58")
        for number in range(3):
            a_delivery(
                self.conn, state="held", batch=batch, reason="flood", kind="notice",
                recipient=f"user:{self.person}", person_id=self.person, session_id=blocked,
                lead_minutes=0, revision=number, starts_at=self.now + timedelta(hours=9),
            )  # fmt: skip

    def messages(self, sessions: list[int]) -> int:
        """Messages of the last month, most of them in time. Returns the last one's id."""
        last = 0
        for number in range(MESSAGES):
            ago = timedelta(minutes=3 * 1.024**number)
            if ago > timedelta(days=30):
                ago = timedelta(minutes=self.random.uniform(1, 60 * 24 * 30))
            due, fails = self.now - ago, number % 17 == 3
            late = timedelta(seconds=self.random.expovariate(0.7))
            last = a_delivery(
                self.conn, session_id=sessions[number % len(sessions)], kind="alarm",
                recipient=f"user:{self.person}", person_id=self.person, role="tutor",
                tutor_id=self.tutors[0], student_id=self.students[0], lead_minutes=15,
                starts_at=due + 15 * MINUTE + timedelta(seconds=number), due_at=due,
                send_after=due, planned_at=due - MINUTE, channel="email", attempts=1,
                state="failed" if fails else "sent", reason="refused" if fails else None,
                sent_at=None if fails else due + late,
            )  # fmt: skip
            an_attempt(
                self.conn, last, begun_at=due + late, ended_at=due + late + timedelta(seconds=0.2),
                outcome="failed" if fails else "sent", message_key=uuid4(),
                words="550 mailbox unavailable" if fails else "250 queued",
            )  # fmt: skip
        return last
