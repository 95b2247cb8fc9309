"""One burst of alarms through a worker's delivery, in this process and without a broker.

    python one_burst.py DATABASE_URL COUNT     # CHANNEL_… and OUTBOX from the environment

Prints one JSON document: messages sent, seconds, and the processor seconds of this process and of
its PostgreSQL connections. It also runs on older checkouts, so it asks little of the code.
"""

import json
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text

from scheduler.reminders.moves.claims import claim
from scheduler.settings import load_settings
from tasks.database import engine, engine_now
from tasks.delivery.batch import work_through
from tasks.delivery.tools import tools_of

PEOPLE = """
    INSERT INTO users (id, first_name, father_name, email)
    SELECT g, 'Abebe' || g, 'Kebede', 'person' || g || '@tutoring.example'
      FROM generate_series(1, :tutors + :students) g;
    INSERT INTO tutor_profiles (id, user_id) SELECT g, g FROM generate_series(1, :tutors) g;
    INSERT INTO student_profiles (id, user_id)
    SELECT g, :tutors + g FROM generate_series(1, :students) g;
    INSERT INTO tutor_sessions (id, tutor_id, student_id, subject, session_date, start_time, mode,
        status, alarm_enabled, alarm_before_minutes)
    SELECT g, 1 + g % :tutors, g, 'Mathematics', CAST(:day AS date), CAST(:start AS time), 'online',
           'scheduled', true, 15
      FROM generate_series(1, :students) g;
    INSERT INTO session_worker.delivery (session_id, tutor_id, student_id, starts_at, kind,
        lead_minutes, recipient, person_id, role, due_at, send_after)
    SELECT g, 1 + g % :tutors, g, :starts_at, 'alarm', 15, 'user:' || :tutors + g, :tutors + g,
           'student', :now, :now
      FROM generate_series(1, :students) g"""
BACKENDS = text("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
SENT = text("SELECT count(*) FROM session_worker.delivery WHERE state = 'sent'")


def main() -> None:
    url, count = sys.argv[1], int(sys.argv[2])
    settings = load_settings(_env_file=None, database_url=url, site_timezone="UTC")
    made: Engine = engine(settings)
    now = engine_now(made)
    fill(made, count, now)
    tools: Any = tools_of(made, settings)
    began, cpu, server = time.perf_counter(), time.process_time(), server_seconds(made)
    while batches := claimed(made, settings.claim_batch):
        work_through(tools, batches[0], lambda: datetime.now(UTC), timedelta(0))
    with made.connect() as conn:
        sent = conn.scalar(SENT)
    figures = {
        "sent": sent,
        "seconds": time.perf_counter() - began,
        "worker": time.process_time() - cpu,
        "server": server_seconds(made) - server,
    }
    print(json.dumps(figures))


def fill(made: Engine, count: int, now: datetime) -> None:
    starts_at = (now + timedelta(minutes=15)).replace(second=0, microsecond=0)
    numbers = {
        "tutors": 500, "students": count, "day": starts_at.date(), "start": starts_at.time(),
        "starts_at": starts_at, "now": now,
    }  # fmt: skip
    with made.begin() as conn:
        conn.execute(text(PEOPLE), numbers)
    with made.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text("VACUUM ANALYZE"))


def claimed(made: Engine, size: int) -> list[Any]:
    with made.begin() as conn:
        return list(claim(conn, datetime.now(UTC), 1, size, timedelta(minutes=1)))


def server_seconds(made: Engine) -> float:
    """The processor time of the server's processes for this database."""
    with made.connect() as conn:
        pids = conn.scalars(BACKENDS).all()
    return sum(int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) for pid in pids) / 1e9


if __name__ == "__main__":
    main()
