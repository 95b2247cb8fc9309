"""A provider that hangs stops nobody else: other channels' messages and planning go on in time."""

import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from sqlalchemy import Connection, text

from tests.builders import a_session, a_student, a_tutor
from tests.eventually import eventually
from tests.faults.rounds import (
    ADDIS,
    after_the_first_tick,
    count,
    in_wall_time,
    mail_channel,
    quick_beat,
)
from tests.servers import connect
from tests.sinks.http import HttpSink
from tests.sinks.smtp import SmtpSink
from tests.tasks.worker.run import running

HANGING, HEALTHY = 120, 20
MINUTES = 15


def test_a_mail_server_that_never_greets_keeps_no_other_channel_and_no_tick_waiting(
    conn: Connection, database: str, valkey: str, smtp_sink: SmtpSink, http_sink: HttpSink
) -> None:
    smtp_sink.stall("CONNECT", seconds=300)
    webhook = {"CHANNEL_WEBHOOK": f"json://{http_sink.host}:{http_sink.port}/"}
    with running(database, valkey, **mail_channel(smtp_sink), **webhook) as site:
        site.worker()
        eventually(lambda: "ready." in site.log())
        after_the_first_tick(conn)
        due = alarms_of_one_second(conn)
        with quick_beat(valkey):
            ticks = watch_ticks(database, until=due + timedelta(seconds=20))
            eventually(lambda: count(conn, "sent") == HANGING + HEALTHY)

    late = [request.received_at - due for request in http_sink.requests]
    assert max(late[:HEALTHY]) < timedelta(seconds=3)
    assert len(late) == HANGING + HEALTHY  # those by e-mail took the next channel, in time
    assert longest_gap(ticks) < timedelta(seconds=5)
    assert down(conn) == ["email"]


def alarms_of_one_second(conn: Connection) -> datetime:
    """Those by e-mail are many, and come first. Returns the second in which all are due."""
    start = in_wall_time(MINUTES + 0.2)
    tutor = a_tutor(conn)
    alarmed = {**start, "tutor_id": tutor, "alarm_enabled": True, "alarm_before_minutes": MINUTES}
    for _ in range(HANGING):
        a_session(conn, student_id=a_student(conn), **alarmed)
    for _ in range(HEALTHY):
        student = a_student(conn)
        a_session(conn, student_id=student, **alarmed)
        conn.execute(WISH, {"student": student})
    conn.commit()
    begins = datetime.combine(start["session_date"], start["start_time"], ADDIS)  # type: ignore[arg-type]
    return begins - timedelta(minutes=MINUTES)


WISH = text("""
    INSERT INTO session_worker.preference (person_id, channels)
    SELECT user_id, '{webhook}' FROM student_profiles WHERE id = :student""")


def watch_ticks(database: str, until: datetime) -> list[datetime]:
    """The instants of all ticks until then."""
    seen: list[datetime] = []
    with connect(database) as onlooker:
        while datetime.now(ADDIS) < until:
            at = onlooker.scalar(text("SELECT ticked_at FROM session_worker.installation"))
            onlooker.rollback()
            if at is not None and at not in seen:
                seen.append(at)
            time.sleep(0.05)  # samples what happens meanwhile, waits for nothing
    return seen


def longest_gap(ticks: Sequence[datetime]) -> timedelta:
    return max(after - before for before, after in pairwise(ticks))


def down(conn: Connection) -> list[str]:
    conn.rollback()
    found = conn.scalars(
        text("SELECT channel FROM session_worker.channel_trouble WHERE down_since IS NOT NULL")
    )
    return [*found]
