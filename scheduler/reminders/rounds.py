"""The rounds that beat asks for: the tick's and the sweep's, each one transaction of the caller's.

`installation` notes how far planning has come; a round by hand (`remind`) leaves it alone.
"""

from datetime import datetime, timedelta

from sqlalchemy import Connection

from models.catalog import SiteCatalog
from models.installation import Whereabouts, adopt_installation, whereabouts
from scheduler.reminders.claims import lapse
from scheduler.reminders.holding import REWOUND, WRONG_DATABASE, hold_all, hold_due
from scheduler.reminders.moves import lose
from scheduler.reminders.pacing import call_up
from scheduler.reminders.passes import (
    Changes,
    Due,
    full_pass,
    leads_of,
    narrow_pass,
    try_sweep,
    try_turn,
    wait_turn,
)
from scheduler.reminders.planning import alarm_minutes_in_use
from scheduler.reminders.progress import Progress, note_alarm_leads, note_beat, note_tick, progress
from scheduler.settings import ChannelName, OnUnknown, Rate, Settings

# How far back a session may have begun and still get its rows, as expired.
LOOK_BACK = timedelta(days=1)
# A tick that comes later than this holds the whole ledger against the site first.
LATE = timedelta(seconds=30)
# How much the tick plans at once, at most.
LONGEST_STEP = timedelta(seconds=10)
ALL = 10**9
# An alarm that is due at the start counts for a minute more.
GRACE = timedelta(minutes=1)

ELSEWHERE = "this ledger was set up on another server or database"
REWOUND_WORDS = (
    "the server was restored or promoted; what was due by the last tick may have gone out"
)


class WrongDatabase(Exception):
    """The ledger came here with a copy or a restore. Everything is held."""

    def __init__(self) -> None:
        super().__init__(
            f"{ELSEWHERE}: nothing is sent. If this is its home now, run"
            " `celery -A tasks doctor --adopt-database`."
        )


def tick(conn: Connection, catalog: SiteCatalog, settings: Settings, now: datetime) -> Changes:
    """Plan what falls due by now + PLAN_AHEAD. Where another round is under way: nothing.

    The first tick on a new ledger sends nothing that was due before it. Raises WrongDatabase.
    """
    if not try_turn(conn):
        return Changes()
    seen = progress(conn)
    horizon = now + settings.plan_ahead
    if seen.first_tick_at is None:
        changes = full_pass(conn, catalog, settings, now, since=now, silent_until=now)
    elif seen.planned_until is None or seen.planned_until < now - LATE:
        changes = full_pass(conn, catalog, settings, now, since(seen, now))
    else:
        due = due_next(seen.planned_until, horizon, settings)
        leads = leads_of(settings, seen.alarm_leads)
        changes = narrow_pass(conn, catalog, settings, now, leads, due)
        horizon = due.until
    note_tick(conn, now, horizon)
    call_up(conn, rates(settings), now)
    return changes


def rates(settings: Settings) -> list[Rate]:
    return [each.rate for each in settings.channels.values() if each.rate is not None]


def due_next(planned_until: datetime, horizon: datetime, settings: Settings) -> Due:
    """What the tick plans: nothing in most seconds, then some seconds at once.

    Each look at the site's table costs something, above all where it lacks the index; what is due
    has been planned long before.
    """
    step = min(LONGEST_STEP, settings.plan_ahead / 2)
    return Due(planned_until, horizon if horizon - planned_until >= step else planned_until)


def sweep(conn: Connection, catalog: SiteCatalog, settings: Settings, now: datetime) -> Changes:
    """Take back what was lost, and hold the whole ledger against the site.

    Where another sweep is under way: nothing. Before the first tick: only the former.
    """
    if not try_sweep(conn):
        return Changes()
    take_back(conn, settings, now)
    note_beat(conn, "sweep", now)
    wait_turn(conn)
    seen = progress(conn)
    if seen.first_tick_at is None:
        return Changes()
    note_alarm_leads(conn, alarm_minutes_in_use(conn, catalog, settings, now))
    return full_pass(conn, catalog, settings, now, since(seen, now))


def by_hand(conn: Connection, catalog: SiteCatalog, settings: Settings, now: datetime) -> Changes:
    """A full round as if it were `now`, when the round under way has ended."""
    take_back(conn, settings, now)
    wait_turn(conn)
    return full_pass(conn, catalog, unguarded(settings), now, since(progress(conn), now))


def unguarded(settings: Settings) -> Settings:
    """By hand a round does as it is told: only a FLOOD_LIMIT that was set holds anything."""
    return settings if settings.flood_limit else settings.model_copy(update={"flood_limit": ALL})


def hold_elsewhere(conn: Connection) -> bool:
    """Whether this is not the ledger's database; then everything is held.

    After a restore to an earlier moment or a fail-over, only what was due by the last tick is: it
    may have gone out, and the ledger has lost that. The rest goes on.
    """
    if whereabouts(conn) is Whereabouts.HOME:
        return False
    wait_turn(conn)  # another round, or an adoption, may be bringing the ledger home
    match whereabouts(conn):
        case Whereabouts.REWOUND:
            hold_due(conn, REWOUND, REWOUND_WORDS, progress(conn).ticked_at)
            adopt_installation(conn)
        case Whereabouts.ELSEWHERE:
            hold_all(conn, WRONG_DATABASE, ELSEWHERE)
            return True
        case Whereabouts.HOME:
            pass
    return False


def is_elsewhere(conn: Connection) -> bool:
    """Whether nothing is sent from here; holds nothing itself."""
    return whereabouts(conn) is Whereabouts.ELSEWHERE


def take_back(conn: Connection, settings: Settings, now: datetime) -> None:
    """Messages whose lease ran out: claimed → planned, sending → unknown or held."""
    lapse(conn)
    lose(conn, repeating(settings), now)


def repeating(settings: Settings) -> list[ChannelName]:
    """The channels on which a message that was never answered is repeated."""
    channels = settings.channels.items()
    return [name for name, channel in channels if channel.unknown is OnUnknown.REPEAT]


def since(seen: Progress, now: datetime) -> datetime:
    """Sessions that began after this get rows, if only as expired: those since the last tick."""
    earliest = now - LOOK_BACK
    if seen.ticked_at is None or seen.ticked_at > now:  # a new ledger, or `remind` in the past
        return earliest
    return max(earliest, seen.ticked_at - GRACE)
