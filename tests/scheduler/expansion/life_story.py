"""One random life story of a site: people edit rows and rules, and the site's machinery (triggers,
partitions, migrations, edits of all rows alike) changes rows too. The model records the author of
each change, so it can decide which rows follow their rule, and in which columns.

Series never conflict: each has its own tutor and student, and rows are only moved to Sundays, which
no rule names. Conflicts are tested by the other random histories (shadow.py).
"""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from scheduler.expansion import expand
from scheduler.settings import Settings
from tests.builders import a_student, a_tutor, an_anchor, an_enrolment
from tests.scheduler.expansion.expanded_site import Site

DAY = timedelta(days=1)
DAYS_AHEAD = 35
# Where the clocks do not change, and two changes each on another day; begun before and after.
ZONES = ("Africa/Addis_Ababa", "Europe/Berlin", "America/New_York")
BEGINNINGS = (datetime(2026, 10, 20, 9, tzinfo=UTC), datetime(2027, 3, 2, 9, tzinfo=UTC))
NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
PLACE = ("session_date", "start_time", "end_time", "duration", "status")
HOURS = ("start_time", "end_time", "duration")

Cells = dict[str, Any]


@dataclass
class Row:
    """A generated row in the model. `theirs`: columns that a person wrote, and what. `given`: what
    the site wrote where its rule says otherwise, until the anchor has another value. `doubtful`:
    columns that the site wrote, which after a rewrite look like a person's (decision 0001)."""

    theirs: Cells = field(default_factory=dict)
    given: Cells = field(default_factory=dict)
    doubtful: set[str] = field(default_factory=set)

    @property
    def placed(self) -> bool:
        return not self.theirs.keys().isdisjoint(PLACE)


@dataclass
class Series:
    """`settled`: dates whose row a person deleted, cancelled or placed elsewhere. `changed`:
    columns of the anchor that have another value since the last run."""

    anchor: int
    weekday: int
    rows: dict[int, Row] = field(default_factory=dict)
    settled: set[date] = field(default_factory=set)
    changed: set[str] = field(default_factory=set)


class LifeStory:
    """A story by its seed. `step` lets something happen, runs the worker and checks the site."""

    def __init__(self, site: Site, seed: int) -> None:
        self.site, self.chance = site, random.Random(seed)
        self.zone = ZoneInfo(self.chance.choice(ZONES))
        self.at = self.chance.choice(BEGINNINGS)
        self.settings = Settings(expand_days=DAYS_AHEAD, site_timezone=self.zone.key)
        self.told: list[str] = [f"seed {seed}, {self.zone.key}, {self.at}"]
        self.columns = ["topic", "location", "objectives"]
        self.unseen: set[str] = set()  # columns that the worker has not seen yet
        self.words = 0
        for machinery in self.chance.sample(MACHINERY, self.chance.randrange(len(MACHINERY))):
            machinery(self)
        self.series = [self.begin_series(number) for number in range(self.chance.randrange(1, 4))]
        self.expand()

    def begin_series(self, number: int) -> Series:
        pair = {"tutor_id": a_tutor(self.site.conn), "student_id": a_student(self.site.conn)}
        an_enrolment(
            self.site.conn, tutor_id=pair["tutor_id"], student_profile_id=pair["student_id"]
        )
        weekday = self.chance.randrange(6)
        anchor = an_anchor(
            self.site.conn, session_date=self.today - 3 * DAY, start_time=time(9 + 3 * number),
            end_time=time(10 + 3 * number), duration=60, topic=self.new_words(),
            recurring_pattern={"days": [NAMES[weekday]]}, **pair,
        )  # fmt: skip
        return Series(anchor, weekday)

    @property
    def today(self) -> date:
        return self.at.astimezone(self.zone).date()

    def new_words(self) -> str:
        self.words += 1
        return f"words {self.words}"

    def tell(self, *what: object) -> None:
        self.told.append(" ".join(map(str, what)))

    def step(self) -> None:
        for _ in range(self.chance.randrange(1, 4)):
            self.chance.choice(EVENTS)(self)
        self.expand()

    # Actions of people

    def a_row_to_come(self) -> tuple[Series, int] | None:
        series = self.chance.choice(self.series)
        cells = self.cells()
        coming = sorted(
            number for number, row in series.rows.items()
            if self.is_to_come(cells[number])
            and (cells[number]["status"] == "scheduled" or "status" in row.theirs)
        )  # fmt: skip
        return (series, self.chance.choice(coming[:5])) if coming else None

    def person_writes(self, columns: Callable[[Cells], Cells]) -> None:
        if (chosen := self.a_row_to_come()) is None:
            return
        series, row = chosen
        before = self.cells()[row]
        if not (written := columns(before)):
            return
        self.site.edit(row, **written)
        after = self.cells()[row]
        self.tell("a person writes", row, written)
        for name in written:
            if after[name] != before[name]:
                series.rows[row].theirs[name] = after[name]
        if series.rows[row].placed:
            series.settled.add(date.fromisoformat(before["session_date"]))

    def person_writes_words(self) -> None:
        name = self.chance.choice(self.columns)
        self.person_writes(lambda _: {name: self.new_words()})

    def person_writes_notes(self) -> None:
        self.person_writes(lambda _: {"tutor_notes": self.new_words()})

    def person_moves(self) -> None:
        taken = {
            (row["tutor_id"], row["session_date"], row["start_time"])
            for row in self.cells().values()
        }

        def to_sunday(row: Cells) -> Cells:
            day = date.fromisoformat(row["session_date"])
            sunday = day + (6 - day.weekday()) * DAY
            if (row["tutor_id"], sunday.isoformat(), row["start_time"]) in taken:
                return {}
            return {"session_date": sunday}

        self.person_writes(to_sunday)

    def person_changes_hours(self) -> None:
        self.person_writes(lambda _: {"start_time": time(20), "end_time": time(21)})

    def person_cancels(self) -> None:
        self.person_writes(lambda _: {"status": "cancelled"})

    def person_deletes(self) -> None:
        if (chosen := self.a_row_to_come()) is not None:
            series, row = chosen
            series.settled.add(date.fromisoformat(self.cells()[row]["session_date"]))
            del series.rows[row]
            self.site.delete(row)
            self.tell("a person deletes", row)

    def person_changes_rule(self) -> None:
        series = self.chance.choice(self.series)
        series.weekday = self.chance.randrange(6)
        self.site.edit(
            series.anchor, recurring_pattern=json.dumps({"days": [NAMES[series.weekday]]})
        )
        self.tell("the rule of", series.anchor, "is", NAMES[series.weekday])

    def person_changes_anchor(self) -> None:
        series, name = self.chance.choice(self.series), self.chance.choice(self.columns)
        if name in self.unseen:
            return
        self.site.edit(series.anchor, **{name: self.new_words()})
        self.anchor_has(series, name)
        self.tell("a person writes", name, "of anchor", series.anchor)

    def anchor_has(self, series: Series, name: str) -> None:
        """Give the anchor a new value: it replaces the values that the site gave to rows."""
        series.changed.add(name)
        for row in series.rows.values():
            row.given.pop(name, None)

    def person_changes_anchor_hours(self) -> None:
        series = self.chance.choice(self.series)
        minutes = self.chance.choice((45, 60, 75, 90))
        start = datetime.combine(self.today, time.fromisoformat(
            self.cells()[series.anchor]["start_time"]))  # fmt: skip
        end = (start + timedelta(minutes=minutes)).time()
        self.site.edit(series.anchor, end_time=end, duration=minutes)
        self.tell("anchor", series.anchor, "lasts", minutes, "minutes")

    # Actions of the site's machinery

    def site_changes_all(self) -> None:
        """Change anchors and rows alike: no person's edit, even where a person had written
        before."""
        name, words = self.chance.choice(self.columns), self.new_words()
        self.site.sql(f"UPDATE tutor_sessions SET {name} = :words", words=words)
        self.tell("the site writes", name, "everywhere:", words)
        self.rewrite()
        for series in self.series:
            self.anchor_has(series, name)
            for row in series.rows.values():
                row.theirs.pop(name, None)
                row.doubtful.discard(name)

    def site_changes_rows(self) -> None:
        """Change all generated rows and no anchor: they keep the value until the anchor gets
        another one, even at the same moment. In a series of one row the author cannot be known."""
        name, words = self.chance.choice(self.columns), self.new_words()
        cells = self.cells()
        for series in self.series:
            coming = [row for row in series.rows if self.is_to_come(cells[row])]
            if len(coming) < 2:
                return
        self.site.sql(f"UPDATE tutor_sessions SET {name} = :w WHERE NOT is_recurring", w=words)
        self.tell("the site writes", name, "in all rows:", words)
        cells = self.cells()
        self.rewrite()
        for series in self.series:
            for number, row in series.rows.items():
                row.theirs.pop(name, None)
                row.doubtful.discard(name)
                if name not in series.changed:
                    row.given[name] = cells[number][name]

    def site_adds_column(self) -> None:
        name = f"added_{len(self.told)}"
        default = self.chance.choice(("", " DEFAULT 'as ever'", " NOT NULL DEFAULT ''"))
        self.site.sql(f"ALTER TABLE tutor_sessions ADD {name} text{default}")
        self.columns.append(name)
        self.unseen.add(name)
        self.tell("the site adds", name, default)
        self.rewrite()
        match self.chance.randrange(3):
            case 0:
                self.site.sql(f"UPDATE tutor_sessions SET {name} = :words", words=self.new_words())
                self.tell("and fills it alike")
            case 1:
                self.site.sql(f"UPDATE tutor_sessions SET {name} = 'of ' || id")
                cells = self.cells()
                for series in self.series:
                    for number, row in series.rows.items():
                        row.given[name] = cells[number][name]
                self.tell("and fills it row by row")

    def site_renames_column(self) -> None:
        index = self.chance.randrange(len(self.columns))
        old, new = self.columns[index], f"renamed_{len(self.told)}"
        if old == "location" or old in self.unseen:  # one that a trigger names
            return
        self.site.sql(f"ALTER TABLE tutor_sessions RENAME {old} TO {new}")
        self.columns[index] = new
        for series in self.series:
            for row in series.rows.values():
                for cells in (row.theirs, row.given):
                    if old in cells:
                        cells[new] = cells.pop(old)
                if old in row.doubtful:
                    row.doubtful.add(new)
        self.tell("the site renames", old, "to", new)

    def site_changes_type(self) -> None:
        name, kind = self.chance.choice((
            ("mode", "text USING lower(mode)"), ("mode", "varchar(40)"),
            ("duration", "bigint"), ("duration", "integer"), ("subject", "text"),
            ("amount", "numeric(10, 2)"), ("end_time", "time(0)"),
        ))  # fmt: skip
        self.site.sql(f"ALTER TABLE tutor_sessions ALTER {name} TYPE {kind}")
        self.rewrite()
        self.tell("the site makes", name, kind)

    def site_touches_all(self) -> None:
        self.site.sql("UPDATE tutor_sessions SET updated_at = now()")
        self.rewrite()
        self.tell("the site touches all rows")

    def time_passes(self) -> None:
        self.at += timedelta(hours=self.chance.randrange(1, 24 * 6))
        self.tell("it is", self.at)

    def rewrite(self) -> None:
        """All rows were written by one transaction, so that who wrote a value before can no longer
        be seen where a row made since has another one."""
        for series in self.series:
            newest = max(series.rows, default=0)
            for row in series.rows.values():
                row.doubtful |= row.given.keys() - series.rows[newest].given.keys()

    # Conditions that must hold

    def cells(self) -> dict[int, Cells]:
        found = self.site.sql("SELECT id, to_jsonb(t) AS cells FROM tutor_sessions t")
        return {row.id: row.cells for row in found}

    def is_to_come(self, row: Cells) -> bool:
        starts = datetime.combine(
            date.fromisoformat(row["session_date"]), time.fromisoformat(row["start_time"]),
            self.zone,
        )  # fmt: skip
        return starts > self.at

    def expand(self) -> None:
        """One expansion, and a second one that has nothing to do."""
        before = self.cells()
        self.site.conn.commit()
        report = expand(self.site.engine, self.settings, self.at)
        after = self.cells()
        assert report.failed == ()
        for series in self.series:
            self.check_series(series, before, after)
            series.changed.clear()
        self.unseen.clear()
        assert after.keys() - before.keys() <= {
            row for series in self.series for row in series.rows}  # fmt: skip
        again = expand(self.site.engine, self.settings, self.at)
        assert again.rows == type(again.rows)()
        assert self.cells() == after

    def check_series(
        self, series: Series, before: dict[int, Cells], after: dict[int, Cells]
    ) -> None:
        occurrences = {
            row.occurs_on: row
            for row in self.site.sql(
                "SELECT * FROM session_worker.occurrence WHERE anchor_id = :id", id=series.anchor
            )
        }
        made = {row.session_id for row in occurrences.values()} & after.keys() - before.keys()
        assert after[series.anchor] == before[series.anchor]
        self.check_dates(series, occurrences, after)
        for row in made:
            day = date.fromisoformat(after[row]["session_date"])
            assert day not in series.settled, f"{row} is made on {day}, which a person settled"
            series.rows[row] = Row()
        cancelled = {
            number for number, row in series.rows.items()
            if number not in made and not row.placed and after[number]["status"] == "cancelled"
            and before[number]["status"] != "cancelled"
        }  # fmt: skip
        assert not (made and cancelled), f"{cancelled} were cancelled and {made} made anew"
        for number, row in series.rows.items():
            self.check_row(series, number, row, before.get(number), after)

    def check_dates(
        self, series: Series, occurrences: dict[date, Any], after: dict[int, Cells]
    ) -> None:
        """Each date of the rule has its row or its reason."""
        anchor = after[series.anchor]
        for number in range(DAYS_AHEAD + 1):
            day = self.today + number * DAY
            if day.weekday() != series.weekday or day <= date.fromisoformat(anchor["session_date"]):
                continue
            if not self.is_to_come({**anchor, "session_date": day.isoformat()}):
                continue
            occurrence = occurrences.get(day)
            assert occurrence is not None, day
            if occurrence.state == "created":
                assert occurrence.session_id in series.rows or occurrence.session_id in after
            else:
                assert occurrence.state in ("skipped", "deleted"), occurrence
                assert "person" in occurrence.reason or "deleted" in occurrence.reason, occurrence
                assert any(abs(day - other) <= 14 * DAY for other in series.settled), occurrence

    def check_row(
        self, series: Series, number: int, row: Row, before: Cells | None, after: dict[int, Cells]
    ) -> None:
        found, anchor = after[number], after[series.anchor]
        if before is not None and not self.is_to_come(before):
            assert found == before, f"{number} has begun"
            return
        for name, value in row.theirs.items():
            assert found[name] == value, f"{number}: {name} is a person's"
        if not row.placed and found["status"] != "cancelled":
            assert date.fromisoformat(found["session_date"]).weekday() == series.weekday, (
                f"{number} follows to another day"
            )
        if row.placed and before is not None:
            for name in ("session_date", "status"):
                assert found[name] == before[name], f"{number} is placed"
        if found["status"] == "cancelled" and "status" not in row.theirs:
            return  # removed with its date
        if row.theirs.keys().isdisjoint(HOURS):
            assert [found[name] for name in HOURS] == [anchor[name] for name in HOURS], (
                f"{number} follows to other hours"
            )
        else:
            assert before is not None
            assert [found[name] for name in HOURS] == [before[name] for name in HOURS]
        for name in self.columns:
            if name not in row.theirs and name not in row.doubtful:
                wanted = row.given.get(name, anchor[name])
                assert found[name] == wanted, f"{number}: {name} follows"


# Machinery that exists from the beginning


def trigger(story: LifeStory, name: str, when: str, body: str) -> None:
    story.site.sql(f"""
        CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN {body} RETURN NEW; END $$;
        CREATE TRIGGER {name} {when} ON tutor_sessions FOR EACH ROW EXECUTE FUNCTION {name}()""")
    story.tell("there is a trigger", name)


def stamp(story: LifeStory) -> None:
    story.site.sql("ALTER TABLE tutor_sessions ADD modified_at timestamp")
    trigger(story, "stamp", "BEFORE INSERT OR UPDATE", "NEW.modified_at = clock_timestamp();")


def give_links(story: LifeStory) -> None:
    trigger(story, "link", "BEFORE INSERT", "NEW.meeting_link = 'https://meet.example/' || NEW.id;")


def tidy(story: LifeStory) -> None:
    trigger(story, "tidy", "BEFORE INSERT OR UPDATE", "NEW.location = upper(NEW.location);")


def write_after(story: LifeStory) -> None:
    trigger(
        story,
        "after",
        "AFTER INSERT",
        """
        UPDATE tutor_sessions SET grade_level = 'G' || NEW.id WHERE id = NEW.id;""",
    )


def generated_column(story: LifeStory) -> None:
    story.site.sql("""ALTER TABLE tutor_sessions ADD ends_text text
                      GENERATED ALWAYS AS ('of ' || tutor_id) STORED""")
    story.tell("there is a generated column")


def partitions(story: LifeStory) -> None:
    """Before anything else, as it makes the table anew."""
    if len(story.told) > 1:
        return
    story.site.sql("ALTER TABLE tutor_sessions RENAME TO unparted")
    story.site.sql("""CREATE TABLE tutor_sessions (LIKE unparted INCLUDING DEFAULTS)
                      PARTITION BY RANGE (session_date)""")
    for month in range(1, 13):
        first, after = date(2026 + (month < 8), month, 1), date(2027, month % 12 + 1, 1)
        after = after.replace(year=first.year + (month == 12))
        story.site.sql(f"""CREATE TABLE month_{month} PARTITION OF tutor_sessions
                           FOR VALUES FROM ('{first}') TO ('{after}')""")
    story.tell("the table is parted by months")


def deferrable_constraint(story: LifeStory) -> None:
    story.site.sql("""ALTER TABLE tutor_sessions ADD CONSTRAINT one_at_a_time
                      UNIQUE (tutor_id, session_date, start_time)
                      DEFERRABLE INITIALLY DEFERRED""")
    story.tell("there is a deferrable constraint")


def enums(story: LifeStory) -> None:
    story.site.sql("""
        CREATE TYPE session_status AS ENUM ('scheduled', 'completed', 'cancelled', 'missed');
        ALTER TABLE tutor_sessions ALTER status DROP DEFAULT;
        ALTER TABLE tutor_sessions ALTER status TYPE session_status USING status::session_status;
        ALTER TABLE tutor_sessions ALTER status SET DEFAULT 'scheduled'""")
    story.tell("status is an enum")


MACHINERY = [
    partitions, stamp, give_links, tidy, write_after, generated_column, deferrable_constraint,
    enums,
]  # fmt: skip
EVENTS: list[Callable[[LifeStory], None]] = [
    LifeStory.person_writes_words, LifeStory.person_writes_notes, LifeStory.person_moves,
    LifeStory.person_changes_hours, LifeStory.person_cancels, LifeStory.person_deletes,
    LifeStory.person_changes_rule, LifeStory.person_changes_rule, LifeStory.person_changes_rule,
    LifeStory.person_changes_anchor, LifeStory.person_changes_anchor,
    LifeStory.person_changes_anchor_hours, LifeStory.site_changes_all,
    LifeStory.site_changes_rows, LifeStory.site_adds_column, LifeStory.site_renames_column,
    LifeStory.site_changes_type, LifeStory.site_touches_all, LifeStory.time_passes,
]  # fmt: skip
