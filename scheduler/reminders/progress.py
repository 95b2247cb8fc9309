"""Progress of planning: the one row of `installation`, and the heartbeats."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class Progress:
    """`planned_until`: due times up to here have been planned. `alarm_leads`: minutes in use."""

    first_tick_at: datetime | None
    planned_until: datetime | None
    ticked_at: datetime | None
    alarm_leads: Sequence[int]


PROGRESS = text("""
    SELECT first_tick_at, planned_until, ticked_at, alarm_leads
      FROM session_worker.installation""")


def progress(conn: Connection) -> Progress:
    return Progress(*conn.execute(PROGRESS).one())


NOTE_TICK = text("""
    UPDATE session_worker.installation
       SET first_tick_at = coalesce(first_tick_at, :now), ticked_at = :now,
           planned_until = :planned_until""")


def note_tick(conn: Connection, now: datetime, planned_until: datetime) -> None:
    conn.execute(NOTE_TICK, {"now": now, "planned_until": planned_until})
    note_beat(conn, "tick", now)


NOTE_ALARM_LEADS = text("""
    UPDATE session_worker.installation SET alarm_leads = CAST(:minutes AS integer[])
     WHERE alarm_leads <> CAST(:minutes AS integer[])""")


def note_alarm_leads(conn: Connection, minutes: Sequence[int]) -> None:
    conn.execute(NOTE_ALARM_LEADS, {"minutes": [*minutes]})


BEAT_OF = text("SELECT beat_at FROM session_worker.heartbeat WHERE name = :name")


def beat_of(conn: Connection, name: str) -> datetime | None:
    """The last sign of life of a part, if it ever gave one."""
    at: datetime | None = conn.scalar(BEAT_OF, {"name": name})
    return at


NOTE_BEAT = text("""
    INSERT INTO session_worker.heartbeat (name, beat_at) VALUES (:name, :now)
    ON CONFLICT (name) DO UPDATE SET beat_at = excluded.beat_at""")


def note_beat(conn: Connection, name: str, now: datetime) -> None:
    """A sign of life of a part that runs again and again."""
    conn.execute(NOTE_BEAT, {"name": name, "now": now})
