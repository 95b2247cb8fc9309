"""The tick: once a second, plan what falls due within PLAN_AHEAD (design, "Reminders and alarms").

It runs in one transaction of the caller's. A late tick, and the first on a new ledger, is a full
pass.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from models.catalog import SiteCatalog
from scheduler.reminders.changes import Changes
from scheduler.reminders.moves.follow_site import drop_farther_leads, expire, try_again
from scheduler.reminders.moves.rate_queue import call_up
from scheduler.reminders.plan.sessions import plan_newly_due
from scheduler.reminders.plan.windows import Lead, newly_due
from scheduler.reminders.progress import note_tick, progress
from scheduler.reminders.sweep import full_pass, leads_of, since
from scheduler.settings import Rate, Settings
from scheduler.turns import try_planning_turn

# A tick that comes later than this after the last one is a full pass.
LATE = timedelta(seconds=30)
# Longest span of due times that one tick plans.
LONGEST_STEP = timedelta(seconds=10)


def tick(conn: Connection, catalog: SiteCatalog, settings: Settings, now: datetime) -> Changes:
    """Plan what falls due by now + PLAN_AHEAD. Does nothing where another pass is under way.

    The first tick on a new ledger plans nothing that was due before it. Raises WrongDatabase.
    """
    if not try_planning_turn(conn):
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


@dataclass(frozen=True, slots=True)
class Due:
    """Due times in (after, until], both aware."""

    after: datetime
    until: datetime


def due_next(planned_until: datetime, horizon: datetime, settings: Settings) -> Due:
    """Due times that this tick plans: mostly none, then some seconds' worth at once.

    Each query of the site's table costs time, above all where it has no index on its dates; and
    with PLAN_AHEAD what is due now was planned long before.
    """
    step = min(LONGEST_STEP, settings.plan_ahead / 2)
    return Due(planned_until, horizon if horizon - planned_until >= step else planned_until)


def narrow_pass(
    conn: Connection,
    catalog: SiteCatalog,
    settings: Settings,
    now: datetime,
    leads: Sequence[Lead],
    due: Due,
) -> Changes:
    """Plan what falls due in `due`, and move messages whose wait ends by `now`."""
    expired = expire(conn, now)
    try_again(conn, now)
    made = plan_newly_due(conn, catalog, settings, now, newly_due(leads, due.after, due.until))
    dropped = drop_farther_leads(conn, now)
    return Changes(
        made.ids, made.planned - dropped, expired | made.expired, made.obsolete | dropped
    )


def rates(settings: Settings) -> list[Rate]:
    return [each.rate for each in settings.channels.values() if each.rate is not None]
