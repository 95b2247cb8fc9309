"""The words of messages to the admin. They name no address."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from scheduler.finding import Finding
from scheduler.words import local, many, reason
from tasks.alerts.unreached import Unreached, Week
from tasks.channels.redaction import one_line
from tasks.messages.letter import Letter

# More are not read, and no service takes a message of any length.
PEOPLE_SHOWN = 50
DOCTOR = "`celery -A tasks doctor` shows all that is wrong now."
LONGEST_TITLE = 120


def errors_letter(errors: Sequence[Finding], at: datetime, zone: ZoneInfo) -> Letter:
    """A letter about errors that are new since the last one; `at`: when they were found."""
    first = errors[0].detail if len(errors) == 1 else f"{len(errors)} new errors"
    found = [f"- {one_line(each.detail)}\n  Cure: {one_line(each.cure)}" for each in errors]
    lines = [f"Found at {local(at, zone)} ({zone.key}):", "", *found, "", DOCTOR]
    title = one_line(f"Session worker: {first}")
    return Letter(title[:LONGEST_TITLE], "\n".join(lines), urgent=True)


def digest_letter(week: Week, zone: ZoneInfo) -> Letter | None:
    """The weekly digest; None where everybody is reached and every session tells somebody."""
    if not week.people and not week.silence.silent:
        return None
    begins, ends = local(week.begins_at, zone), local(week.ends_at, zone)
    lines = [f"From {begins} to {ends} ({zone.key}):", ""]
    if week.people:
        has = "has" if len(week.people) == 1 else "have"
        title = f"{people(len(week.people))} cannot be reached"
        lines += [f"{people(len(week.people))} {has} sessions and no way to them:"]
        lines += [f"- {person(each, zone)}" for each in week.people[:PEOPLE_SHOWN]]
        if (more := len(week.people) - PEOPLE_SHOWN) > 0:
            lines.append(f"- and {more} more: `celery -A tasks deliveries --state unreachable`")
        lines.append("")
    else:
        title = f"{many(week.silence.silent, 'session')} will tell nobody"
    lines.append(silence(week))
    return Letter(f"Session worker, this week: {title}", "\n".join(lines))


def person(each: Unreached, zone: ZoneInfo) -> str:
    """'Abebe Kebede (user:7, tutor): 1 session, Tue 2026-12-01 14:00: no phone number'"""
    name = one_line(each.name or "somebody without a name")
    first = local(each.first_starts_at, zone)
    sessions = many(each.sessions, "session")
    when = first if each.sessions == 1 else f"the first {first}"
    return f"{name} ({each.recipient}, {each.role}): {sessions}, {when}: {reason(each.reason)}"


def silence(week: Week) -> str:
    counts = week.silence
    if not counts.silent:
        return f"Each of {many(counts.sessions, 'coming session')} tells somebody."
    words = f"{counts.silent} of {many(counts.sessions, 'coming session')} tell nobody"
    if counts.switched_off:
        words += f"; of {counts.switched_off} of them reminders and alarms are both switched off"
    return f"{words}."


def people(count: int) -> str:
    return "1 person" if count == 1 else f"{count} people"
