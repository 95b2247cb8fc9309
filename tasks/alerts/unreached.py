"""People who cannot be reached in the coming week, decided as for a message that is due now."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from models.catalog import SiteCatalog
from scheduler.alerts.coming_week import (
    WEEK,
    Silence,
    people_of_week,
    silence_of_week,
    weeks_of,
)
from scheduler.reminders.dead_addresses import dead_addresses
from scheduler.reminders.read.claimed import Facts
from scheduler.settings import ChannelName, Settings
from tasks.channels.channel import Channel
from tasks.delivery.decision import GiveUp, Ways, decide

# Their own wish, so nothing that an admin has to mend.
OWN_WISH = {"muted"}


@dataclass(frozen=True, slots=True)
class Unreached:
    """A person with coming sessions and no way to them. `recipient`: key of the ledger."""

    recipient: str
    name: str | None
    role: str
    reason: str
    sessions: int
    first_starts_at: datetime


@dataclass(frozen=True, slots=True)
class Week:
    """`people`: those with the soonest session first."""

    begins_at: datetime
    ends_at: datetime
    people: Sequence[Unreached]
    silence: Silence


def coming_week(
    conn: Connection,
    catalog: SiteCatalog,
    settings: Settings,
    channels: Mapping[ChannelName, Channel],
    now: datetime,
) -> Week:
    """The seven days from `now`. Pauses and channels that are down are not looked at: they pass."""
    outbox, inbox = settings.outbox.mode, settings.inbox
    dead = dead_addresses(conn)
    ways = Ways(channels, outbox, frozenset(), settings.max_attempts, inbox=inbox, dead=dead)
    facts = people_of_week(conn, catalog, settings, now)
    decided = [(each, decide(each, ways, now)) for each in facts]
    closed = {
        (each.recipient_key, each.kind.value): (each, decision.reason)
        for each, decision in decided if isinstance(decision, GiveUp)
    }  # fmt: skip
    return Week(
        now,
        now + WEEK,
        unreached(conn, catalog, settings, now, facts, closed),
        silence_of_week(conn, catalog, settings, now, closed),
    )


def unreached(
    conn: Connection,
    catalog: SiteCatalog,
    settings: Settings,
    now: datetime,
    facts: Sequence[Facts],
    closed: Mapping[tuple[str, str], tuple[Facts, str]],
) -> list[Unreached]:
    """Those for whom each kind of message is closed, but not by their own wish alone."""
    kinds = defaultdict[str, set[str]](set)
    for each in facts:
        kinds[each.recipient_key].add(each.kind.value)
    reasons = defaultdict[str, list[tuple[Facts, str]]](list)
    for (recipient, _), why in closed.items():
        reasons[recipient].append(why)
    lost = {
        recipient: next((why for why in found if why[1] not in OWN_WISH), None)
        for recipient, found in reasons.items() if len(found) == len(kinds[recipient])
    }  # fmt: skip
    named = {recipient: why for recipient, why in lost.items() if why is not None}
    weeks = weeks_of(conn, catalog, settings, now, [*named])
    people = [
        Unreached(recipient, fact.recipient.name, fact.recipient.role.value, why,
                  weeks[recipient].sessions, weeks[recipient].first_starts_at)
        for recipient, (fact, why) in named.items()
    ]  # fmt: skip
    return sorted(people, key=lambda each: (each.first_starts_at, each.recipient))
