"""Messages by two channels in one second: a mail server that accepts connections and never greets,
and a webhook that answers. Ticks and the webhook's messages must not wait for the mail server.

    uv run python -m tests.faults.slow_provider [E-MAILS [OTHERS]]  # 200 and 30 unless given

Prints the longest pause between two ticks and how late the webhook's messages were. Exits 1 if a
message was lost, or one of the webhook's was more than three seconds late.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import pairwise
from threading import Event, Thread

from sqlalchemy import Connection, text

from tasks.demo.servers import Durability, Workspace, start_postgres, start_valkey
from tests import servers
from tests.builders import a_session, a_student, a_tutor
from tests.eventually import eventually
from tests.faults.rounds import after_the_first_tick, count, in_wall_time, mail_channel
from tests.servers import connect
from tests.sinks.http import HttpSink
from tests.sinks.smtp import SmtpSink
from tests.tasks.worker.run import running

MINUTES = 15
PROMISED = timedelta(seconds=3)
# From the entry of the sessions to the instant at which all their alarms are due.
AHEAD_MINUTES = 0.5


def main() -> None:
    hanging, healthy = (int(given) for given in (sys.argv[1:] + ["200", "30"][len(sys.argv) - 1 :]))
    with Workspace() as workspace, HttpSink() as http, SmtpSink() as smtp:
        postgres = start_postgres(workspace, Durability.KEPT)
        servers.create_template(postgres, "template")
        servers.clone_template(postgres, "site", "template")
        url, valkey = postgres.url("site"), start_valkey(workspace).url()
        smtp.stall("CONNECT", seconds=300)
        webhook = f"json://{http.host}:{http.port}/?:person={{person_id}}"
        with running(url, valkey, **mail_channel(smtp), CHANNEL_WEBHOOK=webhook) as site:
            site.worker()
            site.beat()
            eventually(lambda: "ready." in site.log())
            with connect(url) as conn, watched_ticks(url) as ticks:
                after_the_first_tick(conn)
                people = alarms_of_one_second(conn, hanging, healthy, AHEAD_MINUTES)
                due_at = conn.scalars(DUE_AT).one()
                eventually(lambda: count(conn, "sent") == hanging + healthy)
        requests = [*http.requests]  # the sink forgets them at its end
    delays = {
        person: request.received_at - due_at
        for request in requests
        if (person := int(request.json["person"])) in people
    }
    last = max(request.received_at for request in requests) - due_at
    print(f"longest pause between ticks: {seconds(longest_gap(ticks))}")
    print(f"last of {len(delays)} by webhook: {seconds(max(delays.values()))} late")
    print(f"last of {hanging} by e-mail, sent by the next channel: {seconds(last)} late")
    sys.exit(len(delays) != healthy or max(delays.values()) > PROMISED)


def seconds(span: timedelta) -> str:
    return f"{span / timedelta(seconds=1):.1f} s"


DUE_AT = text(f"""
    SELECT (session_date + start_time - interval '{MINUTES} minutes') AT TIME ZONE
           'Africa/Addis_Ababa' FROM tutor_sessions LIMIT 1""")


def alarms_of_one_second(
    conn: Connection, hanging: int, healthy: int, ahead_minutes: float
) -> set[int]:
    """Enter sessions whose alarms are all due `ahead_minutes` from now: `hanging` by e-mail, which
    come first, and `healthy` by webhook. Returns the people of the latter, as users.id."""
    start = in_wall_time(MINUTES + ahead_minutes)
    people = set[int]()
    tutor = a_tutor(conn)
    alarmed = {**start, "tutor_id": tutor, "alarm_enabled": True, "alarm_before_minutes": MINUTES}
    for _ in range(hanging):
        a_session(conn, student_id=a_student(conn), **alarmed)
    for _ in range(healthy):
        student = a_student(conn)
        a_session(conn, student_id=student, **alarmed)
        people |= {*conn.scalars(WISH, {"student": student})}
    conn.commit()
    return people


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
    """Longest time between two of these instants, in their order."""
    return max(after - before for before, after in pairwise(ticks))


if __name__ == "__main__":
    main()
