"""The sweep: every ten seconds, recover lost messages and compare the whole ledger with the site.

It runs in one transaction of the caller's. `sweep_by_hand` is the same for `remind`, as of any
instant.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection

from models.catalog import SiteCatalog
from scheduler.message import GRACE
from scheduler.reminders.begun_batches import forget_cut_off
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
from scheduler.reminders.moves.receipts import follow_receipts
from scheduler.reminders.moves.unanswered import lose, repeating
from scheduler.reminders.plan.agenda import plan_agendas
from scheduler.reminders.plan.follow_ups import plan_follow_ups
from scheduler.reminders.plan.notices import plan_notices
from scheduler.reminders.plan.repeats import repeat_alarms
from scheduler.reminders.plan.sessions import alarm_minutes_in_use, plan, quiet_hours_wished
from scheduler.reminders.plan.windows import (
    Lead,
    alarm_leads,
    all_due,
    early_for_quiet,
    escalation_leads,
    reminder_leads,
)
from scheduler.reminders.progress import Progress, note_alarm_leads, note_beat, progress
from scheduler.settings import Settings
from scheduler.turns import try_sweep_turn, wait_planning_turn

# Sessions that began up to this long ago still get ledger rows, as expired.
LOOK_BACK = timedelta(days=1)
# A flood limit above any number of messages, so that a pass by hand holds none.
UNLIMITED = 10**9


def sweep(conn: Connection, catalog: SiteCatalog, settings: Settings, now: datetime) -> Changes:
    """Recover lost messages, and compare the whole ledger with the site as of `now` (aware).

    Does nothing where another sweep is under way. Before the first tick it only recovers.
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
    """Run a full pass as if it were `now`; waits for a pass that is under way."""
    recover_lost(conn, settings, now)
    wait_planning_turn(conn)
    return full_pass(conn, catalog, unguarded(settings), now, since(progress(conn), now))


def unguarded(settings: Settings) -> Settings:
    """The settings for a pass by hand: only an explicit FLOOD_LIMIT holds messages."""
    return (
        settings if settings.flood_limit else settings.model_copy(update={"flood_limit": UNLIMITED})
    )


def recover_lost(conn: Connection, settings: Settings, now: datetime) -> None:
    """Recover messages whose lease lapsed: claimed → planned, sending → unknown or held."""
    lapse(conn)
    lose(conn, repeating(settings), now)
    forget_cut_off(conn)


def full_pass(
    conn: Connection,
    catalog: SiteCatalog,
    settings: Settings,
    now: datetime,
    since: datetime,
    silent_until: datetime | None = None,
) -> Changes:
    """Compare the ledger with the site, for sessions that have not begun or began after `since`.

    `silent_until`: messages due by then are not sent (beat's first tick on a new ledger).
    """
    zone = settings.site_timezone
    fallen = follow_receipts(conn, settings, now)
    expired = expire(conn, now)
    planned = restore_expired(conn, now)
    stop_repeating(conn, now)
    try_again(conn, now)
    follow_reentered(conn, now, zone)
    obsolete = withdraw(conn, catalog, now, zone) | withdraw_notices(conn, catalog, settings, now)
    planned |= bring_back(conn, catalog, now, zone)
    planned |= bring_back_notices(conn, catalog, settings, now) | plan_notices(
        conn, catalog, settings, now
    )
    planned |= repeat_alarms(conn, now, settings.alarm_repeat)
    planned |= plan_agendas(conn, catalog, settings, now, silent_until or since)
    planned |= plan_follow_ups(conn, catalog, settings, now, silent_until or since)
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
        planned | made.ids | fallen,
        (still | fallen) - held,
        expired | made.expired,
        obsolete | made.obsolete | dropped,
        held,
    )


def leads_of(settings: Settings, alarm_minutes: Sequence[int]) -> tuple[Lead, ...]:
    """The leads of all reminders, of alarms due `alarm_minutes` before the start, and of those
    that are passed on."""
    return (
        *reminder_leads(settings.reminder_leads),
        *alarm_leads(alarm_minutes),
        *escalation_leads(settings),
    )


def since(seen: Progress, now: datetime) -> datetime:
    """Instant of the last tick, at most LOOK_BACK ago: sessions that began after it get ledger
    rows, as expired ones."""
    earliest = now - LOOK_BACK
    if seen.ticked_at is None or seen.ticked_at > now:  # a new ledger, or `remind` in the past
        return earliest
    return max(earliest, seen.ticked_at - GRACE)
