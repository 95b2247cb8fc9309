"""Progress of planning (the single row of `installation`), and heartbeats."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class Progress:
    """Progress of planning; instants are aware.

    `planned_until`: due times up to here have been planned. `alarm_leads`: leads in use, minutes.
    """

    first_tick_at: datetime | None
    planned_until: datetime | None
    ticked_at: datetime | None
    alarm_leads: Sequence[int]


PROGRESS = text("""
    SELECT first_tick_at, planned_until, ticked_at, alarm_leads
      FROM session_worker.installation""")


def progress(conn: Connection) -> Progress:
    """The progress recorded by the last tick."""
    return Progress(*conn.execute(PROGRESS).one())


NOTE_TICK = text("""
    UPDATE session_worker.installation
       SET first_tick_at = coalesce(first_tick_at, :now), ticked_at = :now,
           planned_until = :planned_until""")


def note_tick(conn: Connection, now: datetime, planned_until: datetime) -> None:
    """Record a tick at `now` that planned due times up to `planned_until`; the caller commits."""
    conn.execute(NOTE_TICK, {"now": now, "planned_until": planned_until})
    note_beat(conn, "tick", now)


PLAN_ALL_ANEW = text("UPDATE session_worker.installation SET planned_until = NULL")


def plan_all_anew(conn: Connection) -> None:
    """Have the next tick, or that of this transaction, compare the whole ledger with the site."""
    conn.execute(PLAN_ALL_ANEW)


NOTE_ALARM_LEADS = text("""
    UPDATE session_worker.installation SET alarm_leads = CAST(:minutes AS integer[])
     WHERE alarm_leads <> CAST(:minutes AS integer[])""")


def note_alarm_leads(conn: Connection, minutes: Sequence[int]) -> None:
    """Record the leads of alarms in use, in minutes, for the next ticks."""
    conn.execute(NOTE_ALARM_LEADS, {"minutes": [*minutes]})


BEAT_OF = text("SELECT beat_at FROM session_worker.heartbeat WHERE name = :name")


def beat_of(conn: Connection, name: str) -> datetime | None:
    """Time of the last heartbeat of a part such as "tick"; None if there was none."""
    at: datetime | None = conn.scalar(BEAT_OF, {"name": name})
    return at


NOTE_BEAT = text("""
    INSERT INTO session_worker.heartbeat (name, beat_at) VALUES (:name, :now)
    ON CONFLICT (name) DO UPDATE SET beat_at = excluded.beat_at""")


def note_beat(conn: Connection, name: str, now: datetime) -> None:
    """Record a heartbeat of a part that runs periodically."""
    conn.execute(NOTE_BEAT, {"name": name, "now": now})
