"""A provider that hangs delays neither other channels' messages nor planning."""

from datetime import timedelta

import pytest
from sqlalchemy import Connection, text

from tests.eventually import eventually
from tests.faults.rounds import after_the_first_tick, count, mail_channel, quick_beat
from tests.faults.slow_provider import alarms_of_one_second, longest_gap, watched_ticks
from tests.sinks.http import HttpSink
from tests.sinks.smtp import SmtpSink
from tests.tasks.worker.run import running

pytestmark = pytest.mark.long

HANGING, HEALTHY = 120, 20
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
        healthy = alarms_of_one_second(conn, HANGING, HEALTHY, ahead_minutes=0.1)
        with quick_beat(valkey), watched_ticks(database) as ticks:
            eventually(lambda: count(conn, "sent") == HANGING + HEALTHY)

    reached = [int(request.json["person"]) for request in http_sink.requests]
    assert {*reached[:HEALTHY]} == healthy
    assert len(reached) == HANGING + HEALTHY  # those by e-mail took the next channel, in time
    assert longest_gap(ticks) < LONGEST_GAP
    assert down(conn) == ["email"]


def down(conn: Connection) -> list[str]:
    conn.rollback()
    found = conn.scalars(
        text("SELECT channel FROM session_worker.channel_trouble WHERE down_since IS NOT NULL")
    )
    return [*found]
