"""Celery tasks of planning: tick, sweep, expansion, backfill and upkeep (design, promise 8).

A Celery message carries at most an id; everything else is in the database.
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
from scheduler.reminders.telegram_chats import is_telegram_in_use
from scheduler.reminders.tick import tick as plan_due
from tasks import app, telemetry
from tasks.database import engine_now, site_catalog, worker_engine, worker_settings
from tasks.database.zones import follow_zones
from tasks.delivery.dispatch import hand_out, say_what_is_held
from tasks.failures.log_once import log_once, log_once_about
from tasks.failures.series import lines_about
from tasks.input_limits import LARGEST_ID, read_day

# A tick that waits for a lock of the site's keeps a process from delivering. The next tick comes in
# a second, and messages are planned a minute ahead.
SHORT_WAIT = text("SET LOCAL lock_timeout = '500ms'")


@app.task(name="tasks.planning.tick")
def tick() -> None:
    """Plan messages that fall due, and hand out due ones, even if the planning fails.

    Due messages were planned a minute ago, so a lock on the site's table must not delay them.
    """
    with telemetry.span("tick"):
        plan_and_hand_out()


def plan_and_hand_out() -> None:
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
    """Log that this machine's clock is wrong. The log's times depend on it, messages do not."""
    if words := clocks_apart(machine, database):
        log_once_about("clock", f"{words}: PostgreSQL's decides what is due. Set it by NTP.")


@app.task(name="tasks.planning.sweep")
def sweep() -> None:
    """Compare the ledger with the site, and recover messages that the broker or a worker lost."""
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
    """Fill the coming weeks; post backfills again whose Celery message was lost."""
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
    """Begin a backfill: `celery -A tasks call tasks.planning.backfill --kwargs '{"from": …,
    "until": …}'`, with "tutor", "session" and "refill_deleted" as further keys.

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
    """Fill one chunk and post a message for the rest, so that other tasks run between chunks."""
    engine = worker_engine()
    if fill_next_chunk(engine, worker_settings(), engine_now(engine), backfill_id):
        fill_chunk.delay(backfill_id)


# Takes some tenths of a second, so that a tick need not wait.
SLICES_A_TURN = 10


@app.task(name="tasks.planning.upkeep")
def upkeep(after: int = 0) -> None:
    """Remove deliveries older than KEEP_DAYS, once a day; `after`: the last delivery checked.

    Each run does a few slices and posts a message for the rest. If that is lost, beat's next
    message starts again.
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
        remove_rest(conn, before, settings.site_timezone)
        note_beat(conn, "upkeep", now)


@app.task(name="tasks.planning.watch")
def watch() -> None:
    """Begin the watch of ADMIN and HEARTBEAT_URL, where one of them is set."""
    settings = worker_settings()
    if settings.admin or settings.heartbeat_url:
        from tasks.alerts.watch import begin_watch  # Apprise is slow to import

        begin_watch()


@app.task(name="tasks.planning.read_chats")
def read_chats() -> None:
    """Begin to read the Telegram bot's updates, where a chat is linked or somebody was invited."""
    if not worker_settings().channel_telegram:
        return
    with worker_engine().begin() as conn:
        in_use = is_telegram_in_use(conn)
    if in_use:
        from tasks.telegram.reader import begin_reading  # Apprise is slow to import

        begin_reading()


KEYS = {"from", "until", "tutor", "session", "refill_deleted"}


def extent_of(wish: dict[str, Any]) -> Extent:
    """The Extent of {"from": "2026-09-01", "until": "2026-12-31", …}. Raises BackfillRefused."""
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
