"""One round by hand: plan, claim and deliver in this process (`celery -A tasks remind`)."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import current_thread, main_thread

from models.catalog import with_taken_ids
from scheduler.database_clock import Clock, running_clock
from scheduler.reminders.changes import Changes
from scheduler.reminders.home import WrongDatabase, hold_elsewhere, refuse_other_address
from scheduler.reminders.id_doubt import WhoseIds, hold_in_doubt
from scheduler.reminders.moves.claims import Waiting, claim
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
class RemindReport:
    """Ledger rows that one round changed. `planned` counts those made or brought back, whatever
    became of them then; one that a nearer lead replaced is `obsolete` as well, one that the flood
    guard held is in no other count. `unanswered`: handed over, and nothing was heard of it."""

    as_of: datetime
    planned: int
    sent: int
    failed: int
    expired: int
    obsolete: int
    unreachable: int
    unanswered: int


def remind(tools: Tools, as_of: datetime | None) -> RemindReport:
    """Plan and send what is due, as if it were `as_of`; None: now, read afresh for each message.

    Safe to run beside workers and other rounds. Waits for a channel's rate. Raises WrongDatabase.
    """
    with tools.engine.begin() as conn:
        clock: Clock = (lambda: as_of) if as_of else running_clock(conn)
        now = clock()
        refuse_other_address(conn)
        elsewhere = hold_elsewhere(conn)
        changes, doubt = Changes(), None
        if not elsewhere:
            catalog = site_catalog(tools.engine)
            doubt = hold_in_doubt(conn, catalog, tools.settings, running_clock(conn)())
        if not elsewhere and doubt is None:
            catalog = with_taken_ids(conn, catalog)
            changes = sweep_by_hand(conn, catalog, tools.settings, now)
    if elsewhere:
        raise WrongDatabase
    if doubt is not None:
        raise WhoseIds(doubt)
    say_what_is_held(changes)
    return report(now, changes, deliver_all(tools, clock))


@contextmanager
def stopped_by_signals() -> Iterator[Stop]:
    """TERM or Ctrl-C: no message is begun any more, and what was begun is recorded."""
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


def deliver_all(tools: Tools, clock: Callable[[], datetime]) -> Tally:
    """Claim and deliver until nothing is due, or a signal says to stop."""
    with stopped_by_signals() as stop:
        return deliver_until(tools, clock, stop)


def deliver_until(tools: Tools, clock: Callable[[], datetime], stop: Stop) -> Tally:
    settings, tally = tools.settings, Tally()
    lease = timedelta(seconds=settings.lease_seconds)
    while not stop.asked:
        with tools.engine.begin() as conn:
            try_again(conn, clock())  # what one channel refused goes by the next at once
            batches = claim(conn, clock(), 1, settings.claim_batch, lease, Waiting.ALL)
        if not batches:
            return tally
        tally += work_through(tools, batches[0], clock, FOREVER, stop)
    return tally


def report(now: datetime, changes: Changes, tally: Tally) -> RemindReport:
    return RemindReport(
        as_of=now,
        planned=len(changes.made),
        sent=tally.sent,
        failed=tally.failed,
        expired=len(changes.expired) + tally.expired,
        obsolete=len(changes.obsolete) + tally.obsolete,
        unreachable=tally.unreachable,
        unanswered=tally.unknown,
    )
