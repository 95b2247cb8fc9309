"""The variables of message templates: clean texts, one entry for each session, in order.

Admins' own templates rely on these names (docs/templates.md): rename none.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import groupby

from scheduler.message import Absent, ChangeKind, Kind, Lesson, Message
from scheduler.settings import Role
from tasks.messages.clean_text import href
from tasks.messages.moment import Moment, Tongue, moment

ONLINE = "online"
IN_PERSON = {"inperson", "offline", "onsite"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One session, or a group's sessions that differ only in the student. Texts may be ''.

    `change` is '', 'moved', 'cancelled', 'restored' or 'reassigned'; `was` is the start notified
    before. `role` is the reader's in this session. `replaced`: the roles that another person has
    taken over; `absent`: whose absence it is cancelled for, `closed_for` the reason of everybody's;
    `goes_on_with`: the students who remain in a lesson that `students` left. `gap` and
    `overlaps` are for agendas: the free time before this entry, and an overlap with an earlier one.
    """

    subject: str
    topic: str
    tutor: str
    students: tuple[str, ...]
    link: str
    place: str
    board: str
    when: Moment
    was: Moment | None
    change: str
    role: Role
    gap_minutes: int = 0
    overlaps: bool = False
    replaced: frozenset[Role] = frozenset()
    goes_on_with: tuple[str, ...] = ()
    absent: Absent | None = None
    closed_for: str = ""

    @property
    def href(self) -> str:
        """The target for `link` in HTML: an http or https URL, else ''."""
        return href(self.link)

    @property
    def who(self) -> str:
        """The other person as a phrase: 'with Sara', 'with 30 students', 'for Sara with Abebe'."""
        return self.when.tongue.who(self.role, self.tutor, self.students)

    @property
    def what(self) -> str:
        """Subject and the other person: 'Mathematics with Sara'"""
        return self.when.tongue.what(self.subject, self.who)

    @property
    def news(self) -> str:
        """'the tutor is now Hana', 'Hana is away'; '' if nobody was replaced or is away"""
        tongue = self.when.tongue
        if self.change == ChangeKind.CANCELLED:
            return self.away
        parts = (
            tongue.replacement(Role.TUTOR, (self.tutor,)) if Role.TUTOR in self.replaced else "",
            tongue.replacement(Role.STUDENT, self.students)
            if Role.STUDENT in self.replaced
            else "",
        )
        return ", ".join(part for part in parts if part)

    @property
    def away(self) -> str:
        """Why it is cancelled: 'Hana is away', 'you are away', a holiday's name; '' if unknown"""
        match self.absent:
            case Absent.TUTOR:
                return self.when.tongue.away(Role.TUTOR, self.role, (self.tutor,))
            case Absent.STUDENT:
                return self.when.tongue.away(Role.STUDENT, self.role, self.students)
            case _:
                return self.closed_for

    @property
    def rest(self) -> str:
        """The students who remain in the lesson after `students` left it: 'with Abebe and Dawit';
        or ''"""
        return self.when.tongue.who(Role.TUTOR, "", self.goes_on_with)

    @property
    def times(self) -> str:
        """Old and new start, short, or the only start: 'Fri 27 Nov 14:00 → 15:00'"""
        when, was = self.when, self.was
        if was is None or self.change != "moved":
            return when.brief
        return f"{was.brief} → {when.brief_clock if self.same_day else when.brief}"

    @property
    def same_day(self) -> bool:
        """True if the old start is on the same day, or nothing moved."""
        when, was = self.when, self.was
        return was is None or was.starts_at.date() == when.starts_at.date()

    @property
    def clocks(self) -> str:
        """`times` without the date: '14:00 → 15:00', '14:00'; '' if the date moved."""
        when, was = self.when, self.was
        if was is None or self.change != "moved":
            return when.brief_clock
        return f"{was.brief_clock} → {when.brief_clock}" if self.same_day else ""

    @property
    def names(self) -> str:
        """The students, at most five by name."""
        return self.when.tongue.names(self.students)

    @property
    def gap(self) -> str:
        """'45 minutes'; '' for no gap"""
        return self.when.tongue.lasting(timedelta(minutes=self.gap_minutes))


@dataclass(frozen=True, slots=True)
class Page:
    """One message. `only` is its entry if it has just one, else None; `change` is that of all its
    entries, 'mixed' if they differ, '' if it is no notice. `mute_url`: the link to stop all
    messages, '' for none."""

    kind: str
    role: Role
    language: str
    name: str
    entries: tuple[Entry, ...]
    mute_url: str = ""

    @property
    def only(self) -> Entry | None:
        return self.entries[0] if len(self.entries) == 1 else None

    @property
    def runs(self) -> tuple[tuple[Entry, ...], ...]:
        """The entries in order; neighbours that differ only in their times form one run."""
        first = self.entries[0].when
        alike = groupby(self.entries, key=lambda entry: replace(entry, when=first, was=None))
        return tuple(tuple(run) for _, run in alike)

    @property
    def change(self) -> str:
        changes = {entry.change for entry in self.entries}
        return changes.pop() if len(changes) == 1 else "mixed"

    @property
    def context(self) -> dict[str, object]:
        """The variables of a template, by name."""
        return {
            "kind": self.kind,
            "role": self.role,
            "language": self.language,
            "name": self.name,
            "entries": self.entries,
            "runs": self.runs,
            "only": self.only,
            "when": self.entries[0].when,
            "change": self.change,
            "mute_url": self.mute_url,
        }


def page_of(message: Message, tongue: Tongue) -> Page:
    """The page of a message with clean texts.

    Raises ValueError for a message without lessons.
    """
    if not message.lessons:
        raise ValueError(f"message {message.key} is about no lesson")
    entries = grouped([entry_of(lesson, message, tongue) for lesson in message.lessons])
    ordered = sorted(entries, key=lambda entry: (entry.when.wait, entry.subject))
    recipient = message.recipient
    return Page(
        kind=message.kind.value,
        role=recipient.role,
        language=tongue.code,
        name=recipient.name or "",
        entries=tuple(spaced(ordered) if message.kind is Kind.AGENDA else ordered),
        mute_url=message.mute_url,
    )


def entry_of(lesson: Lesson, message: Message, tongue: Tongue) -> Entry:
    link, place = way_in(lesson)
    if not link and not place and mode_of(lesson) == ONLINE:
        place = tongue.no_link
    zone, now, change = message.recipient.preferences.zone, message.now, lesson.change
    starts_at, ends_at = told_times(lesson)
    was = moment(change.old_starts_at, None, now, zone, tongue) if change else None
    return Entry(
        subject=lesson.subject or tongue.session,
        topic=lesson.topic or "",
        tutor=lesson.tutor_name or "",
        students=(lesson.student_name,) if lesson.student_name else (),
        link=link,
        place=place,
        board=lesson.whiteboard_name or "",
        when=moment(starts_at, ends_at, now, zone, tongue),
        was=was,
        change=change.kind.value if change else "",
        role=lesson.role,
        replaced=change.replaced if change else frozenset(),
        goes_on_with=lesson.goes_on_with,
        absent=change.absent if change else None,
        closed_for=lesson.closed_for,
    )


def told_times(lesson: Lesson) -> tuple[datetime, datetime]:
    """Start and end as the person knows them: for a cancelled lesson, the start last notified."""
    if lesson.change is None or lesson.change.kind is not ChangeKind.CANCELLED:
        return lesson.starts_at, lesson.ends_at
    starts_at = lesson.change.old_starts_at.astimezone(UTC)
    length = lesson.ends_at.astimezone(UTC) - lesson.starts_at.astimezone(UTC)
    return starts_at, starts_at + length


def way_in(lesson: Lesson) -> tuple[str, str]:
    """Link and place. A session in person with a place is shown without link, an online one with a
    link without place; for any other mode, both are shown."""
    link, place = lesson.meeting_link or "", lesson.location or ""
    mode = mode_of(lesson)
    if link and place and mode in IN_PERSON:
        return "", place
    if link and place and mode == ONLINE:
        return link, ""
    return link, place


def mode_of(lesson: Lesson) -> str:
    """The mode as letters only, in lower case: 'In-person' gives 'inperson'."""
    return "".join(letter for letter in (lesson.mode or "").lower() if letter.isalpha())


def grouped(entries: list[Entry]) -> list[Entry]:
    """The entries, those that differ only in the student merged, their students sorted by name."""
    if len(entries) == 1:
        return entries
    groups: dict[Entry, list[str]] = {}
    for entry in entries:
        groups.setdefault(replace(entry, students=()), []).extend(entry.students)
    return [
        replace(entry, students=tuple(sorted(students, key=str.casefold)))
        for entry, students in groups.items()
    ]


def spaced(entries: list[Entry]) -> Iterable[Entry]:
    """The entries, in order of their start, each with the free minutes before it."""
    busy_until = entries[0].when.wait
    for entry in entries:
        free = entry.when.wait - busy_until
        minutes = max(free // timedelta(minutes=1), 0)
        yield replace(entry, gap_minutes=minutes, overlaps=free < timedelta(0))
        busy_until = max(busy_until, entry.when.wait + entry.when.length)
