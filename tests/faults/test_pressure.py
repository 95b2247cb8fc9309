"""Order under pressure: a channel that takes one message a second, with a real worker."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from random import Random

import pytest
from sqlalchemy import Connection, text

from tests.builders import a_session, a_student, a_tutor
from tests.eventually import eventually
from tests.faults.rounds import (
    after_the_first_tick,
    count,
    in_wall_time,
    mail_channel,
    quick_beat,
)
from tests.scheduler.ledger.rows import a_delivery
from tests.sinks.smtp import SmtpSink
from tests.tasks.worker.run import running

pytestmark = pytest.mark.long

ALARMED = {"alarm_enabled": True, "alarm_before_minutes": 120}
REMINDED = {"notification_enabled": True}
RATE = {"CHANNEL_EMAIL_RATE": "1/s", "REMINDER_LEADS": "2h"}
SOON, LATER, TOLD = 60, 6, 2
Entry = tuple[str, Mapping[str, object], Mapping[str, object]]


def test_with_one_message_a_second_the_soonest_start_goes_first_and_the_rest_expires(
    conn: Connection, database: str, valkey: str, smtp_sink: SmtpSink
) -> None:
    """Sixty alarms of a session that begins at once, and eight messages of two later starts."""
    with running(database, valkey, **RATE, **mail_channel(smtp_sink)) as site:
        site.worker()
        eventually(lambda: "ready." in site.log())
        expected = enter_all(conn)
        after_the_first_tick(conn)
        with quick_beat(valkey):
            eventually(lambda: at_rest(conn))

        told = [to for mail in smtp_sink.mails for to in mail.recipients]
        soon = [to for to in told if to.startswith("soon")]
        assert told[len(soon) :] == expected
        assert soon
        assert (count(conn, "sent"), count(conn, "expired")) == (
            len(soon) + LATER + TOLD, SOON - len(soon),
        )  # fmt: skip
        assert reasons(conn, "expired") == {"begun"}


def enter_all(conn: Connection) -> list[str]:
    """In scrambled order. Returns who is told of a later start, in the order of the promise."""
    later = [in_wall_time(30 + minutes) for minutes in range(2)]
    soon = in_wall_time(0.5)
    entries: list[Entry] = [(f"soon{n}", soon, ALARMED) for n in range(SOON)]
    for number, begins in enumerate(later):
        entries += [(f"alarm{number}", begins, ALARMED), (f"reminder{number}", begins, REMINDED)]
    Random(7).shuffle(entries)
    for name, start, kind in entries:
        person = {"email": f"{name}@tutoring.example"}
        whom = {"tutor_id": a_tutor(conn, **person)} if kind is REMINDED else {
            "student_id": a_student(conn, **person)}  # fmt: skip
        a_session(conn, **start, **kind, **whom)
    for number, begins in enumerate(later):
        a_told_move(conn, f"notice{number}@tutoring.example", begins)
    return [
        f"{kind}{number}@tutoring.example"
        for number in range(2)
        for kind in ("alarm", "reminder", "notice")
    ]


def a_told_move(conn: Connection, address: str, start: Mapping[str, object]) -> None:
    """A tutor was reminded of a session for three hours from now, and it begins sooner."""
    tutor, student = a_tutor(conn, email=address), a_student(conn)
    session = a_session(conn, tutor_id=tutor, student_id=student, **start, **REMINDED)
    person = conn.scalar(text("SELECT id FROM users WHERE email = :email"), {"email": address})
    old = datetime.now().astimezone() + timedelta(hours=3)
    a_delivery(
        conn, session_id=session, tutor_id=tutor, student_id=student, person_id=person,
        recipient=f"user:{person}", starts_at=old, lead_minutes=240, state="sent",
        sent_at=old - timedelta(hours=4), message_at=old - timedelta(hours=4), attempts=1,
    )  # fmt: skip


# One statement: a message may go from one of these states to another between two.
MOVING = text("""
    SELECT count(*) FROM session_worker.delivery
     WHERE state IN ('planned', 'claimed', 'sending')""")


def at_rest(conn: Connection) -> bool:
    return count(conn, "expired") > 0 and conn.scalar(MOVING) == 0


def reasons(conn: Connection, state: str) -> set[str]:
    return set(
        conn.scalars(
            text("SELECT reason FROM session_worker.delivery WHERE state = :state"),
            {"state": state},
        )
    )
