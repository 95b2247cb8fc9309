"""A worker's way through one batch: read, judge, commit as sending, call the provider, record.

The commit that records how one message went may mark the next as being sent; so a connection has
one message in `sending` at a time (design, "Reminders and alarms").
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from uuid import uuid4

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from scheduler.message import Message
from scheduler.reminders import moves
from scheduler.reminders.claims import Batch
from scheduler.reminders.facts import Facts, read_facts, told
from scheduler.reminders.pauses import paused_channels
from scheduler.settings import ChannelName
from tasks.channels.outcome import Outcome, Result
from tasks.database import ServerUnreachable
from tasks.delivery.desk import Desk
from tasks.delivery.judging import LOG, Judgement, Postpone, Send, Ways, judge
from tasks.delivery.lease import kept_lease
from tasks.delivery.leaving import let_go
from tasks.delivery.outbox import outbox_of
from tasks.delivery.permits import NOW, Permits
from tasks.delivery.recording import Ended, record
from tasks.delivery.tally import Tally
from tasks.messages.letter import Letter
from tasks.messages.render import render
from tasks.site import site_catalog

logger = logging.getLogger(__name__)

# Facts older than this are read again: an address, a pause or a switch may have changed.
FRESH_SECONDS = 2.0
# A message whose session changes again and again while it is looked at is left to the sweep.
LOOKS = 3
RECORD_AGAIN_SECONDS = 1.0

Clock = Callable[[], datetime]


def work_through(desk: Desk, batch: Batch, clock: Clock, patience: timedelta) -> Tally:
    """Deliver what is left of the batch.

    `clock` is read afresh before each message. `patience`: the longest wait for a place within a
    channel's rate; beyond it a message goes back to the ledger.
    """
    lease = timedelta(seconds=desk.settings.lease_seconds)
    permits = Permits(desk.channels, desk.settings.channels, patience)
    with ExitStack() as stack:
        stack.enter_context(kept_lease(desk.engine, batch.holder, lease))
        for channel in desk.channels.values():
            stack.enter_context(channel.open())
        conn = stack.enter_context(desk.engine.connect())
        shift = Shift(desk, conn, batch, clock, lease, permits)
        try:
            shift.work()
            shift.finish()
        except (SQLAlchemyError, ServerUnreachable):
            shift.record_elsewhere()
            raise
    return shift.tally


@dataclass
class Shift:
    """One batch, and how far its delivery has come. `ended`: sent, and not recorded yet."""

    desk: Desk
    conn: Connection
    batch: Batch
    clock: Clock
    lease: timedelta
    permits: Permits
    tally: Tally = field(default_factory=Tally)
    ended: Ended | None = None
    facts: dict[int, Facts] = field(default_factory=dict)
    paused: frozenset[str] = frozenset()
    read_at: float = 0.0

    def work(self) -> None:
        """Each message in its turn: soonest start first, what belongs together at once."""
        self.read(self.batch.ids)
        groups = groupby([*self.facts.values()], key=lambda facts: facts.group)
        for ids in [[facts.id for facts in rows] for _, rows in groups]:
            self.deliver(ids)

    def finish(self) -> None:
        if self.ended is not None:
            with self.recorded():
                pass

    def deliver(self, ids: Sequence[int]) -> None:
        if time.monotonic() - self.read_at > FRESH_SECONDS:
            self.read([*self.facts])
        for _ in range(LOOKS):
            rows = [self.facts[id_] for id_ in ids if id_ in self.facts]
            if not rows or self.settle(rows):
                break
            self.read(ids)
        for id_ in ids:
            self.facts.pop(id_, None)

    def read(self, ids: Sequence[int]) -> None:
        """Facts and switches as they are now. What this batch no longer holds drops out."""
        settings, catalog = self.desk.settings, site_catalog(self.desk.engine)
        with self.recorded():
            found = read_facts(self.conn, catalog, settings, ids, self.batch.holder)
            self.paused = paused_channels(self.conn)
        kept = {id_: facts for id_, facts in self.facts.items() if id_ not in set(ids)}
        self.facts = kept | {facts.id: facts for facts in found}
        self.read_at = time.monotonic()

    def settle(self, rows: Sequence[Facts]) -> bool:
        """One message to its end. False: a session has changed since it was read; look again."""
        judged = self.judged(rows)
        send = sending(judged)
        if send is not None and send.channel != LOG:
            judged = self.rated(rows, judged, ChannelName(send.channel))
            send = sending(judged)
        if send is not None:
            return self.send(rows, send, judged)
        with self.recorded():
            self.tally += let_go(self.conn, judged, self.batch.holder)
        return True

    def judged(self, rows: Sequence[Facts]) -> dict[int, Judgement]:
        settings, now = self.desk.settings, self.clock()
        ways = Ways(self.desk.channels, outbox_of(settings), self.paused, settings.max_attempts)
        return {row.id: judge(row, ways, now) for row in rows}

    def rated(
        self, rows: Sequence[Facts], judged: dict[int, Judgement], channel: ChannelName
    ) -> dict[int, Judgement]:
        """As judged, with a place within the channel's rate taken; or postponed until there is."""
        if self.permits.take(channel):
            return judged
        self.finish()  # a wait may be long
        wait = self.permits.wait_for(channel)
        later = Postpone(self.clock() + wait, "rate")
        return {
            id_: later if wait > NOW and isinstance(each, Send) else each
            for id_, each in self.judged(rows).items()
        }

    def send(self, rows: Sequence[Facts], send: Send, judged: dict[int, Judgement]) -> bool:
        going = [row for row in rows if isinstance(judged[row.id], Send)]
        message = message_of(going, send, self.clock())
        letter = render(message, send.form, self.desk.words)
        claimed = [moves.Claimed(row.id, row.version, told(row.lesson)) for row in going]
        envelope = moves.Envelope(send.channel, send.outbox, message.key, message.at)
        with self.recorded():
            self.tally += let_go(self.conn, judged, self.batch.holder)
            tried = moves.begin_sending(
                self.conn, claimed, self.batch.holder, envelope, self.lease, message.now
            )
        if tried is None:
            return False
        self.ended = Ended(tried, going, send, self.transmit(letter, send, message))
        return True

    def transmit(self, letter: Letter, send: Send, message: Message) -> Outcome:
        if send.channel == LOG:
            who = message.recipient
            logger.info("%s to %s %s: %s", message.kind, who.role, who.person_id, letter.title)
            return Outcome(Result.SENT, "written to the log")
        channel = self.desk.channels[ChannelName(send.channel)]
        return channel.send(letter, send.recipient, message.key, message.at)

    @contextmanager
    def recorded(self) -> Iterator[None]:
        """A transaction that also records how the last message went."""
        tally = Tally()
        with self.conn.begin():
            if self.ended is not None:
                tally = record(self.conn, self.ended, self.desk.settings, self.clock())
            yield
        self.tally += tally
        self.ended = None

    def record_elsewhere(self) -> None:
        """On new connections, as long as the lease lasts: what is known must not be lost with one.

        An outcome that stays unrecorded counts as unknown.
        """
        limit = time.monotonic() + self.lease.total_seconds()
        while self.ended is not None and time.monotonic() < limit:
            try:
                with self.desk.engine.begin() as conn:
                    record(conn, self.ended, self.desk.settings, self.clock())
                self.ended = None
            except (SQLAlchemyError, ServerUnreachable):
                time.sleep(RECORD_AGAIN_SECONDS)


def sending(judged: Mapping[int, Judgement]) -> Send | None:
    return next((each for each in judged.values() if isinstance(each, Send)), None)


def message_of(rows: Sequence[Facts], send: Send, now: datetime) -> Message:
    """One message about all the rows; its key and date are those of the first try (promise 3)."""
    first = rows[0]
    return Message(
        kind=first.kind,
        recipient=send.recipient,
        lessons=tuple(row.lesson for row in rows),
        lead=timedelta(minutes=min(row.lead_minutes for row in rows)),
        key=first.key or uuid4(),
        at=first.first_tried_at or now,
        now=now,
    )
