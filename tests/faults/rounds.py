"""Fixtures of tests with real workers: a beat that sweeps every second, and sessions that begin
soon."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import Event, Thread
from zoneinfo import ZoneInfo

from celery import Celery
from sqlalchemy import Connection, text

from tests.sinks.smtp import SmtpSink

ADDIS = ZoneInfo("Africa/Addis_Ababa")
# The longest time from the end of a trouble to the first message (design, "A year later").
BACK_SECONDS = 20


@contextmanager
def quick_beat(broker: str) -> Iterator[None]:
    """Posts `tick` and `sweep` twice a second, to whichever worker takes them."""
    done = Event()
    thread = Thread(target=_post_until, args=(broker, done))
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _post_until(broker: str, done: Event) -> None:
    with Celery(broker=broker) as app:
        while not done.wait(0.5):
            for name in ("sweep", "tick"):
                app.send_task(f"tasks.planning.{name}", queue="planning", expires=2)


def after_the_first_tick(conn: Connection) -> None:
    """A ledger in use since yesterday, so that overdue messages are sent."""
    conn.execute(
        text(
            "UPDATE session_worker.installation SET first_tick_at = now() - interval '1 day',"
            " ticked_at = now(), planned_until = now()"
        )
    )
    conn.commit()


def in_wall_time(minutes: float) -> dict[str, object]:
    """A session's columns for a start so many minutes from now, on a whole second."""
    start = datetime.now(ADDIS) + timedelta(minutes=minutes)
    wall = start.replace(microsecond=0, tzinfo=None)
    return {"session_date": wall.date(), "start_time": wall.time(), "end_time": None}


def count(conn: Connection, state: str) -> int:
    return states(conn)[state]


def states(conn: Connection) -> Counter[str]:
    """The number of messages in each state."""
    conn.rollback()
    return Counter(conn.scalars(text("SELECT state FROM session_worker.delivery")))


def mail_channel(sink: SmtpSink) -> dict[str, str]:
    return {
        "CHANNEL_EMAIL": f"mailto://{sink.host}:{sink.port}?from=worker@tutoring.example&to={{email}}"
    }
