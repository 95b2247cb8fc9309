"""A shadow copy of people's edits on a site, and the conditions that hold after each expansion.

The worker's own report is not used: rows are read before and after, and compared with the shadow.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from scheduler.expansion import expand
from scheduler.settings import Settings
from tests.scheduler.expansion.expanded_site import Site

ZONE = ZoneInfo("Africa/Addis_Ababa")
DAY = timedelta(days=1)
DAYS_AHEAD = 28
SETTINGS = Settings(expand_days=DAYS_AHEAD)
KEY = ("tutor_id", "student_id", "session_date", "start_time")
PLACE = (*KEY, "end_time", "duration", "status")

Dates = Callable[[date, date], list[date]]


@dataclass(frozen=True)
class Row:
    """A row of tutor_sessions: its version, and its values as JSON knows them."""

    version: str
    cells: Mapping[str, Any]

    @property
    def starts(self) -> datetime:
        day = date.fromisoformat(self.cells["session_date"])
        return datetime.combine(day, time.fromisoformat(self.cells["start_time"]))

    @property
    def ends(self) -> datetime:
        end = self.cells["end_time"]
        if end is not None and (at := datetime.combine(self.starts, time.fromisoformat(end))):
            for ends in (at, at + DAY):
                if self.starts < ends <= self.starts + (12 * DAY / 24 if ends > at else DAY):
                    return ends
        return self.starts + timedelta(minutes=self.cells["duration"] or 60)

    @property
    def live(self) -> bool:
        return self.cells["status"] not in ("cancelled", "missed")

    @property
    def key(self) -> tuple[Any, ...]:
        return tuple(self.cells[name] for name in KEY)

    def begun(self, at: datetime) -> bool:
        return self.starts.replace(tzinfo=ZONE) <= at

    def overlaps(self, other: "Row") -> bool:
        if not (self.live and other.live and self.starts < other.ends and other.starts < self.ends):
            return False
        if self.cells["student_id"] == other.cells["student_id"]:
            return True
        group = self.starts == other.starts and self.ends == other.ends
        return self.cells["tutor_id"] == other.cells["tutor_id"] and not group


@dataclass
class Shadow:
    """`theirs`: cells of generated rows that people wrote: (id, column) → the value, and what it
    was. `closed`: dates whose row a person cancelled, moved or deleted: (anchor, date) → the row.
    `not_ours`: rows that the worker never writes. `changed_back`: rows that follow their series
    from its next change on. `dates`: what each anchor that has a rule means."""

    site: Site
    at: datetime
    theirs: dict[tuple[int, str], tuple[Any, Any]] = field(default_factory=dict)
    closed: dict[tuple[int, date], int] = field(default_factory=dict)
    not_ours: set[int] = field(default_factory=set)
    changed_back: set[int] = field(default_factory=set)
    dates: dict[int, Dates] = field(default_factory=dict)

    def rows(self) -> dict[int, Row]:
        found = self.site.sql(
            "SELECT id, xmin || ' ' || ctid AS version, to_jsonb(t) AS cells FROM tutor_sessions t"
        )
        return {row.id: Row(row.version, row.cells) for row in found}

    def occurrences(self) -> dict[tuple[int, date], Any]:
        found = self.site.sql("SELECT * FROM session_worker.occurrence")
        return {(row.anchor_id, row.occurs_on): row for row in found}

    # Actions of people

    def write(self, session: int, **columns: Any) -> None:
        """A person writes cells of a row."""
        before = self.rows()[session].cells
        self.site.edit(session, **columns)
        after = self.rows()[session].cells
        if session not in self.not_ours:
            for name in columns:
                self.note(session, name, before[name], after[name])
            self.close_or_open(session)

    def note(self, session: int, name: str, before: Any, after: Any) -> None:
        """A value that is changed back is the worker's again (decision 0001)."""
        known = self.theirs.pop((session, name), None)
        was = known[1] if known else before
        if after != was:
            self.theirs[session, name] = (after, was)
        elif known:
            self.changed_back.add(session)

    def close_or_open(self, session: int) -> None:
        away = any((session, name) in self.theirs for name in ("status", "session_date"))
        for anchor, day in self.dates_of(session):
            if away:
                self.closed[anchor, day] = session
            else:
                self.closed.pop((anchor, day), None)

    def write_adopted(self, session: int, **columns: Any) -> None:
        """As write, on a row that a person entered: it may be the row of a date."""
        days = self.dates_of(session)
        self.site.edit(session, **columns)
        if columns.keys() & {"status", "session_date"}:
            self.closed |= dict.fromkeys(days, session)

    def delete(self, session: int) -> None:
        self.closed |= dict.fromkeys(self.dates_of(session), session)
        self.site.delete(session)
        self.theirs = {key: cell for key, cell in self.theirs.items() if key[0] != session}
        self.not_ours.discard(session)
        self.dates.pop(session, None)

    def begins_a_series(self, session: int, means: Dates) -> None:
        """A person makes the row of a date recurring: it is no row of that date any more, and the
        later dates of its series pass to the new one."""
        self.theirs = {key: cell for key, cell in self.theirs.items() if key[0] != session}
        self.closed = {key: row for key, row in self.closed.items() if row != session}
        for old, day in self.dates_of(session)[:1]:
            moved = date.fromisoformat(self.rows()[session].cells["session_date"])
            self.closed = {
                (session if anchor == old and on >= min(day, moved) else anchor, on): row
                for (anchor, on), row in self.closed.items()
            }
        self.not_ours.add(session)
        self.dates[session] = means

    def entered(self, session: int) -> None:
        """A person entered a row: where it stands for a closed date, that one is open to it."""
        self.not_ours.add(session)
        day = date.fromisoformat(self.rows()[session].cells["session_date"])
        self.closed = {key: row for key, row in self.closed.items() if key[1] != day}

    def dates_of(self, session: int) -> list[tuple[int, date]]:
        """The dates whose row this is: (anchor, date), the series that made it first."""
        found = self.site.sql(
            """SELECT anchor_id, occurs_on FROM session_worker.occurrence
                WHERE session_id = :id AND state IN ('created', 'adopted', 'skipped')
                ORDER BY state = 'adopted', occurs_on""",
            id=session,
        )
        return [(row.anchor_id, row.occurs_on) for row in found]

    def forget(self) -> None:
        """session_worker is lost: existing rows are adopted, and never written again."""
        self.not_ours |= set(self.rows())
        self.theirs.clear()
        self.closed.clear()

    # Conditions that must hold

    def expand(self) -> None:
        """One expansion, and a second one that has nothing to do."""
        before = self.rows()
        report = expand(self.site.engine, SETTINGS, self.at)
        assert report.failed == ()
        after, occurrences = self.rows(), self.occurrences()
        self.check_what_is_not_ours(before, after)
        self.check_what_people_wrote(before, after, occurrences)
        self.check_places(before, after, occurrences)
        self.check_each_date(after, occurrences)
        state = self.site.everything()
        again = expand(self.site.engine, SETTINGS, self.at)
        assert again.rows == type(again.rows)()
        assert self.site.everything() == state

    def check_what_is_not_ours(self, before: dict[int, Row], after: dict[int, Row]) -> None:
        assert before.keys() <= after.keys()
        for session, row in before.items():
            if session in self.not_ours or row.cells["is_recurring"] or row.begun(self.at):
                assert after[session] == row, session

    def check_what_people_wrote(
        self,
        before: dict[int, Row],
        after: dict[int, Row],
        occurrences: dict[tuple[int, date], Any],
    ) -> None:
        for (session, name), (value, _) in self.theirs.items():
            assert after[session].cells[name] == value, session
        made = after.keys() - before.keys()
        for (anchor, day), one in occurrences.items():
            if one.session_id in made:
                assert (anchor, day) not in self.closed, (one, self.closed[anchor, day])

    def check_places(
        self,
        before: dict[int, Row],
        after: dict[int, Row],
        occurrences: dict[tuple[int, date], Any],
    ) -> None:
        """A row made by the worker has no duplicate and no conflict."""
        withdrawn = {one.session_id for one in occurrences.values() if one.state == "skipped"}
        for session, row in after.items():
            old = before.get(session)
            if old and (place(old) == place(row) or not row.live):
                continue
            for other, there in after.items():
                if other == session or (old and stood_together(old, before.get(other))):
                    continue
                twins = there.key == row.key and other not in withdrawn
                assert not twins, (session, row, other, there)
                assert not there.overlaps(row), (session, row, other, there)

    def check_each_date(
        self, after: dict[int, Row], occurrences: dict[tuple[int, date], Any]
    ) -> None:
        today = self.at.astimezone(ZONE).date()
        last = today + DAYS_AHEAD * DAY
        for one in self.site.sql("SELECT * FROM session_worker.series WHERE state = 'active'"):
            ends = min(last, one.ends_on or last)
            named = self.dates[one.anchor_id](today, one.ends_on or date(9999, 1, 1))
            for day in named:
                starts = datetime.combine(day, after[one.anchor_id].starts.time(), ZONE)
                if day <= ends and starts > self.at:
                    occurrence = occurrences.get((one.anchor_id, day))
                    assert accounted_for(occurrence, after), (one, day, occurrence)
            for (anchor, day), occurrence in occurrences.items():
                if occurrence.state == "skipped" and occurrence.session_id and day >= today:
                    assert after[occurrence.session_id].cells["status"] == "cancelled", occurrence
                if anchor == one.anchor_id and occurrence.state == "created":
                    self.check_follows(after, occurrence, after[anchor], day in named)

    def check_follows(
        self,
        after: dict[int, Row],
        occurrence: Any,
        anchor: Row,
        named: bool,  # noqa: FBT001
    ) -> None:
        """A row that is to come is as its anchor says, but for the cells that people wrote; one
        that nobody touched is where its series has it."""
        session = occurrence.session_id
        row = after.get(session)
        if row is None or row.begun(self.at) or row.cells["is_recurring"]:
            return
        if session in self.changed_back:
            return
        names = ["topic", "subject"]
        if occurrence.blocked_by is None:
            names += ["start_time", "end_time"]
        names = [name for name in names if (session, name) not in self.theirs]
        assert {name: row.cells[name] for name in names} == {
            name: anchor.cells[name] for name in names
        }, occurrence
        if any(session == touched for touched, _ in self.theirs):
            return
        assert row.cells["session_date"] == occurrence.occurs_on.isoformat()
        assert row.cells["status"] == "scheduled"
        assert named, occurrence


def stood_together(one: Row, other: Row | None) -> bool:
    """A person had put them at the same time; they may go on together."""
    return other is not None and (one.key == other.key or one.overlaps(other))


def place(row: Row) -> tuple[Any, ...]:
    return tuple(row.cells[name] for name in PLACE)


def accounted_for(occurrence: Any, rows: dict[int, Row]) -> bool:
    """A date has its row, or the reason why not."""
    match occurrence.state if occurrence else None:
        case "created" | "adopted":
            return occurrence.session_id in rows
        case "conflict":
            return occurrence.blocked_by is not None and bool(occurrence.reason)
        case "deleted" | "skipped":
            return bool(occurrence.reason)
        case _:
            return False
