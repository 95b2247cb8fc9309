"""Proof that beat, planners and workers all live, by what each did lately (HEARTBEAT_URL).

Ticks and sweeps prove beat and a planner; a pulse through the delivery queue, or a batch taken from
it, proves a worker. One queue without a worker is enough to be silent.
"""

from datetime import datetime

from sqlalchemy import Connection, text

from scheduler.doctor.life import DELIVERY_SILENCE, SILENCE

LIMITS = {"tick": SILENCE["tick"], "sweep": SILENCE["sweep"], "delivery": DELIVERY_SILENCE}

# A handful of rows.
BEATS = text("SELECT name, beat_at FROM session_worker.heartbeat WHERE name = ANY(:names)")


def all_live(conn: Connection, now: datetime) -> bool:
    """True where each part has answered recently. `now` is the database's clock."""
    beats = {row.name: row.beat_at for row in conn.execute(BEATS, {"names": [*LIMITS]})}
    return all(name in beats and now - beats[name] <= limit for name, limit in LIMITS.items())
