"""The sweep: every ten seconds, take back what was lost and hold the whole ledger against the site.

One transaction of the caller's; `sweep_by_hand` is the same for `remind`, as of any instant.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection

from models.catalog import SiteCatalog
from scheduler.reminders.changes import Changes
from scheduler.reminders.moves.claims import lapse
from scheduler.reminders.moves.expired import restore_expired
from scheduler.reminders.moves.flood_guard import hold_flood
from scheduler.reminders.moves.follow_notices import bring_back_notices, withdraw_notices
from scheduler.reminders.moves.follow_site import (
    bring_back,
    drop_before_first_tick,
    drop_farther_leads,
    drop_told_by_notice,
    expire,
    follow_reentered,
    stop_repeating,
    try_again,
    withdraw,
)
from scheduler.reminders.moves.unanswered import lose, repeating
from scheduler.reminders.plan.agenda import plan_agendas
from scheduler.reminders.plan.notices import plan_notices
from scheduler.reminders.plan.repeats import repeat_alarms
from scheduler.reminders.plan.sessions import alarm_minutes_in_use, plan, quiet_hours_wished
from scheduler.reminders.plan.windows import (
    Lead,
    alarm_leads,
    all_due,
    early_for_quiet,
    reminder_leads,
)
from scheduler.reminders.progress import Progress, note_alarm_leads, note_beat, progress
from scheduler.settings import Settings
from scheduler.turns import try_sweep_turn, wait_planning_turn

# How far back a session may have begun and still get its rows, as expired.
LOOK_BACK = timedelta(days=1)
# A flood limit beyond any number of messages: a pass by hand holds nothing.
UNLIMITED = 10**9
# An alarm that is due at the start counts for a minute more.
GRACE = timedelta(minutes=1)


def sweep(conn: Connection, catalog: SiteCatalog, settings: Settings, now: datetime) -> Changes:
    """Take back what was lost, and hold the whole ledger against the site.

    Where another sweep is under way: nothing. Before the first tick: only the former.
    """
    if not try_sweep_turn(conn):
        return Changes()
    recover_lost(conn, settings, now)
    note_beat(conn, "sweep", now)
    wait_planning_turn(conn)
    seen = progress(conn)
    if seen.first_tick_at is None:
        return Changes()
    note_alarm_leads(conn, alarm_minutes_in_use(conn, catalog, settings, now))
    return full_pass(conn, catalog, settings, now, since(seen, now))


def sweep_by_hand(
    conn: Connection, catalog: SiteCatalog, settings: Settings, now: datetime
) -> Changes:
    """A full round as if it were `now`, when the round under way has ended."""
    recover_lost(conn, settings, now)
    wait_planning_turn(conn)
    return full_pass(conn, catalog, unguarded(settings), now, since(progress(conn), now))


def unguarded(settings: Settings) -> Settings:
    """By hand a round does as it is told: only a FLOOD_LIMIT that was set holds anything."""
    return (
        settings if settings.flood_limit else settings.model_copy(update={"flood_limit": UNLIMITED})
    )


def recover_lost(conn: Connection, settings: Settings, now: datetime) -> None:
    """Messages whose lease ran out: claimed → planned, sending → unknown or held."""
    lapse(conn)
    lose(conn, repeating(settings), now)


def full_pass(
    conn: Connection,
    catalog: SiteCatalog,
    settings: Settings,
    now: datetime,
    since: datetime,
    silent_until: datetime | None = None,
) -> Changes:
    """Hold the ledger against the site: what has not begun, or began after `since`.

    `silent_until`: what was due by then is not sent (beat's first tick on a new ledger).
    """
    zone = settings.site_timezone
    expired = expire(conn, now)
    planned = restore_expired(conn, now)
    stop_repeating(conn, now)
    try_again(conn, now)
    follow_reentered(conn, now, zone)
    obsolete = withdraw(conn, catalog, now, zone) | withdraw_notices(conn, catalog, now, zone)
    planned |= bring_back(conn, catalog, now, zone)
    planned |= bring_back_notices(conn, catalog, now, zone) | plan_notices(conn, catalog, now, zone)
    planned |= repeat_alarms(conn, now, settings.alarm_repeat)
    planned |= plan_agendas(conn, catalog, settings, now, silent_until or since)
    minutes = alarm_minutes_in_use(conn, catalog, settings, now)
    leads, horizon = leads_of(settings, minutes), now + settings.plan_ahead
    windows = all_due(leads, since, horizon)
    if quiet_hours_wished(conn):
        windows += early_for_quiet(leads, since, horizon)
    made = plan(conn, catalog, settings, now, windows, silent_until)
    dropped = drop_farther_leads(conn, now) | drop_told_by_notice(conn, now)
    if silent_until is not None:
        dropped |= drop_before_first_tick(conn, silent_until)
    still = (planned | made.planned) - dropped
    held = hold_flood(conn, settings, now, still)
    return Changes(
        planned | made.all,
        still - held,
        expired | made.expired,
        obsolete | made.obsolete | dropped,
        held,
    )


def leads_of(settings: Settings, alarm_minutes: Sequence[int]) -> tuple[Lead, ...]:
    return (*reminder_leads(settings.reminder_leads), *alarm_leads(alarm_minutes))


def since(seen: Progress, now: datetime) -> datetime:
    """Sessions that began after this get rows, if only as expired: those since the last tick."""
    earliest = now - LOOK_BACK
    if seen.ticked_at is None or seen.ticked_at > now:  # a new ledger, or `remind` in the past
        return earliest
    return max(earliest, seen.ticked_at - GRACE)
