"""A claimed batch, delivered over a few connections at once.

A message waits for the disk once and for its provider twice; meanwhile others go on their way.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta

from scheduler.database_clock import Clock
from scheduler.reminders.moves.claims import Batch
from scheduler.settings import Settings
from tasks.delivery.lease import kept_lease
from tasks.delivery.log_outbox import write_to_log
from tasks.delivery.outbox import Outbox, outbox_of
from tasks.delivery.permits import Permits
from tasks.delivery.sender import Sender, Snapshot, Work, take_snapshot
from tasks.delivery.tally import Tally
from tasks.delivery.tools import Tools

# Connections of a worker process, to the database and to each provider; and how many messages make
# one more worth its beginning.
CONNECTIONS = 4
MESSAGES_EACH = 8
# Messages a second: below it a channel keeps order on one connection, and loses nothing by it.
SLOW = 20

Messages = Sequence[Sequence[int]]


def work_through(tools: Tools, batch: Batch, clock: Clock, patience: timedelta) -> Tally:
    """Deliver what is left of the batch.

    `clock` is read afresh before each message. `patience`: the longest wait for a place within a
    channel's rate; beyond it a message goes back to the ledger.
    """
    permits = Permits(tools.channels, tools.settings.channels, patience)
    work = Work(tools, batch.holder, clock, permits)
    with kept_lease(tools.engine, batch.holder, work.lease):
        with tools.engine.begin() as conn:
            snapshot = take_snapshot(conn, work, batch.ids)
        if outbox_of(tools.settings) is Outbox.LOG:
            return write_to_log(work, snapshot)
        parts = shares(snapshot.messages, connections(tools.settings))
        return sum(deliver_shares(work, snapshot, parts), Tally())


def connections(settings: Settings) -> int:
    """One where a channel is slow: several would race for its places, past the soonest start."""
    rates = [each.rate for each in settings.channels.values() if each.rate is not None]
    return 1 if any(rate.count / rate.per.total_seconds() < SLOW for rate in rates) else CONNECTIONS


def shares(messages: Messages, connections: int = CONNECTIONS) -> list[Messages]:
    """The messages dealt out, so that all shares begin with the soonest."""
    count = min(connections, -(-len(messages) // MESSAGES_EACH))
    return [messages[first::count] for first in range(count)]


def deliver_shares(work: Work, snapshot: Snapshot, parts: list[Messages]) -> list[Tally]:
    """Raises the first error of a share when all have ended."""
    if len(parts) == 1:
        return [deliver_share(work, snapshot, parts[0])]
    with ThreadPoolExecutor(max(len(parts), 1)) as pool:
        return [*pool.map(lambda part: deliver_share(work, snapshot, part), parts)]


def deliver_share(work: Work, snapshot: Snapshot, messages: Messages) -> Tally:
    with ExitStack() as stack:
        for channel in work.tools.channels.values():
            stack.enter_context(channel.open())
        conn = stack.enter_context(work.tools.engine.connect())
        sender = Sender(work, conn, snapshot)
        sender.deliver(messages)
        return sender.tally
