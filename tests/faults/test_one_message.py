"""One message for one person about one start, with a real worker."""

from sqlalchemy import Connection

from tests.builders import a_parent, a_session, a_student, a_tutor
from tests.eventually import eventually
from tests.faults.rounds import (
    after_the_first_tick,
    count,
    in_wall_time,
    mail_channel,
    quick_beat,
)
from tests.sinks.smtp import SmtpSink
from tests.tasks.worker.run import running

ALARMED = {"alarm_enabled": True, "alarm_before_minutes": 120}
REMINDED = {"notification_enabled": True}


def test_a_group_is_one_mail_to_its_tutor_and_an_alarm_to_each_and_a_parent_gets_one(
    conn: Connection, database: str, valkey: str, smtp_sink: SmtpSink
) -> None:
    """Thirty students of one lesson; three other children of one parent, at the same minute."""
    start = in_wall_time(20)
    tutor = a_tutor(conn, email="tutor@tutoring.example")
    names = [f"{letter}{other}" for letter in "CAB" for other in "jihgfedcba"]
    for name in names:
        student = a_student(conn, first_name=name, father_name="T", email=f"{name}@group.example")
        a_session(conn, tutor_id=tutor, student_id=student, **start, **ALARMED, **REMINDED)
    parent = a_parent(conn, email="parent@tutoring.example")
    for child in ("Yonas", "Sara", "Dawit"):
        student = a_student(conn, first_name=child, father_name="T", email=None, parent_id=[parent])
        a_session(conn, student_id=student, **start, **ALARMED)
    after_the_first_tick(conn)
    roles = {"ALARM_RECIPIENTS": "student,parent", "REMINDER_LEADS": "1h"}
    with running(database, valkey, **roles, **mail_channel(smtp_sink)) as site, quick_beat(valkey):
        site.worker()
        eventually(lambda: count(conn, "sent") == 30 + 30 + 3)

        (mail,) = smtp_sink.mails_to("tutor@tutoring.example")
        places = [mail.text.index(f"{name} T") for name in sorted(names)]
        assert places == sorted(places)
        assert [len(smtp_sink.mails_to(f"{name}@group.example")) for name in names] == 30 * [1]
        (family,) = smtp_sink.mails_to("parent@tutoring.example")
        assert all(child in family.text for child in ("Yonas", "Sara", "Dawit"))
        assert len(smtp_sink.mails) == 1 + 30 + 1
