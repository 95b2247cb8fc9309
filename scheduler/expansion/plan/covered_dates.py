"""Dates of a series that an absence covers, and those that its count makes up for (design,
"Absences" and `count`).

A date to come follows the absences that stand now. Of a past date counts what happened: a lesson
that stood was held, and one that was left out stays so, also where its absence is withdrawn later
(docs/decisions/0150).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from types import MappingProxyType

from sqlalchemy import Connection, text

from scheduler.occurrences import lasting
from scheduler.site.absences import Absence, Absences, digest_of

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class KnownDate:
    """Record of a date. `absent`: an absence is its reason; `closed`: it stands for a date that a
    person decided."""

    state: str
    has_row: bool
    absent: bool
    closed: bool


@dataclass(frozen=True, slots=True)
class Cover:
    """The absences of one series, the hours of its sessions, and the records of its dates."""

    absences: tuple[Absence, ...]
    start_time: time
    end_time: time | None
    duration: int | None
    default_minutes: int
    known: Mapping[date, KnownDate] = field(default_factory=dict)

    @property
    def digest(self) -> int:
        return digest_of(self.absences)

    def absence_on(self, day: date) -> int | None:
        """Id of the first absence that covers the session of that date, or None."""
        times = lasting(day, self.start_time, self.end_time, self.duration, self.default_minutes)
        covering = (one.id for one in self.absences if one.covers(times.starts, times.ends))
        return next(covering, None)

    def absent(self, days: Iterable[date]) -> tuple[tuple[date, int], ...]:
        """Those of the days that are covered, with the absence."""
        if not self.absences:
            return ()
        found = ((day, self.absence_on(day)) for day in days)
        return tuple((day, absence) for day, absence in found if absence is not None)

    @property
    def rows(self) -> Iterator[date]:
        """Known dates that have a row."""
        return (day for day, known in self.known.items() if known.has_row)


# Indexes: occurrence_absence; the primary key.
KNOWN = """
    SELECT o.anchor_id, o.occurs_on, o.state, o.session_id IS NOT NULL, o.absence IS NOT NULL,
           o.stands_for IS NOT NULL
      FROM session_worker.occurrence o
     WHERE o.anchor_id = ANY(CAST(:ids AS bigint[])) AND {among}"""
ABSENT = text(KNOWN.format(among="o.absence IS NOT NULL"))
ABSENT_OR_NEAR = text(
    KNOWN.format(among="(o.absence IS NOT NULL OR o.occurs_on BETWEEN :first AND :last)")
)


def read_known(
    conn: Connection, ids: Sequence[int], absences: Absences
) -> Mapping[int, Mapping[date, KnownDate]]:
    """Records of the dates of these anchors that are, or were, near an absence."""
    every = absences.all
    if not every:
        rows = conn.execute(ABSENT, {"ids": list(ids)})
    else:
        first = min(one.first_day for one in every)
        days = {
            "first": first if first == date.min else first - DAY,  # a session lasts into the next
            "last": max(one.last_day for one in every),
        }
        rows = conn.execute(ABSENT_OR_NEAR, {"ids": list(ids), **days})
    found: dict[int, dict[date, KnownDate]] = {}
    for anchor_id, day, *known in rows:
        found.setdefault(anchor_id, {})[day] = KnownDate(*known)
    return found


def left_out(
    cover: Cover, after: date, last: date, is_to_come: Callable[[date], bool]
) -> frozenset[date]:
    """Dates later than `after`, up to `last`, that get no session for an absence, so that a count
    makes up for them (MAKE_UP). A row to come counts as left out, though a person may have placed
    it: see `find_standing`."""
    found = {day for day, known in cover.known.items() if known.absent and not is_to_come(day)}
    for one in cover.absences:
        first = max(one.first_day, after + 2 * DAY) - DAY
        days = (first + n * DAY for n in range((min(one.last_day, last) - first).days + 1))
        found.update(
            day
            for day, _ in cover.absent(days)
            if is_left_out(cover.known.get(day), to_come=is_to_come(day))
        )
    return frozenset(found)


def is_left_out(known: KnownDate | None, *, to_come: bool) -> bool:
    """True where no session of a covered date stands."""
    match known:
        case None:
            return True
        case KnownDate(state="created"):
            return to_come
        case KnownDate(state="deleted" | "adopted"):
            return False
        case _:
            return not known.closed


# Anchor → dates.
Dates = Mapping[int, frozenset[date]]
NO_DATES: Dates = MappingProxyType({})

PLACED = text("""
    SELECT anchor_id, occurs_on FROM sw_row
     WHERE placed AND state = 'created' AND absence IS NOT NULL""")


def find_standing(conn: Connection, left_out: Dates) -> Dates:
    """Those of the dates that have a session in spite of an absence, as a person placed, cancelled
    or restored it: a count makes up for none of them. Read after `compare_rows`."""
    found: dict[int, frozenset[date]] = {}
    for anchor_id, day in conn.execute(PLACED):
        if day in left_out.get(anchor_id, ()):
            found[anchor_id] = found.get(anchor_id, frozenset()) | {day}
    return found
