"""Checks that beat, planners and workers are running (promise 8)."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from sqlalchemy import text

from scheduler.doctor.patient import Patient
from scheduler.finding import Finding, error, warning
from scheduler.reminders.channel_pauses import EVERY_CHANNEL, paused_channels
from scheduler.words import duration, many

# Longest silence of a part that runs periodically: many times its period.
SILENCE: Mapping[str, timedelta] = {
    "tick": timedelta(seconds=30),
    "sweep": timedelta(minutes=2),
    "expand": timedelta(minutes=10),
    "upkeep": timedelta(days=3),
}
WORK: Mapping[str, str] = {
    "tick": "nothing is planned or handed out",
    "sweep": "changes are not followed, and lost messages are not recovered",
    "expand": "rules are not filled",
    "upkeep": "what is older than KEEP_DAYS is not removed",
}
START = "start beat and a worker: celery -A tasks beat, celery -A tasks worker -Q planning,delivery"

# A handful of rows.
BEATS = text("SELECT name, beat_at FROM session_worker.heartbeat ORDER BY name")


def check_beats(patient: Patient) -> Iterator[Finding]:
    """Parts without a recent heartbeat. A worker that was just set up is a warning, no error."""
    beats = {row.name: row.beat_at for row in patient.conn.execute(BEATS)}
    if "tick" not in beats:
        yield warning("never_ticked", "beat has not ticked on this ledger yet", START)
    yield from never_expanded(patient, beats)
    for name, beat_at in beats.items():
        silence = patient.now - beat_at
        if name in SILENCE and silence > SILENCE[name]:
            detail = f"the last {name} was {duration(silence)} ago: {WORK[name]}"
            yield error(f"{name}_stopped", detail, START)


# One row.
FIRST_TICK = text("SELECT first_tick_at FROM session_worker.installation")


def never_expanded(patient: Patient, beats: Mapping[str, datetime]) -> Iterator[Finding]:
    """Beat ticks, but no expansion has ever succeeded."""
    if "tick" not in beats or "expand" in beats:
        return
    first_tick_at = patient.conn.scalar(FIRST_TICK)
    if first_tick_at is not None and patient.now - first_tick_at > SILENCE["expand"]:
        detail = f"no expansion has succeeded yet: {WORK['expand']}"
        yield error("never_expanded", detail, "celery -A tasks expand says what is in its way")


# Workers take a pulse or a batch from their queue at least every thirty seconds.
DELIVERY_SILENCE = timedelta(minutes=2)
# A handful of rows.
WORKERS = text("""
    SELECT max(h.beat_at) FILTER (WHERE h.name = 'tick') AS ticked_at,
           greatest(max(h.beat_at) FILTER (WHERE h.name = 'delivery'), max(i.first_tick_at))
               AS taken_at
      FROM session_worker.installation i LEFT JOIN session_worker.heartbeat h ON true""")


def check_delivery(patient: Patient) -> Iterator[Finding]:
    """Beat ticks, but no worker takes anything from the queue of deliveries."""
    row = patient.conn.execute(WORKERS).one()
    if row.ticked_at is None or row.taken_at is None:
        return
    silence = patient.now - row.taken_at
    if silence > DELIVERY_SILENCE and patient.now - row.ticked_at <= SILENCE["tick"]:
        detail = f"no worker has taken from the queue delivery for {duration(silence)}"
        yield error("delivery_stopped", f"{detail}: nothing is sent", SERVE)


SERVE = "celery -A tasks worker -Q delivery"

LATE = timedelta(minutes=1)
TOO_LATE = timedelta(minutes=5)

# Index: delivery_ready.
OVERDUE = text("""
    SELECT count(*) AS messages, min(send_after) AS since FROM session_worker.delivery
     WHERE state = 'planned' AND send_after < :before""")


def check_overdue(patient: Patient) -> Iterator[Finding]:
    """Messages that are overdue and unsent. None while every channel is paused."""
    if EVERY_CHANNEL in paused_channels(patient.conn):
        return
    row = patient.conn.execute(OVERDUE, {"before": patient.now - LATE}).one()
    if not row.messages:
        return
    late = patient.now - row.since
    find = error if late > TOO_LATE else warning
    detail = f"{many(row.messages, 'message')} due and unsent, the oldest for {duration(late)}"
    yield find("overdue", detail, START)
