"""Decision about a claimed message: send, wait, expire, withdraw or give up. It changes nothing.

The order is that of the promises: begun, untrue, barred, quiet hours, and then the channel.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from scheduler.message import Recipient
from scheduler.reminders.channel_pauses import is_paused
from scheduler.reminders.dead_addresses import NONE_DEAD, DeadAddresses
from scheduler.reminders.read.claimed import Facts, Tried
from scheduler.settings import ChannelName, Inbox, OutboxMode
from tasks.channels.address import Unreachable
from tasks.channels.channel import Channel, Destination, own_address

# Time that a message waits for a channel before the next decision. The end of a pause, and a
# provider that is up again, end the wait at once.
PAUSE_CHECK = timedelta(seconds=30)
DOWN_CHECK = timedelta(seconds=10)
# With less time than this to the start, a channel that fails, is paused or is down is skipped for
# the next one; with more, the message waits for it (docs/decisions/0053).
NEAR = timedelta(hours=1)
LOG = "log"
INBOX = "inbox"


@dataclass(frozen=True, slots=True)
class Expire:
    """The session has begun."""


@dataclass(frozen=True, slots=True)
class Withdraw:
    """It is no longer true."""

    reason: str


@dataclass(frozen=True, slots=True)
class GiveUp:
    """There is no way to this person."""

    reason: str


@dataclass(frozen=True, slots=True)
class Fail:
    """Every channel has refused it."""

    reason: str


@dataclass(frozen=True, slots=True)
class StayUndelivered:
    """It was sent and did not arrive, and there is no other way to this person."""

    reason: str = "no_other_channel"


@dataclass(frozen=True, slots=True)
class Postpone:
    """Not now."""

    until: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Send:
    """Send by this channel to this person, in the text of `form`. `others`: the channels that are
    left if it fails. `outbox`: as recorded in the ledger."""

    channel: str
    form: ChannelName
    recipient: Recipient
    others: tuple[ChannelName, ...] = ()
    outbox: str | None = None


@dataclass(frozen=True, slots=True)
class Hold:
    """An admin is to decide."""

    detail: str


@dataclass(frozen=True, slots=True)
class Keep:
    """No channel reaches this person, but the site's inbox does."""

    recipient: Recipient
    reason: str


Decision = Expire | Withdraw | GiveUp | Fail | StayUndelivered | Postpone | Send | Keep | Hold


@dataclass(frozen=True, slots=True)
class Ways:
    """Channels and their states at this moment. `down`: channels whose provider is down. `dead`:
    addresses that nothing is sent to. `over_budget`: channels whose budget of the month is used
    up."""

    channels: Mapping[ChannelName, Channel]
    outbox: OutboxMode
    paused: frozenset[str]
    max_attempts: int
    down: frozenset[str] = frozenset()
    inbox: Inbox = Inbox.OFF
    dead: DeadAddresses = NONE_DEAD
    over_budget: frozenset[str] = frozenset()


def decide(facts: Facts, ways: Ways, now: datetime) -> Decision:
    """Decide about one ledger row as of `now` (aware)."""
    if facts.too_late_at <= now:
        return Expire()
    if facts.untrue is not None:
        return Withdraw(facts.untrue)
    if facts.barred is not None:
        return GiveUp(facts.barred)
    if (until := waits_for_quiet(facts, now)) is not None:
        return Postpone(until, "quiet_hours")
    return choose(facts, ways, now)


def waits_for_quiet(facts: Facts, now: datetime) -> datetime | None:
    """The end of the person's quiet hours, if it comes before the start."""
    until = facts.quiet_until
    return until if until is not None and now < until < facts.too_late_at else None


def is_near(facts: Facts, now: datetime) -> bool:
    """True where the start is too near to wait for a channel."""
    return facts.too_late_at - now < NEAR


def choose(facts: Facts, ways: Ways, now: datetime) -> Decision:
    """Choose the first channel of the person that reaches them and has not refused for good.

    Near the start, channels with fewer failures go first, and paused or down ones are skipped.
    """
    found = reachable(facts.recipient, ways)
    was_sent = any(tried.undelivered for tried in facts.tried.values())
    if isinstance(found, Unreachable):
        end = StayUndelivered() if was_sent else GiveUp(found.reason)
        return without_a_channel(facts.recipient, ways, now, end)
    names = [name for name in found if not is_spent(facts.tried.get(name), ways.max_attempts)]
    if not names:
        refused = StayUndelivered() if was_sent else Fail("every channel has refused it")
        return without_a_channel(facts.recipient, ways, now, refused)
    names = [name for name in names if name not in ways.over_budget]
    if not names:
        unpaid = StayUndelivered() if was_sent else GiveUp("sms_budget")
        return without_a_channel(facts.recipient, ways, now, unpaid)
    if ways.outbox is OutboxMode.LOG:
        return Postpone(now + PAUSE_CHECK, "paused") if is_paused(LOG, ways.paused) else send_by(
            facts.recipient, names, ways.outbox)  # fmt: skip
    if is_near(facts, now):
        names.sort(key=lambda name: facts.tried.get(name, Tried()).failures)
    fit = names if is_near(facts, now) else names[:1]
    free = [name for name in fit if not is_paused(name, ways.paused) and name not in ways.down]
    if not free:
        return wait_for(fit, ways, now)
    others = [name for name in names if name != free[0]]
    return send_by(facts.recipient, [free[0], *others], ways.outbox)


def without_a_channel(
    recipient: Recipient, ways: Ways, now: datetime, end: GiveUp | Fail | StayUndelivered
) -> Decision:
    """The inbox, where the person has one; else `end`."""
    if not has_inbox(recipient, ways.inbox, ways.outbox):
        return end
    if is_paused(INBOX, ways.paused):
        return Postpone(now + PAUSE_CHECK, "paused")
    return Keep(recipient, end.reason)


def has_inbox(recipient: Recipient, inbox: Inbox, outbox: OutboxMode) -> bool:
    """True where messages to this person lie in the inbox: somebody without a user cannot log in
    to the site, and a message that goes elsewhere (OUTBOX) is not the person's."""
    return inbox is Inbox.ON and outbox is OutboxMode.LIVE and recipient.person_id is not None


def wait_for(names: Sequence[ChannelName], ways: Ways, now: datetime) -> Postpone:
    if any(name in ways.down and not is_paused(name, ways.paused) for name in names):
        return Postpone(now + DOWN_CHECK, "channel_down")
    return Postpone(now + PAUSE_CHECK, "paused")


def send_by(recipient: Recipient, names: Sequence[ChannelName], outbox: OutboxMode) -> Send:
    if outbox is OutboxMode.LOG:
        return Send(LOG, names[0], recipient, (), outbox.noted)
    return Send(names[0], names[0], recipient, tuple(names[1:]), outbox.noted)


def is_spent(tried: Tried | None, max_attempts: int) -> bool:
    """True where the channel refused for good, accepted and did not deliver, or failed too often
    because of the person or the message."""
    if tried is None:
        return False
    return tried.refusals > 0 or tried.undelivered > 0 or tried.tries >= max_attempts


def reachable(recipient: Recipient, ways: Ways) -> list[ChannelName] | Unreachable:
    """The channels that reach this person, in order, or the reason why there is none."""
    if not ways.channels:
        return without_channels(recipient, ways.outbox)
    answers = {name: reach(name, recipient, ways) for name in order(recipient, ways.channels)}
    found = [name for name, answer in answers.items() if not isinstance(answer, Unreachable)]
    return found or why_not(recipient, answers)


def reach(name: ChannelName, recipient: Recipient, ways: Ways) -> Destination | Unreachable:
    """The person's address on the channel, if it is not dead."""
    found = ways.channels[name].reach(recipient)
    if isinstance(found, Unreachable) or not ways.dead.hashes:
        return found
    own = own_address(name, recipient, found)
    dead = own is not None and ways.dead.has(name, own)
    return Unreachable("dead_address") if dead else found


def order(recipient: Recipient, channels: Mapping[ChannelName, Channel]) -> list[ChannelName]:
    """The person's channels if any of them is configured, else all in the settings' order."""
    return [name for name in recipient.preferences.channels or () if name in channels] or [
        *channels
    ]


def without_channels(recipient: Recipient, outbox: OutboxMode) -> list[ChannelName] | Unreachable:
    """Channels with OUTBOX=log, where none has to be configured: an address is enough."""
    if outbox is not OutboxMode.LOG:
        return Unreachable("no_channel")
    has = {ChannelName.EMAIL: recipient.email, ChannelName.SMS: recipient.phone}
    return [name for name, address in has.items() if address] or Unreachable("no_address")


def why_not(recipient: Recipient, answers: Mapping[ChannelName, object]) -> Unreachable:
    if not (recipient.email or recipient.phone or recipient.addresses):
        return Unreachable("no_address")
    reasons = [answer.reason for answer in answers.values() if isinstance(answer, Unreachable)]
    return Unreachable(", ".join(dict.fromkeys(reasons)))
