"""Planning passes: the tick's, which looks at what newly falls due, and the full one.

Passes take turns under an advisory lock. Each is one transaction of the caller's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from models.catalog import SiteCatalog
from scheduler.reminders.agenda import plan_agendas
from scheduler.reminders.changes import (
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
from scheduler.reminders.flood import hold_flood
from scheduler.reminders.notices import bring_back_notices, plan_notices, withdraw_notices
from scheduler.reminders.planning import alarm_minutes_in_use, plan, quiet_hours_wished
from scheduler.reminders.repeats import repeat_alarms
from scheduler.reminders.spans import (
    Lead,
    alarm_leads,
    all_due,
    early_for_quiet,
    newly_due,
    reminder_leads,
)
from scheduler.settings import Settings


@dataclass(frozen=True, slots=True)
class Changes:
    """Ledger rows that a pass moved. `made` are those made or brought back, whatever became of
    them; `planned` those of them that still are. `held`: they were too many."""

    made: frozenset[int] = frozenset()
    planned: frozenset[int] = frozenset()
    expired: frozenset[int] = frozenset()
    obsolete: frozenset[int] = frozenset()
    held: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Due:
    """Due times in (after, until]."""

    after: datetime
    until: datetime


TRY_TURN = text("SELECT pg_try_advisory_xact_lock(7236548812040022)")
TURN = text("SELECT pg_advisory_xact_lock(7236548812040022)")


def try_turn(conn: Connection) -> bool:
    """Whether no other pass is under way; then it is this transaction's turn until it ends."""
    return bool(conn.scalar(TRY_TURN))


TRY_SWEEP = text("SELECT pg_try_advisory_xact_lock(7236548812040023)")


def try_sweep(conn: Connection) -> bool:
    """Whether no other sweep is under way: they do not wait for each other."""
    return bool(conn.scalar(TRY_SWEEP))


def wait_turn(conn: Connection) -> None:
    """Wait until no other pass is under way."""
    conn.execute(TURN)


def narrow_pass(
    conn: Connection,
    catalog: SiteCatalog,
    settings: Settings,
    now: datetime,
    leads: Sequence[Lead],
    due: Due,
) -> Changes:
    """Plan what falls due in a span, and move what waited until now."""
    expired = expire(conn, now)
    try_again(conn, now)
    made = plan(conn, catalog, settings, now, newly_due(leads, due.after, due.until))
    dropped = drop_farther_leads(conn, now)
    return Changes(
        made.all, made.planned - dropped, expired | made.expired, made.obsolete | dropped
    )


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
    stop_repeating(conn, now)
    try_again(conn, now)
    follow_reentered(conn, now, zone)
    obsolete = withdraw(conn, catalog, now, zone) | withdraw_notices(conn, now, zone)
    planned = bring_back(conn, catalog, now, zone)
    planned |= bring_back_notices(conn, now, zone) | plan_notices(conn, now, zone)
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
