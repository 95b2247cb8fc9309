"""Reasons why a person has no message of a kind in the ledger: not yet, or not at all."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from scheduler.ledger.story.event import Event, What
from scheduler.ledger.story.ledger_rows import MessageKey, Row
from scheduler.ledger.story.people import Person
from scheduler.ledger.story.session import Session
from scheduler.message import Kind, Recipient
from scheduler.reminders.plan.windows import reminder_leads
from scheduler.reminders.progress import Progress
from scheduler.settings import Role, Settings
from scheduler.words import label, local, reason

# Beat ticks every second; after this long without one it counts as stopped.
STOPPED = timedelta(seconds=30)

# Returns the reason why a person cannot be reached, as in the ledger, or None.
Reach = Callable[[Recipient], str | None]


@dataclass(frozen=True, slots=True)
class Outlook:
    """All that a session's messages depend on, except the person.

    `told_as`: messages in the ledger about another session of the same people and start. `at_home`:
    this is the ledger's database. `reach` is called only for people with messages to come.
    """

    session: Session
    people: Sequence[Person]
    told_as: Mapping[MessageKey, int]
    settings: Settings
    progress: Progress
    at_home: bool
    reach: Reach
    now: datetime

    def at(self, instant: datetime) -> str:
        return local(instant, self.settings.zone)

    def roles(self, kind: Kind) -> tuple[Role, ...]:
        settings = self.settings
        return settings.reminder_recipients if kind is Kind.REMINDER else settings.alarm_recipients

    def leads(self, kind: Kind) -> tuple[int, ...]:
        """Leads in minutes, the longest first."""
        if kind is Kind.ALARM:
            return (self.session.alarm_minutes,)
        found = {each.minutes for each in reminder_leads(self.settings.reminder_leads)}
        return tuple(sorted(found, reverse=True))


def missing_events(person: Person, rows: Sequence[Row], outlook: Outlook) -> list[Event]:
    """Events for the messages that the ledger does not have. `rows`: the person's ledger rows."""
    events = [event for kind in MESSAGES for event in missing_of_kind(kind, person, rows, outlook)]
    if events or rows:
        return events
    return [nothing(outlook, not_told(kind, person, outlook)) for kind in MESSAGES]


# Without notices, which exist only after another message, and the agenda, which is about a day.
MESSAGES = (Kind.REMINDER, Kind.ALARM)


def nothing(outlook: Outlook, words: str) -> Event:
    return Event(outlook.now, What.NOTHING, words)


def not_told(kind: Kind, person: Person, outlook: Outlook) -> str:
    roles = " and ".join(outlook.roles(kind)) or "nobody"
    return f"{kind}: not for a {person.role}, it goes to the {roles} ({kind.upper()}_RECIPIENTS)"


def missing_of_kind(
    kind: Kind, person: Person, rows: Sequence[Row], outlook: Outlook
) -> Iterator[Event]:
    """Events of one kind; none where the person is no recipient of it or no message is missing."""
    if person.role not in outlook.roles(kind):
        return
    of_kind = [row for row in rows if row.kind == kind]
    if (other := other_role(kind, person, outlook)) is not None:
        yield nothing(outlook, f"{kind}: the same person gets it as the {other}, once")
    elif (why := never(kind, outlook)) is not None:
        if not of_kind:
            yield nothing(outlook, f"{kind}: {why}")
    else:
        had = {row.lead_minutes for row in of_kind if row.starts_at == outlook.session.starts_at}
        for minutes in outlook.leads(kind):
            if minutes not in had:
                yield to_come(kind, minutes, person, outlook)


def other_role(kind: Kind, person: Person, outlook: Outlook) -> Role | None:
    """The other role for which a person with two roles gets the message, or None."""
    roles = [each.role for each in outlook.people if each.key == person.key]
    first = next(role for role in roles if role in outlook.roles(kind))
    return None if first is person.role else first


def never(kind: Kind, outlook: Outlook) -> str | None:
    """The reason why the session has no messages of the kind at present, or None."""
    session = outlook.session
    if kind is Kind.REMINDER and not session.reminds:
        return "notification_enabled is off"
    if kind is Kind.ALARM and not session.alarms:
        return "alarm_enabled is off"
    if not session.live:
        why = f" for {session.absence}" if session.absence is not None else ""
        return f"the session is {session.status or 'without a status'}{why}"
    if session.paused is not None:
        return f"its series is paused: {reason(session.paused)}"
    return None


def to_come(kind: Kind, minutes: int, person: Person, outlook: Outlook) -> Event:
    starts_at = outlook.session.starts_at
    due_at = starts_at - timedelta(minutes=minutes)
    about = label(kind, minutes)
    barred = why_barred(kind, person, outlook)
    if (other := outlook.told_as.get((person.key, kind, minutes))) is not None:
        words = f"{about}: told for session {other}, which has the same people and start"
        return nothing(outlook, words)
    if starts_at <= outlook.now:
        words = f"the session began {outlook.at(starts_at)}, before a message was planned"
        return Event(starts_at, What.NOTHING, f"{about}: {words}")
    if barred is not None:
        return Event(due_at, What.NOTHING, f"{about}: as things are it will not be sent: {barred}")
    if due_at > outlook.now:
        words = f"not yet due, goes {outlook.at(due_at)}{why_this_lead(kind, outlook)}"
        return Event(due_at, What.DUE, f"{about}: {words}")
    return Event(due_at, What.OVERDUE, f"{about}: {why_unplanned(due_at, outlook)}")


def why_this_lead(kind: Kind, outlook: Outlook) -> str:
    """A remark where the row's alarm_before_minutes is not used."""
    given, minutes = outlook.session.alarm_given, outlook.session.alarm_minutes
    if kind is not Kind.ALARM or given == minutes:
        return ""
    return f" (alarm_before_minutes is {'empty' if given is None else given}: {minutes} is used)"


def why_barred(kind: Kind, person: Person, outlook: Outlook) -> str | None:
    """The reason why the person would not get it, in the order of the checks before sending."""
    if kind in person.muted:
        return reason("muted")
    if person.barred is not None:
        return reason(person.barred)
    recipient = person.recipients[kind]
    code = outlook.reach(recipient)
    return None if code is None else reason(code) + whose_address(code, recipient)


OF_THE_PHONE = ("bad_phone", "landline", "not_a_mobile")


def whose_address(code: str, recipient: Recipient) -> str:
    """A remark with the origin of an unusable address, if that is not users."""
    phone = recipient.phone_source == "enrolment" and any(each in code for each in OF_THE_PHONE)
    email = recipient.email_source == "enrolment" and "bad_email" in code
    return " (from the enrolment in tutor_students)" if phone or email else ""


def why_unplanned(due_at: datetime, outlook: Outlook) -> str:
    ticked_at = outlook.progress.ticked_at
    if not outlook.at_home:
        return "this is not the ledger's database: see `celery -A tasks doctor`"
    if ticked_at is None:
        return "nothing is planned before beat's first tick: start beat and a worker"
    if outlook.now - ticked_at > STOPPED:
        return f"nothing was planned since {outlook.at(ticked_at)}: see `celery -A tasks doctor`"
    return f"was due {outlook.at(due_at)}; entered or switched on since, the next sweep plans it"
