"""A provider that hangs delays neither other channels' messages nor planning."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import pairwise
from threading import Event, Thread

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
from tests.servers import connect
from tests.sinks.http import HttpSink
from tests.sinks.smtp import SmtpSink
from tests.tasks.worker.run import running

HANGING, HEALTHY = 120, 20
MINUTES = 15
# Delay of the provider: several ticks would be missed if the tick called it.
SEND_TIMEOUT, LONGEST_GAP = "12s", timedelta(seconds=9)


def test_a_mail_server_that_never_greets_keeps_no_other_channel_and_no_tick_waiting(
    conn: Connection, database: str, valkey: str, smtp_sink: SmtpSink, http_sink: HttpSink
) -> None:
    smtp_sink.stall("CONNECT", seconds=300)
    webhook = f"json://{http_sink.host}:{http_sink.port}/?:person={{person_id}}"
    channels = {**mail_channel(smtp_sink), "CHANNEL_WEBHOOK": webhook}
    with running(database, valkey, **channels, SEND_TIMEOUT=SEND_TIMEOUT) as site:
        site.worker()
        eventually(lambda: "ready." in site.log())
        after_the_first_tick(conn)
        healthy = alarms_of_one_second(conn)
        with quick_beat(valkey), watched_ticks(database) as ticks:
            eventually(lambda: count(conn, "sent") == HANGING + HEALTHY)

    reached = [int(request.json["person"]) for request in http_sink.requests]
    assert {*reached[:HEALTHY]} == healthy
    assert len(reached) == HANGING + HEALTHY  # those by e-mail took the next channel, in time
    assert longest_gap(ticks) < LONGEST_GAP
    assert down(conn) == ["email"]


def alarms_of_one_second(conn: Connection) -> set[int]:
    """Many alarms by e-mail, which come first, and others. Returns the people of the others."""
    start = in_wall_time(MINUTES + 0.1)
    healthy = set[int]()
    tutor = a_tutor(conn)
    alarmed = {**start, "tutor_id": tutor, "alarm_enabled": True, "alarm_before_minutes": MINUTES}
    for _ in range(HANGING):
        a_session(conn, student_id=a_student(conn), **alarmed)
    for _ in range(HEALTHY):
        student = a_student(conn)
        a_session(conn, student_id=student, **alarmed)
        healthy |= {*conn.scalars(WISH, {"student": student})}
    conn.commit()
    return healthy


WISH = text("""
    INSERT INTO session_worker.preference (person_id, channels)
    SELECT user_id, '{webhook}' FROM student_profiles WHERE id = :student
    RETURNING person_id""")


@contextmanager
def watched_ticks(database: str) -> Iterator[list[datetime]]:
    """The instants of all ticks until the end of the block."""
    seen, over = list[datetime](), Event()

    def watch() -> None:
        with connect(database) as onlooker:
            while not over.wait(0.05):
                at = onlooker.scalar(text("SELECT ticked_at FROM session_worker.installation"))
                onlooker.rollback()
                if at is not None and at not in seen:
                    seen.append(at)

    watcher = Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        over.set()
        watcher.join()


def longest_gap(ticks: Sequence[datetime]) -> timedelta:
    return max(after - before for before, after in pairwise(ticks))


def down(conn: Connection) -> list[str]:
    conn.rollback()
    found = conn.scalars(
        text("SELECT channel FROM session_worker.channel_trouble WHERE down_since IS NOT NULL")
    )
    return [*found]
