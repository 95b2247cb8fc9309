"""One round by hand: plan, claim and deliver in this process (`celery -A tasks remind`)."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import current_thread, main_thread

from sqlalchemy import Connection

from models.catalog import with_taken_ids
from scheduler.database_clock import Clock, database_now, running_clock
from scheduler.reminders.changes import Changes
from scheduler.reminders.home import WrongDatabase, hold_elsewhere, refuse_other_address
from scheduler.reminders.id_doubt import WhoseIds, hold_in_doubt
from scheduler.reminders.moves.claims import Waiting, claim, count_due
from scheduler.reminders.moves.follow_site import try_again
from scheduler.reminders.sweep import sweep_by_hand
from tasks.database import site_catalog
from tasks.delivery.batch import work_through
from tasks.delivery.dispatch import say_what_is_held
from tasks.delivery.stop import Stop
from tasks.delivery.tally import Tally
from tasks.delivery.tools import Tools

FOREVER = timedelta.max


@dataclass(frozen=True, slots=True)
class Left:
    """Numbers of ledger rows that were not begun. `released`: claimed and released again; `due`:
    all that are due now, including the released ones that no worker has taken."""

    released: int
    due: int


@dataclass(frozen=True, slots=True)
class RemindReport:
    """Numbers of ledger rows that one round changed.

    `planned`: made or brought back, in whatever state they are now; one that a nearer lead replaced
    counts as `obsolete` too, one that the flood guard held in no other number. `unanswered`: handed
    over and never answered. `left`: rows that were not begun where a signal stopped the round, else
    None.
    """

    as_of: datetime
    planned: int
    sent: int
    failed: int
    expired: int
    obsolete: int
    unreachable: int
    unanswered: int
    left: Left | None = None


def tell_nobody(_done: int, _total: int) -> None:
    """Shows nothing."""


def remind(
    tools: Tools, as_of: datetime | None, tell: Callable[[int, int], None] = tell_nobody
) -> RemindReport:
    """Plan and send due messages as if it were `as_of`; None: the present, read for each message.
    `tell` takes the number of messages that were worked on, and of those that were due.

    Safe to run beside workers and other rounds. Waits for a channel's rate. Raises WrongDatabase,
    and WhoseIds.
    """
    with tools.engine.begin() as conn:
        clock = clock_of(conn, as_of)
        now = clock()
        planned = plan_by_hand(conn, tools, now)
    if not isinstance(planned, Changes):
        raise planned
    say_what_is_held(planned)
    with stopped_by_signals() as stop:
        tally = deliver_until(tools, clock, stop, tell)
    left = left_undone(tools, clock(), tally) if stop.asked else None
    return report(now, planned, tally, left)


def clock_of(conn: Connection, as_of: datetime | None) -> Clock:
    """A clock that stands at `as_of`, or the database's where that is None."""
    return (lambda: as_of) if as_of else running_clock(conn)


def plan_by_hand(
    conn: Connection, tools: Tools, now: datetime
) -> Changes | WrongDatabase | WhoseIds:
    """Plan messages due by `now`. Returns the exception where nothing may be sent, to be raised
    after the held messages are committed. Raises WrongDatabase where nothing is held."""
    refuse_other_address(conn)
    if hold_elsewhere(conn):
        return WrongDatabase()
    catalog = site_catalog(tools.engine)
    doubt = hold_in_doubt(conn, catalog, tools.settings, database_now(conn))
    if doubt is not None:
        return WhoseIds(doubt)
    return sweep_by_hand(conn, with_taken_ids(conn, catalog), tools.settings, now)


@contextmanager
def stopped_by_signals() -> Iterator[Stop]:
    """Turn TERM and Ctrl-C into a stop request: no further message is begun, begun ones are
    recorded."""
    stop = Stop()
    if current_thread() is not main_thread():
        yield stop
        return
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = [signal.signal(number, lambda *_: stop.ask()) for number in numbers]
    try:
        yield stop
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def deliver_until(
    tools: Tools, clock: Clock, stop: Stop, tell: Callable[[int, int], None] = tell_nobody
) -> Tally:
    """Claim and deliver until nothing is due, or a signal says to stop."""
    settings, tally = tools.settings, Tally()
    lease = timedelta(seconds=settings.lease_seconds)
    with tools.engine.connect() as conn:
        due = count_due(conn, clock())
    while not stop.asked:
        with tools.engine.begin() as conn:
            try_again(conn, clock())  # messages that one channel refused go by the next at once
            batches = claim(conn, clock(), 1, settings.claim_batch, lease, Waiting.ALL)
        if not batches:
            return tally
        tally += work_through(tools, batches[0], clock, FOREVER, stop)
        tell(tally.all, max(due, tally.all))
    return tally


def left_undone(tools: Tools, now: datetime, tally: Tally) -> Left:
    with tools.engine.begin() as conn:
        return Left(tally.released, count_due(conn, now))


def report(now: datetime, changes: Changes, tally: Tally, left: Left | None = None) -> RemindReport:
    """The report of a round at `now`, from its pass and its deliveries."""
    return RemindReport(
        as_of=now,
        planned=len(changes.made),
        sent=tally.sent,
        failed=tally.failed,
        expired=len(changes.expired) + tally.expired,
        obsolete=len(changes.obsolete) + tally.obsolete,
        unreachable=tally.unreachable,
        unanswered=tally.unknown,
        left=left,
    )
