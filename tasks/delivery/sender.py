"""Sending of messages one after another: read, decide, commit `sending`, call the provider, record.

The commit that records one message's outcome may also mark the next as `sending`, so a connection
has one message in `sending` at a time (design, "Reminders and alarms").
"""

import logging
import time
from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import chain
from typing import Any
from uuid import UUID

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from scheduler.database_clock import Clock
from scheduler.message import Message, Recipient
from scheduler.reminders.channel_pauses import paused_channels
from scheduler.reminders.channel_troubles import Trouble, note_failure, take_probe, troubles
from scheduler.reminders.dead_addresses import DeadAddresses, dead_addresses
from scheduler.reminders.moves import sending
from scheduler.reminders.moves.claims import Batch, release
from scheduler.reminders.moves.inbox import Copy, deliver_to_inbox, place
from scheduler.reminders.plan.agenda import with_days
from scheduler.reminders.read.claimed import Facts, read_facts
from scheduler.reminders.read.lesson import told
from scheduler.reminders.sms_budget import is_spent, month_of
from scheduler.settings import ChannelName, OutboxMode, Settings
from scheduler.words import reason
from tasks import telemetry
from tasks.channels.address import Unreachable
from tasks.channels.channel import Channel, own_address
from tasks.channels.handover import CalledOff, Handover, under_way
from tasks.channels.outcome import About, Outcome, Result
from tasks.database import ServerUnreachable, site_catalog
from tasks.delivery.decision import Decision, Hold, Keep, Postpone, Send, Ways, decide
from tasks.delivery.group_commit import GroupCommit, Step
from tasks.delivery.inbox_copy import copy_of
from tasks.delivery.message import ids_for_log, message_of, worded
from tasks.delivery.message_limits import Going, Spent, is_limited, limit_of
from tasks.delivery.permits import NOW, Permits
from tasks.delivery.record_try import Ended, note_health, record
from tasks.delivery.record_unsent import let_go
from tasks.delivery.stop import Stop
from tasks.delivery.tally import NOTHING, Tally
from tasks.delivery.tools import Tools
from tasks.messages.letter import Letter

logger = logging.getLogger(__name__)

# Switches older than this are read again. A pause holds within two seconds, a wait for the rate and
# the last try before it included.
FRESH_SECONDS = 1.0
# Facts of a message older than this are read again, as an address or a wish may have changed; with
# those of as many messages after it as were sent since they were last read. What matters most, the
# session's row, is compared as the message is begun.
FACTS_SECONDS = 5.0
READ_AHEAD = 8
# A message whose session changes this often while it is being read is left to the sweep.
LOOKS = 3
WORDLESS_WAIT = timedelta(minutes=1)
RECORD_AGAIN_SECONDS = 1.0
# PostgreSQL's serialization_failure, deadlock_detected, lock_not_available.
COLLISIONS = {"40001", "40P01", "55P03"}


@dataclass(frozen=True, slots=True)
class Work:
    """Values that the senders of a batch share."""

    tools: Tools
    holder: UUID
    clock: Clock
    permits: Permits
    stop: Stop
    commits: GroupCommit

    @property
    def lease(self) -> timedelta:
        return timedelta(seconds=self.tools.settings.lease_seconds)


@dataclass(frozen=True, slots=True)
class Switches:
    """What holds for all messages, as it was read at a monotonic instant."""

    paused: frozenset[str]
    troubles: Mapping[str, Trouble]
    dead: DeadAddresses
    over_budget: frozenset[str]
    read_at: float


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Switches, and facts as they were read: ledger row → facts, and → a monotonic instant."""

    switches: Switches
    facts: Mapping[int, Facts]
    read_at: Mapping[int, float]

    @property
    def messages(self) -> list[list[int]]:
        """The rows of each message, soonest start first."""
        groups: dict[Hashable, list[int]] = {}
        for facts in self.facts.values():
            groups.setdefault(facts.group, []).append(facts.id)
        return [*groups.values()]


def take_snapshot(conn: Connection, work: Work, ids: Sequence[int]) -> Snapshot:
    """Facts of those rows that the holder still holds, and the switches."""
    return snapshot_of(conn, work.tools, Batch(work.holder, tuple(ids)), work.clock())


def snapshot_of(conn: Connection, tools: Tools, batch: Batch, now: datetime) -> Snapshot:
    """Snapshot as of `now` of those of the batch's rows that its holder still holds."""
    catalog, settings = site_catalog(tools.engine), tools.settings
    ids, holder = batch.ids, batch.holder
    read_at = time.monotonic()
    found: Sequence[Facts] = read_facts(conn, catalog, settings, ids, holder, now)
    found = with_days(conn, catalog, settings, found, holder, now)
    switches = read_switches(conn, settings, now)
    facts = {facts.id: facts for facts in found}
    return Snapshot(switches, facts, dict.fromkeys(facts, read_at))


def read_switches(conn: Connection, settings: Settings, now: datetime) -> Switches:
    """The switches as of `now`."""
    return Switches(
        paused_channels(conn), troubles(conn), dead_addresses(conn),
        over_budget(conn, settings, now), time.monotonic(),
    )  # fmt: skip


def over_budget(conn: Connection, settings: Settings, now: datetime) -> frozenset[str]:
    """SMS, where the month's are used up."""
    if not settings.sms_budget or settings.outbox.mode is OutboxMode.LOG:
        return frozenset()
    month = month_of(now, settings.zone)
    return frozenset({ChannelName.SMS} if is_spent(conn, settings.sms_budget, month) else ())


# The words of a try whose worker was stopped.
CALLED_OFF = "called off before anything was handed over, as the worker was stopped"
NO_ANSWER_YET = "it does not answer"
NO_ANSWER = "no answer by the time the worker was stopped"


# A call of a provider that takes so long keeps nobody waiting behind it. It counts against the
# channel where not even the handover has begun, and later where an answer is waited for: some
# services are slow, and good (docs/decisions/0054).
HANGS_SECONDS = 4.0
SILENT_SECONDS = 10.0


@dataclass(slots=True)
class Trying:
    """A try that is under way, and how far it is. `is_noted`: it was counted against its channel;
    `is_alone`: what waited behind it was given back."""

    tried: sending.Try
    channel: str
    handover: Handover
    begun_at: float = field(default_factory=time.monotonic)
    is_noted: bool = False
    is_alone: bool = False

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.begun_at

    @property
    def is_silent(self) -> bool:
        """Whether it counts against its channel by now."""
        return self.seconds > (SILENT_SECONDS if self.handover.begun else HANGS_SECONDS)


@dataclass
class Sender:
    """Sender of messages by one channel over one connection; without a channel it only records
    messages that are not to be sent.

    `rest`: the messages after the present one, released where that is a probe. `trying`: the try
    for which the provider is being called; `ended`: a try whose outcome is not recorded yet.
    `since_read`: messages since facts were read.
    """

    work: Work
    conn: Connection
    snapshot: Snapshot
    channel: ChannelName | None
    tally: Tally = field(default_factory=Tally)
    trying: Trying | None = None
    ended: Ended | None = None
    rest: list[int] = field(default_factory=list)
    probing: bool = False
    since_read: int = 0

    def deliver(self, messages: Sequence[Sequence[int]]) -> None:
        """Deliver the messages in order, until a stop is requested; the rest is not touched.

        Raises DBAPIError where the database fails, after recording the last outcome.
        """
        try:
            for number, ids in enumerate(messages):
                if self.work.stop.asked or self.probing:
                    break
                self.rest = list(chain.from_iterable(messages[number + 1 :]))
                self.refresh(messages[number:])
                self.deliver_one(ids)
                self.since_read += 1
            self.finish()
        finally:
            self.record_elsewhere()

    def finish(self) -> None:
        if self.ended is not None:
            with self.recorded():
                pass

    def refresh(self, coming: Sequence[Sequence[int]]) -> None:
        """Read again what is too old to send the first of the coming messages by."""
        now, read_at = time.monotonic(), self.snapshot.read_at
        if any(now - read_at.get(id_, now) > FACTS_SECONDS for id_ in coming[0]):
            ahead = max(READ_AHEAD, self.since_read)
            self.read(list(chain.from_iterable(coming[:ahead])))
            self.since_read = 0
        elif now - self.snapshot.switches.read_at > FRESH_SECONDS:
            with self.conn.begin():
                switches = read_switches(self.conn, self.work.tools.settings, self.work.clock())
            self.snapshot = replace(self.snapshot, switches=switches)

    def deliver_one(self, ids: Sequence[int]) -> None:
        for _ in range(LOOKS):
            rows = [self.snapshot.facts[id_] for id_ in ids if id_ in self.snapshot.facts]
            if not rows or self.settled(rows):
                return
            self.read(ids)

    def settled(self, rows: Sequence[Facts]) -> bool:
        """`settle`; False also where another transaction was in conflict."""
        try:
            return self.settle(rows)
        except OperationalError as error:
            if getattr(error.orig, "pgcode", None) in COLLISIONS:
                return False
            raise

    def read(self, ids: Sequence[int]) -> None:
        """Read the rows again; rows that are no longer held drop out."""
        with self.recorded():
            snapshot = take_snapshot(self.conn, self.work, ids)
        others = {id_: facts for id_, facts in self.snapshot.facts.items() if id_ not in set(ids)}
        self.snapshot = Snapshot(
            snapshot.switches,
            {**others, **snapshot.facts},
            {**self.snapshot.read_at, **snapshot.read_at},
        )

    def settle(self, rows: Sequence[Facts]) -> bool:
        """Send or record one message. False where a session changed meanwhile: read it again."""
        decided = self.decided(rows)
        send = send_of(decided)
        if send is not None and not self.may_try(send.channel):
            decided = self.decided(rows)
            send = send_of(decided)
        if send is not None and send.channel != self.channel:
            return self.pass_on(rows)
        if send is not None:
            decided = self.rated(rows, decided, ChannelName(send.channel))
            send = send_of(decided)
        if send is not None:
            return self.send(rows, send, decided)
        keep = next((each for each in decided.values() if isinstance(each, Keep)), None)
        if keep is not None:
            return self.lay_in_inbox(rows, keep, decided)
        with self.recorded() as moved:
            moved.append(let_go(self.conn, decided, self.work.holder))
        return True

    def lay_in_inbox(self, rows: Sequence[Facts], keep: Keep, decided: dict[int, Decision]) -> bool:
        """Deliver to the inbox. False where a session changed meanwhile: read it again."""
        going = [row for row in rows if isinstance(decided[row.id], Keep)]
        now = self.work.clock()
        message = self.message_of(going, keep.recipient, now)
        copy = copy_of(self.work.tools, message, going)
        if copy is None:
            return self.keep_for_later(going)
        claimed, holder = claimed_of(going, message), self.work.holder
        try:
            with self.recorded() as moved:
                moved.append(let_go(self.conn, decided, holder))
                kept = deliver_to_inbox(self.conn, claimed, holder, copy, now, reason(keep.reason))
                moved.append(Tally(sent=len(kept)))
        except sending.CannotBegin:
            return False
        return True

    def decided(self, rows: Sequence[Facts]) -> dict[int, Decision]:
        ways, now = ways_of(self.work.tools, self.snapshot), self.work.clock()
        return {row.id: decide(row, ways, now) for row in rows}

    def pass_on(self, rows: Sequence[Facts]) -> bool:
        """Release the message, as it goes by another channel now, which has other connections."""
        ids = tuple(row.id for row in rows)
        with self.recorded():
            release(self.conn, Batch(self.work.holder, ids))
        return True

    def may_try(self, channel: str) -> bool:
        """False where the channel is down and another worker has the probe: decide again."""
        switches = self.snapshot.switches
        trouble = switches.troubles.get(channel)
        if trouble is None or trouble.down_since is None:
            return True
        self.finish()  # commits
        with self.conn.begin():
            mine = take_probe(self.conn, channel)
            if mine:  # a probe may take long, so the other messages are not kept waiting
                release(self.conn, Batch(self.work.holder, tuple(self.rest)))
        self.probing = mine
        waiting = {**switches.troubles, channel: replace(trouble, probe_due=False)}
        self.snapshot = replace(self.snapshot, switches=replace(switches, troubles=waiting))
        return mine

    def rated(
        self, rows: Sequence[Facts], decided: dict[int, Decision], channel: ChannelName
    ) -> dict[int, Decision]:
        """The decisions after taking a permit of the channel's rate; postponed without one."""
        if self.work.permits.take(channel):
            return decided
        self.finish()  # a wait may be long
        wait = self.work.permits.wait_for(channel)
        later = Postpone(self.work.clock() + wait, "rate")
        return {
            id_: later if wait > NOW and isinstance(each, Send) else each
            for id_, each in self.decided(rows).items()
        }

    def send(self, rows: Sequence[Facts], send: Send, decided: dict[int, Decision]) -> bool:
        going = [row for row in rows if isinstance(decided[row.id], Send)]
        message = self.message_of(going, send.recipient, self.work.clock())
        letter = worded(self.work.tools, message, send.form)
        if letter is None:
            return self.keep_for_later(going)
        claimed, copy = claimed_of(going, message), copy_of(self.work.tools, message, going)
        envelope = sending.Envelope(
            send.channel, send.outbox, message.key, message.at,
            send.recipient.source_on(send.form), self.address_hash(send),
        )  # fmt: skip
        try:
            begun = self.begin(
                Going(going, message, letter, send, self.channel_of(send)),
                claimed, envelope, decided, copy,
            )  # fmt: skip
        except sending.CannotBegin:
            return False
        if begun is None:
            return True  # a limit keeps it back
        tried, spent = begun
        handover = Handover()
        self.trying = Trying(tried, send.channel, handover)
        with under_way(handover), traced(send, going) as span:
            outcome = self.transmit(letter, send, message, handover)
            span.set_attribute("session_worker.outcome", outcome.result.value)
        self.ended = Ended(tried, going, send, outcome, spent)
        self.trying = None
        switches = self.snapshot.switches
        if note_health(self.conn, self.ended, switches.troubles, self.work.clock()):
            outdated = replace(switches, read_at=float("-inf"))
            self.snapshot = replace(self.snapshot, switches=outdated)
        return True

    def channel_of(self, send: Send) -> Channel:
        return self.work.tools.channels[ChannelName(send.channel)]

    def message_of(self, rows: Sequence[Facts], recipient: Recipient, now: datetime) -> Message:
        return message_of(rows, recipient, now, self.work.tools.settings.mute_url)

    def address_hash(self, send: Send) -> int | None:
        """By it a bounce or a receipt finds the address. None where it goes elsewhere (OUTBOX)."""
        if send.outbox is not None:
            return None
        found = self.work.tools.channels[send.form].reach(send.recipient)
        own = None if isinstance(found, Unreachable) else own_address(
            send.form, send.recipient, found)  # fmt: skip
        return None if own is None else self.snapshot.switches.dead.hash_of(send.form, own)

    def begin(
        self,
        going: Going,
        claimed: Sequence[sending.Claimed],
        envelope: sending.Envelope,
        decided: Mapping[int, Decision],
        copy: Copy | None,
    ) -> tuple[sending.Try, Spent | None] | None:
        """Commit the message as `sending`, with the last outcome and what it takes of the month's
        SMS; None where a limit keeps it back. Raises CannotBegin."""
        settings, alone = self.work.tools.settings, len(claimed) == len(decided) == 1
        plain = self.ended is None or is_plain(self.ended)
        if alone and plain and not is_limited(going, settings):
            beginning = sending.Beginning(claimed[0], self.work.holder, envelope)
            return self.begin_in_group(Step(self.accepted(), beginning, copy)), None
        with self.recorded() as moved:
            moved.append(let_go(self.conn, decided, self.work.holder))
            limit = limit_of(self.conn, going, settings, self.work.clock())
            if isinstance(limit, Postpone | Hold):
                held_back = {row.id: limit for row in going.rows}
                moved.append(let_go(self.conn, held_back, self.work.holder))
                return None
            tried = sending.begin_sending(
                self.conn, claimed, self.work.holder, envelope, self.work.lease
            )
            if copy is not None:
                place(self.conn, copy)
        return tried, limit

    def begin_in_group(self, step: Step) -> sending.Try:
        self.work.commits.take(self.conn, step, self.work.lease)
        if step.recorded:
            self.tally += Tally(sent=len(step.recorded))
            self.ended = None
        self.finish()  # where the lease had lapsed, and a sweep took the answer for lost
        if step.tried is None:
            raise sending.CannotBegin
        return step.tried

    def accepted(self) -> sending.Accepted | None:
        """The last try, if it is not recorded yet; it was accepted."""
        if self.ended is None:
            return None
        outcome, now = self.ended.outcome, self.work.clock()
        return sending.Accepted(self.ended.tried, outcome.words, now, outcome.provider_id)

    def keep_for_later(self, rows: Sequence[Facts]) -> bool:
        """Postpone a message whose template failed, as it can be corrected before the start."""
        ids = [row.id for row in rows]
        until = self.work.clock() + WORDLESS_WAIT
        with self.recorded():
            sending.postpone(self.conn, ids, self.work.holder, until, "no_words")
        return True

    def transmit(self, letter: Letter, send: Send, message: Message, handover: Handover) -> Outcome:
        channel = self.work.tools.channels[ChannelName(send.channel)]
        try:
            return channel.send(letter, send.recipient, message.key, message.at)
        except CalledOff:
            return Outcome(Result.FAILED, CALLED_OFF, about=About.LATER)
        except Exception as error:  # a mistake of ours, or of a library
            ids = ids_for_log(message) | {"channel": send.channel}
            logger.exception("The message %s broke its channel", message.key, extra=ids)
            result = Result.UNKNOWN if handover.begun else Result.FAILED
            return Outcome(result, type(error).__name__, about=About.LATER)

    @contextmanager
    def recorded(self) -> Iterator[list[Tally]]:
        """A transaction that also records the last outcome. Counts appended to the list are added
        after its commit."""
        moved: list[Tally] = []
        with self.conn.begin():
            if self.ended is not None:
                moved.append(self.record(self.conn, self.ended))
            yield moved
        self.tally = sum((each for each in moved if each is not NOTHING), self.tally)
        self.ended = None

    def record(self, conn: Connection, ended: Ended) -> Tally:
        return record(conn, ended, self.work.tools.settings, self.work.clock())

    def look_after(self) -> int:
        """Give back what waits behind a call that hangs, and count it against the channel, once.

        Called by another thread than the one that sends; what that begins is checked against the
        ledger. Returns how many rows were given back. Raises what the database raises.
        """
        trying, rest = self.trying, tuple(self.rest)
        if trying is None or trying.seconds < HANGS_SECONDS:
            return 0
        if trying.is_silent and not trying.is_noted:
            trying.is_noted = True
            with self.work.tools.engine.begin() as conn:
                down = note_failure(conn, trying.channel, NO_ANSWER_YET)
            if down:
                where = {"channel": trying.channel}
                logger.error(
                    "The channel %s is down: %s", trying.channel, NO_ANSWER_YET, extra=where
                )
        if trying.is_alone:
            return 0
        with self.work.tools.engine.begin() as conn:
            released = release(conn, Batch(self.work.holder, rest))
        trying.is_alone = True
        return len(released)

    def give_up(self) -> Tally:
        """Record a try that has no answer, as there is no more time for one. Called by another
        thread than the one that sends: of what was not handed over nothing will leave, so that it
        is tried again at once, by another worker."""
        if (trying := self.trying) is None:
            return NOTHING
        called_off = trying.handover.call_off()
        with self.work.tools.engine.begin() as conn:
            if called_off:
                failure = sending.Failure(CALLED_OFF, About.LATER)
                failed = sending.mark_failed(conn, trying.tried, failure, self.work.clock())
                return Tally(failed=len(failed))
            return Tally(unknown=len(sending.mark_held(conn, trying.tried, NO_ANSWER)))

    def record_elsewhere(self) -> None:
        """Record the outcome on new connections, as long as the lease lasts.

        An outcome that stays unrecorded counts as unknown.
        """
        limit = time.monotonic() + self.work.lease.total_seconds()
        while self.ended is not None and time.monotonic() < limit:
            try:
                with self.work.tools.engine.begin() as conn:
                    self.record(conn, self.ended)
                self.ended = None
            except (SQLAlchemyError, ServerUnreachable):
                time.sleep(RECORD_AGAIN_SECONDS)


def traced(send: Send, rows: Sequence[Facts]) -> Any:
    """The span of a provider's call."""
    ids = [row.id for row in rows]
    return telemetry.span("send", channel=send.channel, kind=str(rows[0].kind), deliveries=ids)


def claimed_of(rows: Sequence[Facts], message: Message) -> list[sending.Claimed]:
    return [sending.Claimed(row.id, row.version, told(row.lesson, message.at)) for row in rows]


def is_plain(ended: Ended) -> bool:
    """True for a message of one row that the provider accepted."""
    return ended.outcome.result is Result.SENT and len(ended.tried.ids) == 1


def send_of(decided: Mapping[int, Decision]) -> Send | None:
    return next((each for each in decided.values() if isinstance(each, Send)), None)


def ways_of(tools: Tools, snapshot: Snapshot) -> Ways:
    """Channels and their states by the snapshot, for `decide`."""
    settings, switches = tools.settings, snapshot.switches
    down = frozenset(
        name for name, trouble in switches.troubles.items()
        if trouble.down_since is not None and not trouble.probe_due
    )  # fmt: skip
    return Ways(
        tools.channels, settings.outbox.mode, switches.paused, settings.max_attempts, down,
        settings.inbox, switches.dead, switches.over_budget,
    )  # fmt: skip
