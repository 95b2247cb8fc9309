"""Reasons why a person has no message of a kind in the ledger: not yet, or not at all."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from scheduler.ledger.story.event import Event, What
from scheduler.ledger.story.people import Person
from scheduler.ledger.story.rows import MessageKey, Row
from scheduler.ledger.story.session import Session
from scheduler.message import Kind, Recipient
from scheduler.reminders.plan.windows import reminder_leads
from scheduler.reminders.progress import Progress
from scheduler.settings import Role, Settings
from scheduler.words import label, local, reason

# Beat ticks every second; after this long without one it counts as stopped.
STOPPED = timedelta(seconds=30)

# Why a person cannot be reached by any channel, as the ledger says it; None: somebody can.
Reach = Callable[[Recipient], str | None]


@dataclass(frozen=True, slots=True)
class Outlook:
    """What the messages of a session depend on, beside the person. `told_as`: what the ledger has
    about another session of the same people and start. `at_home`: whether this is the ledger's
    database. `reach` is asked only about people who are still to get something."""

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
        """In minutes, the farthest first."""
        if kind is Kind.ALARM:
            return (self.session.alarm_minutes,)
        found = {each.minutes for each in reminder_leads(self.settings.reminder_leads)}
        return tuple(sorted(found, reverse=True))


def lacking(person: Person, rows: Sequence[Row], outlook: Outlook) -> list[Event]:
    """What the ledger lacks for this person; `rows` is what it has."""
    events = [event for kind in MESSAGES for event in lacking_kind(kind, person, rows, outlook)]
    if events or rows:
        return events
    return [nothing(outlook, not_told(kind, person, outlook)) for kind in MESSAGES]


# A notice is made where somebody was told; the agenda is no message about one session.
MESSAGES = (Kind.REMINDER, Kind.ALARM)


def nothing(outlook: Outlook, words: str) -> Event:
    return Event(outlook.now, What.NOTHING, words)


def not_told(kind: Kind, person: Person, outlook: Outlook) -> str:
    roles = " and ".join(outlook.roles(kind)) or "nobody"
    return f"{kind}: not for a {person.role}, it goes to the {roles} ({kind.upper()}_RECIPIENTS)"


def lacking_kind(
    kind: Kind, person: Person, rows: Sequence[Row], outlook: Outlook
) -> Iterator[Event]:
    """Nothing where the person is no recipient of the kind, or the ledger tells it all."""
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
    """The role in which somebody of two roles gets the one message."""
    roles = [each.role for each in outlook.people if each.key == person.key]
    first = next(role for role in roles if role in outlook.roles(kind))
    return None if first is person.role else first


def never(kind: Kind, outlook: Outlook) -> str | None:
    """Why the session has no message of the kind, as things are."""
    session = outlook.session
    if kind is Kind.REMINDER and not session.reminds:
        return "notification_enabled is off"
    if kind is Kind.ALARM and not session.alarms:
        return "alarm_enabled is off"
    if not session.live:
        return f"the session is {session.status or 'without a status'}"
    if session.paused is not None:
        return f"its series is paused: {reason(session.paused)}"
    return None


def to_come(kind: Kind, minutes: int, person: Person, outlook: Outlook) -> Event:
    starts_at = outlook.session.starts_at
    due_at = starts_at - timedelta(minutes=minutes)
    about = label(kind, minutes)
    barred = why_barred(kind, person, outlook)
    if (other := outlook.told_as.get((person.key, kind, minutes))) is not None:
        return nothing(outlook, f"{about}: told for session {other}, of the same people and start")
    if starts_at <= outlook.now:
        words = f"the session began {outlook.at(starts_at)}, before a message was planned"
        return Event(starts_at, What.NOTHING, f"{about}: {words}")
    if barred is not None:
        return Event(due_at, What.NOTHING, f"{about}: as things are it will not go: {barred}")
    if due_at > outlook.now:
        words = f"not yet due, goes {outlook.at(due_at)}{why_this_lead(kind, outlook)}"
        return Event(due_at, What.DUE, f"{about}: {words}")
    return Event(due_at, What.OVERDUE, f"{about}: {why_unplanned(due_at, outlook)}")


def why_this_lead(kind: Kind, outlook: Outlook) -> str:
    """Where the row's alarm_before_minutes does not count."""
    given, minutes = outlook.session.alarm_given, outlook.session.alarm_minutes
    if kind is not Kind.ALARM or given == minutes:
        return ""
    return f" (alarm_before_minutes is {'empty' if given is None else given}: {minutes} counts)"


def why_barred(kind: Kind, person: Person, outlook: Outlook) -> str | None:
    """In the order in which a message is judged when it is sent."""
    if kind in person.muted:
        return reason("muted")
    if person.barred is not None:
        return reason(person.barred)
    recipient = person.recipients[kind]
    code = outlook.reach(recipient)
    return None if code is None else reason(code) + whose_address(code, recipient)


OF_THE_PHONE = ("bad_phone", "landline", "not_a_mobile")


def whose_address(code: str, recipient: Recipient) -> str:
    """Where the address stands that cannot be used, if not in users."""
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
