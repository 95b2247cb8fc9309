"""Sending of a claimed batch: sorted by channel, over a few connections of each at the same time.

A message waits once for the disk and twice for its provider, while others are sent in parallel. A
share is the part of a batch that one connection sends, in a thread of its own.
"""

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Condition, Thread

from sqlalchemy.exc import SQLAlchemyError

from scheduler.database_clock import Clock
from scheduler.reminders.begun_batches import note_begun, note_ended
from scheduler.reminders.moves.channel_queue import queue_up
from scheduler.reminders.moves.claims import CLAIM, Batch, release, take_up
from scheduler.reminders.mute_links import make_links
from scheduler.settings import ChannelName, OutboxMode
from tasks import telemetry
from tasks.database import ServerUnreachable
from tasks.database.zones import follow_zones
from tasks.delivery.decision import Send, decide
from tasks.delivery.lanes import Lanes, UnderWay
from tasks.delivery.lease import KeptLease
from tasks.delivery.log_outbox import write_to_log
from tasks.delivery.permits import Permits
from tasks.delivery.sender import Sender, Snapshot, Work, take_snapshot, ways_of
from tasks.delivery.stop import POLL_SECONDS, Stop
from tasks.delivery.tally import Tally
from tasks.delivery.tools import Tools

logger = logging.getLogger(__name__)

# Messages for which a further connection is worth its set-up time.
MESSAGES_EACH = 8
RELEASE_AGAIN_SECONDS = 0.25

Messages = Sequence[Sequence[int]]


@dataclass(eq=False)
class Run:
    """A batch under way. `open_shares`: number of unfinished shares, guarded by `changed`.

    `then`: called with the channel of each share that has ended.
    """

    work: Work
    batch: Batch
    lanes: Lanes
    lease: KeptLease
    then: Callable[[ChannelName], None]
    tally: Tally = field(default_factory=Tally)
    error: Exception | None = None
    open_shares: int = 1
    ended: bool = False
    senders: list[Sender] = field(default_factory=list)
    changed: Condition = field(default_factory=Condition)

    def wait(self, seconds: float | None) -> bool:
        """Wait until all shares have ended; False where they have not within `seconds`.

        None waits without limit. Raises the first error of a share.
        """
        with self.changed:
            self.changed.wait_for(lambda: self.ended, seconds)
        if self.error is not None:
            raise self.error
        return self.ended

    def wait_or_stop(self, stop: Stop) -> None:
        """Wait until all shares have ended, or a stop is requested."""
        with self.changed:
            while not self.ended and not stop.asked:
                self.changed.wait(POLL_SECONDS)

    def begin_share(self) -> None:
        with self.changed:
            self.open_shares += 1

    def end_share(self) -> None:
        """Count a share as ended. After the last one, rows that were not begun are released."""
        with self.changed:
            self.open_shares -= 1
            last = self.open_shares == 0
        if last:
            self.give_back()
            self.lease.leave()
            self.lanes.under_way.discard(self)
            with self.changed:
                self.ended = True
                self.changed.notify_all()

    def give_back(self) -> None:
        """Release all rows that were not begun to other workers (claimed → planned)."""
        released = release_left(self.work, self.batch)
        with self.changed:
            self.tally += Tally(released=released)

    def look_after(self) -> None:
        """Of a provider that hangs: see Sender.look_after."""
        for sender in list(self.senders):
            released = sender.look_after()
            with self.changed:
                self.tally += Tally(released=released)

    def give_up(self) -> None:
        """Record messages without an answer yet, as the process ends before they get one."""
        for sender in list(self.senders):
            given_up = sender.give_up()
            with self.changed:
                self.tally += given_up


def finish(runs: Sequence[UnderWay], stop: Stop) -> None:
    """Finish the batches after a stop request: release rows that were not begun, wait for answers
    as long as there is time, and record messages that got none."""
    steps: Sequence[Callable[[UnderWay], object]] = (
        lambda run: run.give_back(),
        lambda run: run.wait(max(0.0, stop.seconds_left)),
        lambda run: run.give_up(),
    )
    for step in steps:
        for run in runs:
            with suppress(Exception):  # so that the other batches are finished too
                step(run)


def nothing(_: ChannelName) -> None:
    """Callback that does nothing."""


def work_through(tools: Tools, batch: Batch, clock: Clock, patience: timedelta,
                 stop: Stop | None = None) -> Tally:  # fmt: skip
    """Deliver the batch and wait for its end. See `begin`."""
    stop = stop or Stop()
    run = begin(tools, batch, clock, patience, Lanes(tools.settings.channels), stop)
    run.wait_or_stop(stop)
    if not run.ended:
        finish([run], stop)
    if run.error is not None:
        raise run.error
    return run.tally


def begin(
    tools: Tools,
    batch: Batch,
    clock: Clock,
    patience: timedelta,
    lanes: Lanes,
    stop: Stop,
    then: Callable[[ChannelName], None] = nothing,
) -> Run:
    """Begin to deliver those of the batch's rows that are still held; threads continue afterwards.

    `clock` is read before each message. `patience`: the longest wait for a channel's rate; beyond
    it a message is postponed. Rows that were not begun are released at the end or after an error.
    """
    permits = Permits(tools.channels, tools.settings.channels, patience, stop)
    work = Work(tools, batch.holder, clock, permits, stop, lanes.commits)
    run = Run(work, batch, lanes, KeptLease(tools.engine, batch.holder, work.lease), then)
    run.lease.keep(run.look_after)
    lanes.under_way.add(run)
    try:
        follow_zones(tools.engine, tools.settings)
        with tools.engine.begin() as conn:
            if not take_up(conn, batch.holder, work.lease):
                return run
            note_begun(conn, batch.holder)
            if tools.settings.mute_url:
                make_links(conn, batch.ids)
        with tools.engine.begin() as conn:
            snapshot = take_snapshot(conn, work, batch.ids)
        if tools.settings.outbox.mode is OutboxMode.LOG:
            run.tally += write_to_log(work, snapshot)
        else:
            send_all(run, snapshot)
    finally:
        run.end_share()
    return run


def release_left(work: Work, batch: Batch) -> int:
    """Release the rows that were not begun, with further tries while the database is restarting.
    Returns their number."""
    limit = time.monotonic() + CLAIM.total_seconds()
    while True:
        try:
            with work.tools.engine.begin() as conn:
                note_ended(conn, batch.holder)
                return len(release(conn, batch))
        except (SQLAlchemyError, ServerUnreachable):
            if time.monotonic() > limit or work.stop.asked:
                return 0  # the lease has lapsed, or lapses soon
            time.sleep(RELEASE_AGAIN_SECONDS)


def send_all(run: Run, snapshot: Snapshot) -> None:
    """Start a thread for each share, and record messages here that are not to be sent."""
    for channel, messages in by_channel(run.work, snapshot).items():
        if channel is None:
            deliver_share(run, snapshot, None, messages)
            continue
        taken = run.lanes.take(channel, -(-len(messages) // MESSAGES_EACH))
        if not taken:
            queue_all(run, channel, messages)
        for part in shares(messages, taken):
            start_share(run, snapshot, channel, part)


def by_channel(work: Work, snapshot: Snapshot) -> dict[ChannelName | None, list[Sequence[int]]]:
    """The messages by the channel that each would use now; None for those that are not sent."""
    ways, now = ways_of(work.tools, snapshot), work.clock()
    sorted_: dict[ChannelName | None, list[Sequence[int]]] = {}
    for ids in snapshot.messages:
        decided = (decide(snapshot.facts[id_], ways, now) for id_ in ids)
        send = next((each for each in decided if isinstance(each, Send)), None)
        channel = None if send is None else ChannelName(send.channel)
        sorted_.setdefault(channel, []).append(ids)
    return sorted_


def queue_all(run: Run, channel: ChannelName, messages: Messages) -> None:
    ids = [id_ for message in messages for id_ in message]
    with run.work.tools.engine.begin() as conn:
        queue_up(conn, ids, run.work.holder, channel)


def shares(messages: Messages, count: int) -> list[Messages]:
    """The messages distributed round-robin, so that all shares begin with the soonest."""
    return [messages[first::count] for first in range(count)]


def start_share(run: Run, snapshot: Snapshot, channel: ChannelName, messages: Messages) -> None:
    run.begin_share()
    name, args = f"{channel} {run.batch.holder}", (run, snapshot, channel, messages)
    Thread(target=telemetry.carried(send_share), args=args, daemon=True, name=name).start()


def send_share(run: Run, snapshot: Snapshot, channel: ChannelName, messages: Messages) -> None:
    try:
        deliver_share(run, snapshot, channel, messages)
    except Exception as error:  # noqa: BLE001 (raised again in `wait`)
        run.error = run.error or error
    finally:
        run.lanes.leave(channel)
        run.end_share()
    run.then(channel)


def deliver_share(
    run: Run, snapshot: Snapshot, channel: ChannelName | None, messages: Messages
) -> None:
    with ExitStack() as stack:
        if channel is not None:
            stack.enter_context(run.work.tools.channels[channel].open())
        conn = stack.enter_context(run.work.tools.engine.connect())
        sender = Sender(run.work, conn, snapshot, channel)
        run.senders.append(sender)
        try:
            sender.deliver(messages)
        finally:
            with run.changed:
                run.tally += sender.tally
