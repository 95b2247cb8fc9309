"""Story of a session's messages, with the channels' reasons why people cannot be reached."""

from collections.abc import Callable
from datetime import datetime
from functools import cache

from sqlalchemy import Connection

from scheduler.ledger.story import Explanation, Reach, explain
from scheduler.message import Recipient
from scheduler.reminders.dead_addresses import dead_addresses
from scheduler.settings import InvalidSetting, Settings
from tasks.database import engine, site_catalog


def explain_session(settings: Settings, now: datetime, session_id: int) -> Explanation:
    """The story of a session. Raises LedgerRefusal where the session is unknown."""
    made = engine(settings)
    with made.connect() as conn:
        return explain(
            conn, site_catalog(made), settings, now, session_id, reach_of(conn, settings)
        )


def reach_of(conn: Connection, settings: Settings) -> Reach:
    """A function that returns the reason why a person cannot be reached by any channel, or None.

    The channels are made with its first call, as Apprise is slow to import.
    """
    judge = cache(lambda: judge_of(conn, settings))
    return lambda recipient: judge()(recipient)


def judge_of(conn: Connection, settings: Settings) -> Callable[[Recipient], str | None]:
    from tasks.channels.address import Unreachable
    from tasks.channels.configured import channels_of
    from tasks.delivery.decision import Ways, has_inbox, reachable

    try:
        channels = channels_of(settings)
    except InvalidSetting:
        return lambda _: "channels_unreadable"
    ways = Ways(
        channels, settings.outbox.mode, frozenset(), settings.max_attempts,
        dead=dead_addresses(conn),
    )  # fmt: skip

    def why(recipient: Recipient) -> str | None:
        if has_inbox(recipient, settings.inbox, settings.outbox.mode):
            return None
        found = reachable(recipient, ways)
        return found.reason if isinstance(found, Unreachable) else None

    return why
