"""Story of a session's messages, with the channels' reasons why people cannot be reached."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import cache

from sqlalchemy import Connection

from scheduler.ledger.story import Explanation, Reach, explain
from scheduler.message import Recipient
from scheduler.reminders.dead_addresses import DeadAddresses, dead_addresses
from scheduler.settings import InvalidSetting, Settings
from tasks.database import engine, site_catalog


def explain_session(settings: Settings, now: datetime, session_id: int) -> Explanation:
    """The story of a session. Raises LedgerRefusal where the session is unknown."""
    made = engine(settings)
    with made.connect() as conn:
        return explain(
            conn, site_catalog(made), settings, now, session_id, reach_of(settings)(conn)
        )


# The channels' reach by the dead addresses that the connection reads.
ReachBy = Callable[[Connection], Reach]


def reach_of(settings: Settings) -> ReachBy:
    """A function of a connection and then of a person: the reason why no channel reaches them, or
    None.

    The channels are made with its first call, as Apprise is slow to import.
    """
    judge = cache(lambda: judge_of(settings))

    def by(conn: Connection) -> Reach:
        dead = cache(lambda: dead_addresses(conn))
        return lambda recipient: judge()(recipient, dead())

    return by


def judge_of(settings: Settings) -> Callable[[Recipient, DeadAddresses], str | None]:
    from tasks.channels.address import Unreachable
    from tasks.channels.configured import channels_of
    from tasks.delivery.decision import Ways, has_inbox, reachable

    try:
        channels = channels_of(settings)
    except InvalidSetting:
        return lambda *_: "channels_unreadable"
    ways = Ways(channels, settings.outbox.mode, frozenset(), settings.max_attempts)

    def why(recipient: Recipient, dead: DeadAddresses) -> str | None:
        if has_inbox(recipient, settings.inbox, settings.outbox.mode):
            return None
        found = reachable(recipient, replace(ways, dead=dead))
        return found.reason if isinstance(found, Unreachable) else None

    return why
