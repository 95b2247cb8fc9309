"""The school: its people and lessons, and the worker's rounds at instants that the script gives.

The site's part (rows, absences, acknowledgements, receipts, the stop link) is played here, by the
tables and functions that a site may use; expansion, planning and delivery are the worker's own.
"""

import re
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, text

from scheduler.expansion import expand
from scheduler.settings import Settings, load_settings
from tasks.admin.remind import remind
from tasks.delivery.tools import Tools, tools_of
from tests.builders import a_parent, a_student, a_tutor, an_absence, an_anchor
from tests.servers import engine_on
from tests.sinks.http import Answer, HttpSink
from tests.sinks.smtp import SmtpSink

ADDIS = ZoneInfo("Africa/Addis_Ababa")
MINUTE, HOUR, DAY, WEEK = (timedelta(minutes=many) for many in (1, 60, 1_440, 10_080))
MONDAY = date(2026, 12, 7)
HANA, TESFAYE, SARA, DAWIT, LIYA, ALMAZ, MARTA = PEOPLE = (
    "Hana", "Tesfaye", "Sara", "Dawit", "Liya", "Almaz", "Marta",
)  # fmt: skip
DAWITS_PHONE = "+251911223344"
STOP = re.compile(r"https://site\.example/stop/([A-Za-z0-9]+)")


def wall(day: date, clock: str = "00:00") -> datetime:
    """A wall time in Addis Ababa."""
    return datetime.combine(day, time.fromisoformat(clock), ADDIS)


@dataclass(frozen=True, slots=True)
class Course:
    """A lesson of one hour, each week. `count`: sessions in all, or None without an end."""

    subject: str
    tutor: str
    student: str
    first: datetime
    count: int | None = None


COURSES = (
    Course("English", TESFAYE, LIYA, wall(MONDAY, "15:00")),
    Course("Mathematics", HANA, SARA, wall(MONDAY + DAY, "14:00")),
    Course("Physics", HANA, DAWIT, wall(MONDAY + 3 * DAY, "16:00"), count=10),
)


@dataclass(frozen=True, slots=True)
class Letter:
    """A message in somebody's hands."""

    at: datetime
    person: str
    channel: str
    title: str
    text: str


def address(person: str) -> str:
    return f"{person.lower()}@school.example"


@dataclass
class School:
    """The term so far. `inbox`: every message that arrived, in the order of time."""

    conn: Connection
    engine: Engine
    tools: Tools
    mail: SmtpSink
    phones: HttpSink
    ids: dict[str, int] = field(default_factory=dict)
    inbox: list[Letter] = field(default_factory=list)

    def __post_init__(self) -> None:
        people = self.ids
        for tutor in (HANA, TESFAYE):
            people[tutor] = a_tutor(self.conn, **named(tutor))
        for parent in (ALMAZ, MARTA):
            people[parent] = a_parent(self.conn, **named(parent))
        for student, parents in ((SARA, [ALMAZ]), (DAWIT, []), (LIYA, [MARTA])):
            ties = [people[name] for name in parents]
            phone = DAWITS_PHONE if student == DAWIT else None
            people[student] = a_student(self.conn, parent_id=ties, phone=phone, **named(student))
        self.conn.execute(text(DAWIT_BY_SMS), {"phone": DAWITS_PHONE})
        for course in COURSES:
            self.enter(course)
        self.phones.answer(Answer(200, b'{"sent": true, "id": "sms-1"}'))

    def enter(self, course: Course) -> None:
        start = course.first
        pattern: dict[str, Any] = {} if course.count is None else {"count": course.count}
        an_anchor(
            self.conn, subject=course.subject, tutor_id=self.ids[course.tutor],
            student_id=self.ids[course.student], session_date=start.date(), start_time=start.time(),
            end_time=(start + HOUR).time(), recurring_pattern=pattern, notification_enabled=True,
            alarm_enabled=True, alarm_before_minutes=15,
        )  # fmt: skip

    def expand(self, at: datetime) -> None:
        self.conn.commit()
        expand(self.engine, self.tools.settings, at)

    def round(self, at: datetime) -> None:
        """One round of the worker; what arrived by it lies in the inbox."""
        self.conn.commit()
        mails, texts = len(self.mail.mails), len(self.phones.requests)
        remind(self.tools, at)
        for mail in self.mail.mails[mails:]:
            if mail.accepted:
                [to] = [name for name in PEOPLE if address(name) in mail.recipients]
                self.inbox.append(Letter(at, to, "email", mail.subject, mail.text))
        for each in self.phones.requests[texts:]:
            self.inbox.append(Letter(at, DAWIT, "sms", "", str(each.json["message"])))

    def absence(self, at: datetime, first: date, last: date, **columns: Any) -> None:
        """Entered by the site; the sweep's next expansion follows it."""
        an_absence(self.conn, first, last, entered_at=at, **columns)
        self.expand(at)
        self.round(at)

    def acknowledge(self) -> None:
        """Everybody taps on the alarms that they have."""
        self.conn.execute(text(ACKNOWLEDGE))

    def held(self, start: datetime) -> None:
        """The tutor writes that the lesson took place."""
        given = {"day": start.date(), "start": start.time()}
        self.conn.execute(text(HELD), given)

    def stop(self, person: str) -> None:
        """The person uses the link in their last mail."""
        [*_, last] = [each for each in self.inbox if each.person == person]
        key = STOP.findall(last.text)[-1]
        assert self.conn.scalar(text("SELECT session_worker.mute(:key)"), {"key": key})

    def phone_is_dead(self) -> None:
        """The provider says that the number of the last SMS is out of use."""
        call = text("SELECT session_worker.receipt('sms', 'sms-1', 'failed:30005')")
        assert self.conn.scalar(call)


DAWIT_BY_SMS = """
    INSERT INTO session_worker.preference (person_id, channels)
    SELECT id, '{sms,email}' FROM users WHERE phone = :phone"""
ACKNOWLEDGE = """
    SELECT session_worker.acknowledge(id) FROM session_worker.delivery
     WHERE kind = 'alarm' AND state = 'sent' AND acknowledged_at IS NULL"""
HELD = """
    UPDATE tutor_sessions SET status = 'completed'
     WHERE session_date = :day AND start_time = :start AND status = 'scheduled'"""


def named(person: str) -> dict[str, str]:
    return {"first_name": person, "father_name": "Bekele", "email": address(person)}


def settings_of(database: str, mail: SmtpSink, phones: HttpSink) -> Settings:
    """Mail and SMS; parents are escalated to; tutors are asked after lessons."""
    return load_settings(
        _env_file=None,
        database_url=database,
        channel_email=f"mailto://{mail.host}:{mail.port}/?from=desk@school.example&to={{email}}",
        channel_sms=phones.url.replace("http", "json") + "/?:to={phone}",
        channel_sms_accepted="sent=true",
        channel_sms_id="id",
        escalate="5m:parent",
        follow_up="30m",
        mute_url="https://site.example/stop/{key}",
    )


def school_on(conn: Connection, database: str, mail: SmtpSink, phones: HttpSink) -> School:
    """The school on an empty database."""
    engine = engine_on(database)
    return School(conn, engine, tools_of(engine, settings_of(database, mail, phones)), mail, phones)
