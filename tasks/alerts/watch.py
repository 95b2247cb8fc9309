"""The watch, once a minute: new errors and the digest to ADMIN, then the call of HEARTBEAT_URL.

It runs in a thread of a planning process: a mail server that hangs must not keep a tick waiting.
A thread that ends with its process leaves a claim in the ledger, which lapses.
"""

import logging
from datetime import datetime
from threading import Lock, Thread

from sqlalchemy import Connection, Engine

from models.catalog import with_taken_ids
from models.taken_ids import taken_ids
from scheduler.alerts.admin_messages import (
    AdminMessage,
    claim_messages,
    end_message,
    make_digest,
    try_later,
)
from scheduler.alerts.errors import note_errors
from scheduler.alerts.liveness import all_live
from scheduler.database_clock import database_now
from scheduler.doctor import errors_of_database
from scheduler.reminders.home import is_elsewhere
from scheduler.settings import OutboxMode, Settings
from scheduler.turns import try_watch_turn
from tasks.alerts.heartbeat import call_heartbeat
from tasks.alerts.letters import digest_letter, errors_letter
from tasks.alerts.unreached import coming_week
from tasks.channels.admin_way import admin_way
from tasks.channels.configured import channels_of
from tasks.channels.outcome import Outcome, Result
from tasks.database import site_catalog, worker_engine, worker_settings
from tasks.failures.known import failure_of
from tasks.failures.log_once import log_once
from tasks.messages.letter import Letter

logger = logging.getLogger(__name__)
UNDER_WAY = Lock()
CUT_OFF = "its process ended during a try"


def begin_watch() -> None:
    """Start a watch in a thread of this process, unless one is under way there."""
    if UNDER_WAY.acquire(blocking=False):
        Thread(target=run, daemon=True).start()


def run() -> None:
    try:
        watch(worker_engine(), worker_settings())
    except Exception as error:
        if (failure := failure_of(error)) is None:
            logger.exception("The watch has failed")
        else:
            log_once(*failure.lines)
    finally:
        UNDER_WAY.release()


def watch(engine: Engine, settings: Settings) -> None:
    """Record what is new for the admin, send it, and give the sign of life if all parts live."""
    if settings.admin:
        with engine.begin() as conn:
            if try_watch_turn(conn):
                note(conn, settings, database_now(conn))
        send_waiting(engine, settings)
    if settings.heartbeat_url and settings.outbox.mode is OutboxMode.LIVE:
        with engine.connect() as conn:
            live = all_live(conn, database_now(conn)) and not is_elsewhere(conn)
        if live:
            call_heartbeat(settings.heartbeat_url)


def note(conn: Connection, settings: Settings, now: datetime) -> None:
    """Make messages of new errors, and the digest where it is due. The caller commits."""
    note_errors(conn, errors_of_database(conn, settings, now), now)
    if not is_elsewhere(conn) and taken_ids(conn).doubt is None:
        make_digest(conn, now, settings.zone)


def send_waiting(engine: Engine, settings: Settings) -> None:
    """Send the messages that wait, each under a lease that is committed before."""
    with engine.begin() as conn:
        waiting = claim_messages(conn)
    for message in waiting:
        letter = worded(engine, settings, message)
        outcome, words, again = result_of(settings, message, letter)
        with engine.begin() as conn:
            if again:
                try_later(conn, message, words or outcome)
            else:
                end_message(conn, message, outcome, words)


def worded(engine: Engine, settings: Settings, message: AdminMessage) -> Letter | None:
    """The letter, or None where there is nothing to say."""
    if message.kind == "errors":
        return errors_letter(message.findings, message.made_at, settings.zone)
    with engine.connect() as conn:
        catalog = with_taken_ids(conn, site_catalog(engine))
        now = database_now(conn)
        week = coming_week(conn, catalog, settings, channels_of(settings), now)
    return digest_letter(week, settings.zone)


def result_of(
    settings: Settings, message: AdminMessage, letter: Letter | None
) -> tuple[str, str | None, bool]:
    """Send the letter once. Returns the outcome, its words, and whether it is to be tried again."""
    if letter is None:
        return "nothing", None, False
    way = admin_way(settings)
    if way is None:
        logger.info("To ADMIN, with OUTBOX=%s: %s", settings.outbox.mode, letter.title)
        return "logged", None, False
    if message.was_cut_off and not way.repeats:
        return "unknown", CUT_OFF, False
    sent = way.send(letter, message.key, message.at)
    if sent.result is Result.SENT:
        return "sent", sent.words, False
    log_once(f"A message to ADMIN did not arrive: {sent.words}")
    return sent.result.value, sent.words, is_tried_again(sent, message, repeats=way.repeats)


def is_tried_again(sent: Outcome, message: AdminMessage, *, repeats: bool) -> bool:
    """Whether another try does no harm, and the message is still news."""
    return not message.is_old and (sent.result is Result.FAILED or repeats)
