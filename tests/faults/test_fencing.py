"""A worker that is suspended for longer than its lease, and resumes (promise 3)."""

import os
import re
import signal
from collections import Counter

import pytest
from sqlalchemy import Connection, TextClause, text

from tests.builders import a_session, a_student
from tests.eventually import eventually
from tests.faults.rounds import after_the_first_tick, count, in_wall_time, mail_channel, quick_beat
from tests.servers import connect
from tests.sinks.smtp import SmtpSink
from tests.tasks.worker.run import Running, running

pytestmark = pytest.mark.long

PEOPLE = [f"student{n}@tutoring.example" for n in range(6)]
ALARMED = {"alarm_enabled": True, "alarm_before_minutes": 60}


def test_a_worker_that_wakes_after_its_lease_sends_nothing_that_another_has_taken(
    conn: Connection, database: str, valkey: str, smtp_sink: SmtpSink
) -> None:
    """The worker is suspended while the mail server delays its answer to the first of six mails."""
    for minutes, address in enumerate(PEOPLE, start=10):
        student = a_student(conn, email=address)
        a_session(conn, student_id=student, **in_wall_time(minutes), **ALARMED)
    after_the_first_tick(conn)
    smtp_sink.stall("BODY", seconds=2, times=1)
    with (
        running(database, valkey, LEASE_SECONDS="2", **mail_channel(smtp_sink)) as site,
        quick_beat(valkey),
    ):
        sleeper = site.worker()
        eventually(lambda: smtp_sink.stalled["BODY"])
        os.killpg(sleeper.pid, signal.SIGSTOP)
        assert count(conn, "claimed") == 5

        site.worker()
        eventually(lambda: count(conn, "sent") == len(PEOPLE))
        # The suspended worker's own mail arrives after the server's delay; then it is resumed.
        handed_over = len(PEOPLE) + 1
        eventually(lambda: len(smtp_sink.mails) == handed_over)
        os.killpg(sleeper.pid, signal.SIGCONT)
        eventually(lambda: has_woken(site))

        assert len(smtp_sink.mails) == handed_over
        assert mails(smtp_sink) == {PEOPLE[0]: 2, **dict.fromkeys(PEOPLE[1:], 1)}
        first, again = smtp_sink.mails_to(PEOPLE[0])  # handed over, but not recorded
        assert first.message["Message-ID"] == again.message["Message-ID"]
        assert "Traceback" not in site.log()


def test_a_worker_that_stops_within_a_transaction_stops_nobody_else(
    conn: Connection, database: str, valkey: str, smtp_sink: SmtpSink
) -> None:
    """The worker is suspended while it holds the planning lock and waits for the site's table
    lock."""
    student = a_student(conn, email=PEOPLE[0])
    a_session(conn, student_id=student)  # the first of a site is looked at before the turn is taken
    after_the_first_tick(conn)
    with running(database, valkey, **mail_channel(smtp_sink)) as site, quick_beat(valkey):
        sleeper = site.worker()
        with connect(database) as onlooker:
            eventually(lambda: seen(onlooker, HAS_SWEPT))
            conn.execute(text("LOCK TABLE tutor_sessions"))
            a_session(conn, student_id=student, **in_wall_time(10), **ALARMED)
            eventually(lambda: seen(onlooker, WAITS_WITH_THE_TURN))
            os.killpg(sleeper.pid, signal.SIGSTOP)
            conn.commit()
            eventually(lambda: seen(onlooker, IDLES_WITH_THE_TURN))

        site.worker()
        eventually(lambda: smtp_sink.mails_to(PEOPLE[0]))
        os.killpg(sleeper.pid, signal.SIGCONT)
        eventually(lambda: has_woken(site))

        assert len(smtp_sink.mails) == 1
        assert "Traceback" not in site.log()


HAS_THE_TURN = """
    SELECT EXISTS (SELECT FROM pg_locks JOIN pg_stat_activity USING (pid)
                    WHERE locktype = 'advisory' AND objid = (7236548812040022 & 4294967295)::oid
                      AND datname = current_database() AND {})"""
HAS_SWEPT = text("SELECT EXISTS (SELECT FROM session_worker.heartbeat WHERE name = 'sweep')")
WAITS_WITH_THE_TURN = text(HAS_THE_TURN.format("wait_event_type = 'Lock'"))
IDLES_WITH_THE_TURN = text(HAS_THE_TURN.format("state = 'idle in transaction'"))


def seen(onlooker: Connection, question: TextClause) -> bool:
    onlooker.rollback()  # within a transaction the answer stays the same
    return bool(onlooker.scalar(question))


def has_woken(site: Running) -> bool:
    """True if every batch has ended, the suspended worker's too."""
    log = site.log()
    ended = re.findall(r"Task tasks.delivery.deliver\[(\S+)\] succeeded", log)
    return len(ended) == len(re.findall(r"Task tasks.delivery.deliver\[(\S+)\] received", log))


def mails(sink: SmtpSink) -> Counter[str]:
    return Counter(to for mail in sink.mails for to in mail.recipients)
