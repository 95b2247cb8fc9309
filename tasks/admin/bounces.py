"""Bounces of the worker's mails, as a mail system's pipe hands them over (docs/bounces.md)."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

from kombu import Connection as Broker
from sqlalchemy import Connection

from scheduler.reminders.dead_addresses import WITH_A_COPY, DeadAddresses, dead_addresses
from scheduler.reminders.moves.receipts import addresses_of, note_bounce
from scheduler.settings import ChannelName, InvalidSetting, Settings
from tasks.broker import check_writable, transport_options
from tasks.channels.mail.bounce import Bounce, Refusal, read_bounce
from tasks.channels.mail.status_codes import is_dead
from tasks.database import engine

BROKER_SECONDS = 3
SWEEP_EXPIRES_SECONDS = 60
EMAIL = ChannelName.EMAIL


def take_bounce(settings: Settings, raw: bytes) -> str:
    """Record a bounce and have the ledger swept; returns what it was, in one line.

    What is no bounce, or of no mail of ours, changes nothing. Raises ServerUnreachable, the
    database's, the broker's and the network's errors, and InvalidSetting: hand it over again later.
    The same bounce again changes nothing more.
    """
    bounce = readable(raw)
    if bounce is None:
        return "No bounce: nothing is changed."
    if not bounce.refusals:
        return "A bounce without a failed recipient: nothing is changed."
    with broker_of(settings) as broker:
        with engine(settings).begin() as conn:
            words = record(conn, settings, bounce)
        sweep_soon(broker)
    return words


def readable(raw: bytes) -> Bounce | None:
    try:
        return read_bounce(raw)
    except Exception:  # noqa: BLE001 (any mail may come, and Python's parser fails on some)
        return None


@contextmanager
def broker_of(settings: Settings) -> Iterator[Broker]:
    """A connection to the broker. Raises its error where it is away: before anything is
    recorded."""
    if not settings.redis_url.strip():
        raise InvalidSetting("REDIS_URL is not set: set it to the workers' broker.")
    options = transport_options(settings)
    broker = Broker(settings.redis_url, connect_timeout=BROKER_SECONDS, transport_options=options)
    with closing(broker):
        broker.ensure_connection(max_retries=1, interval_start=0, timeout=BROKER_SECONDS)
        check_writable(broker)
        yield broker


def sweep_soon(broker: Broker) -> None:
    """Post a sweep, so that the next channel is used at once; beat's comes within ten seconds."""
    from tasks.planning import sweep

    options: dict[str, Any] = {"connection": broker, "expires": SWEEP_EXPIRES_SECONDS}
    sweep.apply_async(retry=False, **options)


def record(conn: Connection, settings: Settings, bounce: Bounce) -> str:
    """Record the bounce as a receipt of its mail. Returns what it was, in one line."""
    addresses = addresses_of(conn, bounce.keys, EMAIL)
    if len(addresses) != 1:
        many = "several mails" if addresses else "no mail"
        return f"A bounce of {many} of ours: nothing is changed."
    [(key, address)] = addresses.items()
    copies = copies_of(settings)
    persons = [each for each in bounce.refusals if each.recipient.lower() not in copies]
    if not persons:
        return "A copy came back: nothing is changed for the person."
    with_copy = len(persons) < len(bounce.refusals)
    own = theirs(persons, address, dead_addresses(conn))
    dead = not with_copy and all(is_dead(each.code) for each in own)
    codes = sorted({each.code for each in own if each.code})
    status = " ".join([WITH_A_COPY if with_copy else "bounced", *codes])
    note_bounce(conn, EMAIL, key, status, "gone" if dead else "undelivered")
    return f"Mail {key} {status}{', its address is dead' if dead else ''}."


def theirs(
    refusals: Sequence[Refusal], address: int | None, book: DeadAddresses
) -> Sequence[Refusal]:
    """Those of the address that the mail went to; all where an alias led to other ones."""
    exact = [each for each in refusals if book.hash_of(EMAIL, each.recipient) == address]
    return exact or refusals


def copies_of(settings: Settings) -> frozenset[str]:
    """The addresses in small letters that each mail goes to besides its person (cc=, bcc=)."""
    channel = settings.channels.get(EMAIL)
    if channel is None or "cc=" not in channel.url.lower():
        return frozenset()
    from tasks.channels.plugins import sample_plugin  # Apprise is slow to import
    from tasks.channels.template import read_template

    plugin = sample_plugin(read_template(channel))
    copies = (*getattr(plugin, "cc", ()), *getattr(plugin, "bcc", ()))
    return frozenset(str(each).lower() for each in copies)
