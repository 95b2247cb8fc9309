"""The message as a template sees it: clean texts, one entry for each session, in order.

These names are a promise to the admins who write templates of their own (docs/templates.md).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import groupby

from scheduler.message import ChangeKind, Kind, Lesson, Message
from scheduler.settings import Role
from tasks.messages.clean_text import href
from tasks.messages.moment import Moment, Tongue, moment

ONLINE = "online"
IN_PERSON = {"inperson", "offline", "onsite"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One session, or a group's sessions that differ in the student alone. Texts may be ''.

    `change` is '', 'moved', 'cancelled', 'restored' or 'reassigned'; `was` is the start that was
    told before. `role` is the reader's in this session. `replaced`: whose place somebody else has
    now; `goes_on_with`: who stays in a lesson that `students` are out of. `gap` and
    `overlaps` are the agenda's: minutes free before it, and whether it begins too early for that.
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

    @property
    def href(self) -> str:
        """What `link` may point at in HTML: http or https, else ''."""
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
        """'the tutor is now Hana', '' where nobody has been replaced"""
        tongue = self.when.tongue
        parts = (
            tongue.replacement(Role.TUTOR, (self.tutor,)) if Role.TUTOR in self.replaced else "",
            tongue.replacement(Role.STUDENT, self.students)
            if Role.STUDENT in self.replaced
            else "",
        )
        return ", ".join(part for part in parts if part)

    @property
    def rest(self) -> str:
        """'with Abebe and Dawit', who stay in a lesson that its `students` are out of; else ''"""
        return self.when.tongue.who(Role.TUTOR, "", self.goes_on_with)

    @property
    def times(self) -> str:
        """Old and new start in little room, or the start: 'Fri 27 Nov 14:00 → 15:00'"""
        when, was = self.when, self.was
        if was is None or self.change != "moved":
            return when.brief
        return f"{was.brief} → {when.brief_clock if self.same_day else when.brief}"

    @property
    def same_day(self) -> bool:
        """Whether the start that was told before is of the same day; true where nothing moved."""
        when, was = self.when, self.was
        return was is None or was.starts_at.date() == when.starts_at.date()

    @property
    def clocks(self) -> str:
        """What `times` tells beside a date: '14:00 → 15:00', '14:00'; '' where the date moved."""
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
        """'45 minutes', '' where there is none"""
        return self.when.tongue.lasting(timedelta(minutes=self.gap_minutes))


@dataclass(frozen=True, slots=True)
class Page:
    """One message. `only` is its entry where it has one alone, else None; `change` is that of all
    its entries, 'mixed' where they differ, '' where it is no notice."""

    kind: str
    role: Role
    language: str
    name: str
    entries: tuple[Entry, ...]

    @property
    def only(self) -> Entry | None:
        return self.entries[0] if len(self.entries) == 1 else None

    @property
    def runs(self) -> tuple[tuple[Entry, ...], ...]:
        """The entries in order, those in a row that differ in their times alone as one run."""
        first = self.entries[0].when
        alike = groupby(self.entries, key=lambda entry: replace(entry, when=first, was=None))
        return tuple(tuple(run) for _, run in alike)

    @property
    def change(self) -> str:
        changes = {entry.change for entry in self.entries}
        return changes.pop() if len(changes) == 1 else "mixed"

    @property
    def context(self) -> dict[str, object]:
        """The names a template knows."""
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
        }


def page_of(message: Message, tongue: Tongue) -> Page:
    """The page of a message with clean texts.

    Raises ValueError for one about no lesson.
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
    )


def told_times(lesson: Lesson) -> tuple[datetime, datetime]:
    """Start and end as the person knows them: what is cancelled is named by the start told last."""
    if lesson.change is None or lesson.change.kind is not ChangeKind.CANCELLED:
        return lesson.starts_at, lesson.ends_at
    starts_at = lesson.change.old_starts_at.astimezone(UTC)
    length = lesson.ends_at.astimezone(UTC) - lesson.starts_at.astimezone(UTC)
    return starts_at, starts_at + length


def way_in(lesson: Lesson) -> tuple[str, str]:
    """Link and place. A session in person needs no link where it has a place, and one online no
    place where it has a link; where the mode says nothing, or both, all there is is shown."""
    link, place = lesson.meeting_link or "", lesson.location or ""
    mode = mode_of(lesson)
    if link and place and mode in IN_PERSON:
        return "", place
    if link and place and mode == ONLINE:
        return link, ""
    return link, place


def mode_of(lesson: Lesson) -> str:
    """'inperson' of any spelling of it"""
    return "".join(letter for letter in (lesson.mode or "").lower() if letter.isalpha())


def grouped(entries: list[Entry]) -> list[Entry]:
    """Entries that differ in the student alone as one, its students by name."""
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
    """The entries, each with the time that is free before it. They are in order of their start."""
    busy_until = entries[0].when.wait
    for entry in entries:
        free = entry.when.wait - busy_until
        minutes = max(free // timedelta(minutes=1), 0)
        yield replace(entry, gap_minutes=minutes, overlaps=free < timedelta(0))
        busy_until = max(busy_until, entry.when.wait + entry.when.length)
