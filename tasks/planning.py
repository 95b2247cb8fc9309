"""Planning as Celery runs it: tick, sweep, expansion and backfill (design, promise 8).

A message carries an id at most; everything else is in the database.
"""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import text

from models.catalog import with_taken_ids
from scheduler.database_clock import clocks_apart, database_now
from scheduler.expansion import expand as expand_once
from scheduler.expansion.admin.backfill import (
    BackfillRefused,
    Deleted,
    Extent,
    begin_backfill,
    fill_next_chunk,
    left_behind,
)
from scheduler.ledger.retention import is_time_for_upkeep, remove_rest, remove_slice
from scheduler.reminders.home import WrongDatabase, hold_elsewhere
from scheduler.reminders.id_doubt import hold_in_doubt
from scheduler.reminders.progress import note_beat
from scheduler.reminders.sweep import sweep as sweep_ledger
from scheduler.reminders.tick import tick as plan_due
from tasks import app
from tasks.database import engine_now, site_catalog, worker_engine, worker_settings
from tasks.database.zones import follow_zones
from tasks.delivery.dispatch import hand_out, say_what_is_held
from tasks.failures.log_once import log_once, log_once_about
from tasks.failures.series import lines_about
from tasks.input_limits import LARGEST_ID, read_day

# A tick that waits for the site's lock keeps a process from delivering, and the next one comes in a
# second: what it plans is due in a minute.
SHORT_WAIT = text("SET LOCAL lock_timeout = '500ms'")


@app.task(name="tasks.planning.tick")
def tick() -> None:
    """Plan what falls due, and hand out what is due: also where the former fails.

    It was planned a minute ahead; a lock on the site's table must not keep it from being sent.
    """
    engine, settings = worker_engine(), worker_settings()
    with engine.begin() as conn:
        now = database_now(conn)
        say_clocks_apart(datetime.now(UTC), now)
        if hold_elsewhere(conn):
            log_once(str(WrongDatabase()))
            return
    follow_zones(engine, settings)
    words = None
    try:
        with engine.begin() as conn:
            conn.execute(SHORT_WAIT)
            if words := hold_in_doubt(conn, site_catalog(engine), settings, now):
                log_once(f"Nothing is sent: {words}.")
                return
            catalog = with_taken_ids(conn, site_catalog(engine))
            changes = plan_due(conn, catalog, settings, now)
        say_what_is_held(changes)
    finally:
        if not words:
            hand_out(app, engine, settings, engine_now(engine))


def say_clocks_apart(machine: datetime, database: datetime) -> None:
    """Nothing goes wrong by it; but the log's own times do, and other software's."""
    if words := clocks_apart(machine, database):
        log_once_about("clock", f"{words}: what is due is judged by PostgreSQL's. Set it by NTP.")


@app.task(name="tasks.planning.sweep")
def sweep() -> None:
    """Hold the ledger against the site, and take back what the broker or a dead worker lost."""
    engine, settings = worker_engine(), worker_settings()
    with engine.begin() as conn:
        now = database_now(conn)
        if hold_elsewhere(conn) or hold_in_doubt(conn, site_catalog(engine), settings, now):
            return
        catalog = with_taken_ids(conn, site_catalog(engine))
        changes = sweep_ledger(conn, catalog, settings, now)
    say_what_is_held(changes)


@app.task(name="tasks.planning.expand")
def expand() -> None:
    """Fill the coming weeks; hand out what a lost message left of a backfill."""
    now = engine_now(worker_engine())
    report = expand_once(worker_engine(), worker_settings(), now)
    log_once(*lines_about(report.failed, worker_engine()))
    with worker_engine().begin() as conn:
        note_beat(conn, "expand", now)
        waiting = left_behind(conn)
    for backfill_id in waiting:
        fill_chunk.delay(backfill_id)


@app.task(name="tasks.planning.backfill")
def backfill(**wish: Any) -> int:
    """`celery -A tasks call tasks.planning.backfill --kwargs '{"from": …, "until": …}'`, with
    "tutor" or "session" where just theirs are to be filled, and "refill_deleted": true.

    Returns the backfill's id.

    Raises BackfillRefused, as the command does.
    """
    extent = extent_of(wish)
    with worker_engine().begin() as conn:
        backfill_id = begin_backfill(conn, extent)
    fill_chunk.delay(backfill_id)
    return backfill_id


@app.task(name="tasks.planning.fill_chunk")
def fill_chunk(backfill_id: int) -> None:
    """Fills one chunk, and passes the rest on: between two chunks others have their turn."""
    engine = worker_engine()
    if fill_next_chunk(engine, worker_settings(), engine_now(engine), backfill_id):
        fill_chunk.delay(backfill_id)


# Some tenths of a second; then a tick has its turn.
SLICES_A_TURN = 10


@app.task(name="tasks.planning.upkeep")
def upkeep(after: int = 0) -> None:
    """Remove what is older than KEEP_DAYS, once a day; `after`: the last delivery looked at.

    Each turn does a few slices and passes the rest on. Where that message is lost, the next
    message of beat begins anew.
    """
    engine, settings = worker_engine(), worker_settings()
    with engine.begin() as conn:
        now = database_now(conn)
        if not after and not is_time_for_upkeep(conn, now):
            return
    before = now - timedelta(days=settings.keep_days)
    for _ in range(SLICES_A_TURN):
        with engine.begin() as conn:
            removed = remove_slice(conn, before, settings.site_timezone, after)
        if removed.last_id is None:
            break
        after = removed.last_id
    else:
        upkeep.delay(after)
        return
    with engine.begin() as conn:
        remove_rest(conn, before)
        note_beat(conn, "upkeep", now)


KEYS = {"from", "until", "tutor", "session", "refill_deleted"}


def extent_of(wish: dict[str, Any]) -> Extent:
    """{"from": "2026-09-01", "until": "2026-12-31", …} → Extent."""
    if unknown := wish.keys() - KEYS:
        raise BackfillRefused(
            f"unknown {', '.join(sorted(unknown))}: give from, until, tutor, session,"
            " refill_deleted."
        )
    if not {"from", "until"} <= wish.keys():
        raise BackfillRefused('give "from" and "until" as dates: 2026-09-01.')
    deleted = Deleted.REFILL if wish.get("refill_deleted") is True else Deleted.STAY
    return Extent(
        day_of(wish["from"]), day_of(wish["until"]),
        id_of("tutor", wish.get("tutor")), id_of("session", wish.get("session")), deleted,
    )  # fmt: skip


def day_of(value: object) -> date:
    try:
        return read_day(str(value))
    except ValueError as error:
        raise BackfillRefused(f"{error}.") from None


def id_of(name: str, value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= LARGEST_ID:
        return value
    raise BackfillRefused(f"{name} {value!r} is no id: give a number.")
