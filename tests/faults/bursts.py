"""Bursts of alarms due in one second: none is lost, none is sent twice without a record of it.

    uv run python -m tests.faults.bursts fresh [COUNT]  # two workers that have just started
    uv run python -m tests.faults.bursts crash [COUNT]  # PostgreSQL is killed in the midst of it
    uv run python -m tests.faults.bursts kills [COUNT [KILLS]]  # kills of sending processes

Messages are counted at the receiver. `crash` runs on a server and a database with
`synchronous_commit=off` that flush ten seconds late: commits that the worker does not flush are
lost. A message whose sender was killed twice is held, and shown to the admin: it is not counted as
lost. Exits 1 if a message was lost, or arrived more often than the ledger has attempts.
"""

import os
import random
import signal
import sys
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, text

from tasks.demo.servers import Durability, PostgresServer, Workspace, start_postgres, start_valkey
from tests import servers
from tests.builders import a_session, a_student, a_tutor
from tests.eventually import eventually
from tests.faults.rounds import ADDIS, after_the_first_tick, in_wall_time
from tests.servers import connect
from tests.sinks.http import HttpSink
from tests.tasks.worker.run import Running, running

LAZY = {"synchronous_commit": "off", "wal_writer_delay": "10s", "max_connections": "200"}
MINUTES = 15
SETTLED_SECONDS = 300
TUTORS = 100

STATES = text("""
    SELECT state || coalesce(' ' || reason, '') AS state, count(*) AS number
      FROM session_worker.delivery GROUP BY 1 ORDER BY 1""")
SETTLED = text("""
    SELECT count(*) FROM session_worker.delivery
     WHERE state NOT IN ('planned', 'claimed', 'sending') AND retry_at IS NULL""")
HELD = text("SELECT id FROM session_worker.delivery WHERE state = 'held'")
TRIES = text("SELECT delivery_id, count(*) AS number FROM session_worker.attempt GROUP BY 1")


def main() -> None:
    what, count = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1000
    with Workspace() as workspace, HttpSink() as sink:
        postgres = start_postgres(workspace, Durability.KEPT, LAZY)
        servers.create_template(postgres, "template")
        servers.clone_template(postgres, "site", "template")
        with connect(postgres.url("site")) as conn:
            conn.execute(text("ALTER DATABASE site SET synchronous_commit = off"))
            conn.commit()
        webhook = {"CHANNEL_WEBHOOK": f"json://{sink.host}:{sink.port}/"}
        valkey = start_valkey(workspace).url()
        with running(postgres.url("site"), valkey, **webhook) as site:
            with connect(postgres.url("site")) as conn:
                fill(conn, count)
            site.worker()
            site.worker()
            site.beat()
            if what == "crash":
                eventually(lambda: len(sink.requests) > count // 3, within=SETTLED_SECONDS)
                crash(postgres)
            if what == "kills":
                eventually(lambda: sink.requests, within=SETTLED_SECONDS)
                kill_senders(site, sink, count)
            eventually(lambda: is_settled(postgres, sink, count), within=SETTLED_SECONDS)
            print(f"{sum(one.poll() is not None for one in site.processes)} processes ended")
        sys.exit(1 if report(postgres, sink, count) else 0)


def fill(conn: Connection, count: int) -> None:
    """Enter sessions whose alarms are due as the workers start."""
    tutors, start = [a_tutor(conn) for _ in range(TUTORS)], in_wall_time(MINUTES)
    alarmed = {"alarm_enabled": True, "alarm_before_minutes": MINUTES}
    for number in range(count):
        pair = {"tutor_id": tutors[number % TUTORS], "student_id": a_student(conn)}
        a_session(conn, **pair, **alarmed, **start)
    after_the_first_tick(conn)


def crash(postgres: PostgresServer) -> None:
    """Kill all processes of PostgreSQL at once, and start it again."""
    at = datetime.now(ADDIS)
    postgres.kill()
    postgres.start()
    print(f"PostgreSQL was killed, and back after {datetime.now(ADDIS) - at}")


KILLS = int(sys.argv[3]) if len(sys.argv) > 3 else 100


def kill_senders(site: Running, sink: HttpSink, count: int) -> None:
    """Kill processes of the workers' pools, evenly over the burst; each is replaced."""
    chance, killed = random.Random(7), 0
    while killed < KILLS and len(sink.requests) < count:
        due = 1 + killed * count // KILLS
        eventually(lambda due=due: len(sink.requests) >= due, within=SETTLED_SECONDS)  # type: ignore[misc]
        worker = chance.choice(site.processes[:2])
        if senders := children(worker.pid):
            os.kill(chance.choice(senders), signal.SIGKILL)
            killed += 1
    print(f"{killed} kills")


def children(pid: int) -> list[int]:
    words = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(word) for word in words]


def is_settled(postgres: PostgresServer, sink: HttpSink, count: int) -> bool:
    """Asks the ledger only after the sink has seen as many messages, as that takes time itself."""
    if len(sink.requests) < count:
        return False
    with connect(postgres.url("site")) as conn:
        return int(conn.scalars(SETTLED).one()) == count


def report(postgres: PostgresServer, sink: HttpSink, count: int) -> int:
    """Print the outcome of all; returns the number lost or doubled without a record."""
    arrived = Counter(
        session["delivery_id"]
        for request in sink.requests
        for session in request.json["data"]["sessions"]
    )
    with connect(postgres.url("site")) as conn:
        states = {row.state: row.number for row in conn.execute(STATES)}
        tries = {row.delivery_id: row.number for row in conn.execute(TRIES)}
        held = {*conn.scalars(HELD)}
    lost = count - len(arrived.keys() | held)
    silent = [id_ for id_, times in arrived.items() if times > tries.get(id_, 0)]
    first = min(request.received_at for request in sink.requests)
    last = max(request.received_at for request in sink.requests)
    seconds = (last - first) / timedelta(seconds=1)
    unanswered = text("SELECT count(*) FROM session_worker.attempt WHERE outcome IS NULL")
    with connect(postgres.url("site")) as conn:
        print(f"{conn.scalar(unanswered)} tries without an outcome")
    print(f"{count} alarms in {seconds:.0f} s: {states}")
    print(f"{len(held)} held for an admin, of which {len(held - arrived.keys())} did not arrive")
    print(f"{lost} lost, {len(silent)} silent doubles,", end=" ")
    print(f"{sum(arrived.values()) - len(arrived)} repeats")
    return lost + len(silent)


if __name__ == "__main__":
    main()
