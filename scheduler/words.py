"""Texts of times, durations and the ledger's reasons for an admin."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from scheduler.message import Kind

SECOND = timedelta(seconds=1)
ENDINGS = {1: "st", 2: "nd", 3: "rd"}
UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def duration(span: timedelta) -> str:
    """'3 s', '12 min', '1 h 30 min', '24 h', '2 d 3 h': two units, days from the second on."""
    left = max(0, round(span / SECOND))
    units = UNITS if left >= 2 * 86_400 else UNITS[1:]
    parts = []
    for unit, seconds in units:
        count, left = divmod(left, seconds)
        parts.append((count, unit))
    first = next((place for place, (count, _) in enumerate(parts) if count), len(parts) - 1)
    said = [f"{count} {unit}" for count, unit in parts[first : first + 2] if count]
    return " ".join(said) or "0 s"


def relative(at: datetime, now: datetime) -> str:
    """'in 12 min', '3 s ago', 'now'."""
    if abs(at - now) < SECOND:
        return "now"
    return f"in {duration(at - now)}" if at > now else f"{duration(now - at)} ago"


def local(at: datetime, zone: ZoneInfo) -> str:
    """'Tue 2026-12-01 14:00', on the site's wall clock."""
    return f"{at.astimezone(zone):%a %Y-%m-%d %H:%M}"


def lead(minutes: int) -> str:
    """'24 h before the start', 'at the start'."""
    return f"{duration(timedelta(minutes=minutes))} before the start" if minutes else "at the start"


def label(kind: str, lead_minutes: int, revision: int = 0) -> str:
    """Label of one of a person's messages about a session: 'alarm 15 min before the start'.

    `revision`: 1 and more for an alarm's repeats, 0 otherwise.
    """
    if kind == Kind.ESCALATION:
        return f"alarm passed on {lead(lead_minutes)}"
    if kind == Kind.FOLLOW_UP:
        return "question after the session"
    if kind not in (Kind.ALARM, Kind.REMINDER):
        return kind
    again = f", repeated ({ordinal(revision + 1)} time)" if revision else ""
    return f"{kind} {lead(lead_minutes)}{again}"


def ordinal(number: int) -> str:
    """'2nd', '11th', '21st'"""
    ending = "th" if number % 100 in (11, 12, 13) else ENDINGS.get(number % 10, "th")
    return f"{number}{ending}"


REASONS: Mapping[str, str] = {
    "deleted": "the session was deleted",
    "reassigned": "the session was given to another tutor or student",
    "cancelled": "the session was cancelled",
    "not_scheduled": "the session's status is not scheduled any more",
    "moved": "the session was moved",
    "switched_off": "it was switched off on the session",
    "lead_changed": "alarm_before_minutes was changed",
    "series_paused": "the session's series is paused",
    "begun": "the session has begun",
    "before_first_tick": "it was due before the worker's first tick, so it is not sent",
    "nearer_lead": "a nearer one was due as well, and only the nearest is sent",
    "told_by_notice": "a notice told this start already",
    "changed_again": "the session changed again before it was told",
    "restored": "the session is on again",
    "overtaken": "a newer message about the session was sent",
    "empty_day": "no session is left on that day",
    "acknowledged": "the person has seen it",
    "snoozed": "the person wants it again later",
    "paused": "it waits for a paused channel",
    "no_words": "its template failed, and it is tried again each minute",
    "rate": "it waits for a place within the channel's rate",
    "channel_down": "it waits for a channel whose provider is down",
    "channel_busy": "it waits for a channel whose provider is slow",
    "person_rate": "the person has had as many messages as PERSON_RATE allows",
    "sms_budget": "the month's SMS are used up (SMS_BUDGET)",
    "same_text": "one number got the same text four times within half an hour",
    "no_answer": "it was handed over and never answered",
    "whose_ids": "the sessions' people could be read in two ways",
    "ids_told": "it is now known whose ids the sessions hold",
    "wrong_database": "this is not the ledger's database",
    "rewound": "the server was restored or promoted: it may have been sent before",
    "flood": "too many at once",
    "muted": "the person muted these messages",
    "suspended": "the tutor is suspended",
    "account_suspended": "the person's account is suspended",
    "inactive": "the person is not active",
    "no_address": "the person has no address",
    "no_channel": "no channel is configured",
    "channels_unreadable": "the channels cannot be used: see `celery -A tasks doctor`",
    "no_user": "there is no user for the role",
    "no_email": "no e-mail address",
    "bad_email": "an unusable e-mail address",
    "no_phone": "no phone number",
    "bad_phone": "an unusable phone number",
    "landline": "the phone is a landline",
    "not_a_mobile": "the phone takes no SMS",
    "dropped_by_admin": "an admin dropped it",
    "dead_address": "an address that refused for good",
    "undelivered": "it did not arrive, so the next channel is tried",
    "no_other_channel": "it did not arrive, and no other channel reaches the person",
}


def reason(code: str | None) -> str:
    """The ledger's reason in words. Several reasons are separated by commas, here and there."""
    parts = [part.strip() for part in (code or "").split(",") if part.strip()]
    return ", ".join(REASONS.get(part, part.replace("_", " ")) for part in parts)


def many(count: int, one: str) -> str:
    """'1 message', '3 messages'."""
    return f"{count} {one}" if count == 1 else f"{count} {one}s"
