"""The sessions of the demo's site: 25 in its database from the start, as messy as a real site's,
and those that tutors enter while the worker runs.
"""

import json
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Connection, insert

from models.site import TutorSession
from tasks.demo.people import People

Columns = Mapping[str, Any]

# Encoded twice, as by some of the site's forms: a JSON string that contains JSON.
ENCODED_TWICE = json.dumps({"days": ["Monday", "ረቡዕ"], "months": None, "specific_dates": []})

ALMAZ_DAWIT: Columns = {"tutor_id": "Almaz", "student_id": "Dawit", "subject": "Mathematics"}
ALMAZ_HANA: Columns = {"tutor_id": "Almaz", "student_id": "Hana", "subject": "Physics"}
GIRMA_YONAS: Columns = {"tutor_id": "Girma", "student_id": "Yonas", "subject": "English"}
GIRMA_LIYA: Columns = {"tutor_id": "Girma", "student_id": "Liya", "subject": "English"}
MESERET_LIYA: Columns = {"tutor_id": "Meseret", "student_id": "Liya", "subject": "Chemistry"}
MESERET_SELAM: Columns = {"tutor_id": "Meseret", "student_id": "Selam", "subject": "Biology"}
MESERET_HANA: Columns = {"tutor_id": "Meseret", "student_id": "Hana", "subject": "Civics"}
MESERET_BEREKET: Columns = {"tutor_id": "Meseret", "student_id": "Bereket", "subject": "Amharic"}


def standing_sessions(today: date) -> list[dict[str, Any]]:
    """The initial rows, with dates around today; `tutor_id` and `student_id` are names."""
    return [*rules(today), *contradictions(today), *unreadable(today), *plain(today)]


def rules(today: date) -> list[dict[str, Any]]:
    return [
        # Weekly on the weekday of its date, without end.
        recurring(ALMAZ_DAWIT, today - timedelta(7), time(9), "Weekly", end_time=None),
        recurring(ALMAZ_HANA, today - timedelta(3), time(11), "weekly", pattern=ENCODED_TWICE),
        recurring(GIRMA_YONAS, today - timedelta(20), time(10), "Bi-weekly", duration=90),
        recurring(GIRMA_LIYA, today - timedelta(31), time(16), "Monthly", end_time=time(17, 30)),
        recurring(
            *(MESERET_LIYA, today - timedelta(2), time(15), "weekly"),
            pattern={"frequency": "weekly", "count": 10},
        ),
        recurring(
            *(MESERET_SELAM, today, time(17), "daily"),
            pattern={"days": ["Saturday", "Sunday"], "until": str(today + timedelta(60))},
        ),
        # Past midnight.
        recurring(MESERET_HANA, today + timedelta(2), time(22, 30), "weekly", end_time=time(0, 30)),
        # His account is inactive.
        recurring(MESERET_BEREKET, today - timedelta(5), time(8), "weekly"),
        # Overlaps half of Almaz's lesson with Dawit: a conflict each week.
        recurring(ALMAZ_HANA, today - timedelta(6), time(9, 30), "weekly", pattern=on_days(today)),
    ]


def contradictions(today: date) -> list[dict[str, Any]]:
    return [
        recurring(
            *(GIRMA_YONAS, today - timedelta(4), time(13), "One-time"),
            pattern={"days": ["Tuesday", "Thursday"]},
        ),
        recurring(
            *(GIRMA_LIYA, today - timedelta(10), time(12), "Monthly"),
            pattern={"frequency": "weekly", "months": []},
        ),
        recurring(
            *(MESERET_SELAM, today - timedelta(1), time(10), "3 times per week"),
            pattern={"days": None, "specific_dates": [str(today + timedelta(n)) for n in (4, 9)]},
        ),
        # Cancelled: only that session, not the rule.
        recurring(ALMAZ_DAWIT, today - timedelta(8), time(14), "weekly", status="Cancelled"),
        # It ends before it starts, as 15:90 would.
        recurring(GIRMA_YONAS, today - timedelta(9), time(18), "weekly", end_time=time(15, 30)),
        lesson(MESERET_LIYA, today + timedelta(5), time(9), session_frequency="Weekly"),
        lesson(
            *(MESERET_HANA, today + timedelta(6), time(12)),
            session_frequency="Bi-weekly",
            is_recurring=None,
            notification_enabled=None,
        ),
        lesson(
            *(ALMAZ_HANA, today + timedelta(8), time(15)),
            recurring_pattern={"specific_dates": [str(today + timedelta(15))]},
        ),
    ]


def unreadable(today: date) -> list[dict[str, Any]]:
    return [
        recurring(ALMAZ_HANA, today - timedelta(12), time(16), "3 times per week"),
        recurring(GIRMA_LIYA, today - timedelta(11), time(9), "One-time", pattern={}),
        recurring(MESERET_LIYA, today - timedelta(6), time(11), "weekly", pattern={"days": [1]}),
        recurring(ALMAZ_DAWIT, today - timedelta(5), time(17), "weekly", pattern="no"),
    ]


def plain(today: date) -> list[dict[str, Any]]:
    return [
        lesson(ALMAZ_DAWIT, today - timedelta(20), time(9), status="completed"),
        lesson(GIRMA_LIYA, today - timedelta(15), time(10), status="Missed", mode="IN-PERSON"),
        lesson(GIRMA_YONAS, today - timedelta(1), time(10), status="canceled"),
        lesson(MESERET_SELAM, today + timedelta(12), time(10), alarm_before_minutes=None),
    ]


def entered_now(now: datetime) -> list[dict[str, Any]]:
    """What tutors enter while the worker runs; `now` is the site's wall time.

    A session in 15 minutes: its reminder of an hour before is overdue and sent at once; its alarms
    are due in seconds. One tomorrow, for a group: its reminder of a day before is due in seconds.
    """
    soon = now + timedelta(minutes=15, seconds=SECONDS_AHEAD)
    tomorrow = now + timedelta(days=1, seconds=SECONDS_AHEAD)
    alarm: dict[str, Any] = {"alarm_enabled": True, "alarm_before_minutes": 15}
    group = {"notification_enabled": True, "mode": "in-person", "location": "Bole library"}
    return [
        starting(
            *(ALMAZ_DAWIT, soon),
            topic="Quadratic equations",
            meeting_link="https://meet.tutoring.example/almaz",
            notification_enabled=True,
            **alarm,
        ),
        starting(MESERET_SELAM, soon, topic="The cell", **alarm),
        starting(GIRMA_YONAS, tomorrow, topic="Reading aloud", **group),
        starting(GIRMA_LIYA, tomorrow, topic="Reading aloud", **group),
    ]


# In this time the sweep (every 10 s) finds the new rows, so that the messages are sent on time.
SECONDS_AHEAD = 12


def add_sessions(conn: Connection, people: People, rows: list[dict[str, Any]]) -> list[int]:
    """Insert sessions, one by one as their columns differ; returns their ids."""
    return [add_session(conn, people, row) for row in rows]


def add_session(conn: Connection, people: People, row: Columns) -> int:
    ids = {
        "tutor_id": people.tutors[row["tutor_id"]],
        "student_id": people.students[row["student_id"]],
    }
    statement = insert(TutorSession).values({**row, **ids}).returning(TutorSession.id)
    return int(conn.scalars(statement).one())


def recurring(
    pair: Columns, day: date, start: time, frequency: str, *, pattern: Any = None, **columns: Any
) -> dict[str, Any]:
    rule = {"is_recurring": True, "session_frequency": frequency, "recurring_pattern": pattern}
    return lesson(pair, day, start, **{**rule, **columns})


def lesson(pair: Columns, day: date, start: time, **columns: Any) -> dict[str, Any]:
    placed = {"session_date": day, "start_time": start, "mode": "Online"}
    return {**pair, **placed, **columns}


def starting(pair: Columns, at: datetime, **columns: Any) -> dict[str, Any]:
    start = at.time().replace(microsecond=0)
    return lesson(pair, at.date(), start, duration=60, **columns)


def on_days(today: date) -> dict[str, Any]:
    """The weekday of the lesson that this one overlaps."""
    return {"days": [(today - timedelta(7)).strftime("%A")]}
