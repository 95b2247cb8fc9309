"""Two beats and two workers on one database do no harm, and nothing twice."""

import json
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, text

from tests.builders import a_session, a_student, a_tutor, an_anchor
from tests.command_line import celery
from tests.eventually import eventually
from tests.sinks.smtp import SmtpSink
from tests.tasks.worker.run import running

ADDIS = ZoneInfo("Africa/Addis_Ababa")


def test_two_beats_and_two_workers_send_each_message_once_and_make_each_row_once(
    conn: Connection, database: str, valkey: str, smtp_sink: SmtpSink
) -> None:
    anchor = an_anchor(conn, session_date=datetime.now(ADDIS).date() - timedelta(days=1))
    conn.commit()
    mail = f"mailto://127.0.0.1:{smtp_sink.port}?from=worker@example.et&to={{email}}"
    with running(database, valkey, CHANNEL_EMAIL=mail, EXPAND_DAYS="14") as site:
        for _ in range(2):
            site.worker()
            site.beat()
        eventually(lambda: first_tick(conn))
        # In words that are true now: a tutor enters lessons that start within the quarter of an
        # hour; the alarm is overdue at once.
        start = datetime.now(ADDIS) + timedelta(minutes=10)
        people = [(a_tutor(conn), a_student(conn)) for _ in range(20)]
        for tutor, student in people:
            a_session(conn, tutor_id=tutor, student_id=student, session_date=start.date(),
                      start_time=start.time().replace(microsecond=0), end_time=None,
                      notification_enabled=True, alarm_enabled=True)  # fmt: skip
        conn.commit()
        for _ in range(2):  # beat's own comes in half a minute
            celery("call", "tasks.planning.expand", DATABASE_URL=database, REDIS_URL=valkey)
        eventually(lambda: sent(conn) == 40)
        eventually(lambda: made(conn, anchor) == 2)
        assert len(smtp_sink.accepted) == 40
        assert (
            len({recipient for mail in smtp_sink.accepted for recipient in mail.recipients}) == 40
        )
        assert "Traceback" not in site.log()


def first_tick(conn: Connection) -> object:
    return ask(conn, "SELECT first_tick_at FROM session_worker.installation")


def sent(conn: Connection) -> object:
    return ask(conn, "SELECT count(*) FROM session_worker.delivery WHERE state = 'sent'")


def made(conn: Connection, anchor: int) -> object:
    return ask(conn, f"SELECT count(*) FROM session_worker.occurrence WHERE anchor_id = {anchor}")


def ask(conn: Connection, question: str) -> object:
    conn.rollback()
    return conn.scalar(text(question))


def test_workers_fill_a_backfill_and_the_command_tells_what_was_made(
    conn: Connection, database: str, valkey: str
) -> None:
    for _ in range(30):
        an_anchor(conn, session_date=date(2026, 9, 1))
    conn.commit()
    with running(database, valkey) as site:
        site.worker()
        site.worker()
        done = celery("backfill", "2026-09-01", "2026-09-30", "--json",
                      DATABASE_URL=database, REDIS_URL=valkey)  # fmt: skip

        assert done.returncode == 0, done.stderr
        report = json.loads(done.stdout)
        assert report["rows"]["inserted"] == 30 * 4
        assert f"Backfill {report['id']}" in done.stderr
        assert "Traceback" not in site.log()


def test_a_backfill_called_the_plain_celery_way_is_filled_too(
    conn: Connection, database: str, valkey: str
) -> None:
    anchor = an_anchor(conn, session_date=date(2026, 9, 1))
    conn.commit()
    with running(database, valkey) as site:
        site.worker()
        called = celery(
            "call", "tasks.planning.backfill",
            "--kwargs", '{"from": "2026-09-01", "until": "2026-09-30"}',
            DATABASE_URL=database, REDIS_URL=valkey,
        )  # fmt: skip

        assert called.returncode == 0, called.stderr
        eventually(lambda: made(conn, anchor) == 4)
