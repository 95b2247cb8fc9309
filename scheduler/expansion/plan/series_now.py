"""The present state of each series and the dates it wants, read from its anchor."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import lru_cache

from sqlalchemy import Connection, Row, text

from scheduler.expansion.plan.covered_dates import (
    NO_DATES,
    Cover,
    Dates,
    left_out,
    read_known,
)
from scheduler.expansion.span import Purpose, Span
from scheduler.holidays import left_out_of_count
from scheduler.message import LONGEST_ALARM
from scheduler.occurrences import dates, instant, lasting
from scheduler.rules import Finding, Rule, RuleColumns, Unreadable, read_rule
from scheduler.settings import MakeUp
from scheduler.site.absences import read_absences
from scheduler.site.series_people import enrolled_now, pause_reason, people_joins
from scheduler.site.session_times import readable_date

LONGEST_ALARM_MINUTES = LONGEST_ALARM // timedelta(minutes=1)
MOST_REMEMBERED = 4096


@dataclass(frozen=True, slots=True)
class SeriesNow:
    """A series as its anchor describes it now.

    `changed`: its existing rows must be compared with it; otherwise only missing dates are filled.
    `absent`: dates that an absence covers, with its id; `absences`: digest of the absences that
    stand; `left_out`: dates that do not use up the rule's count.
    """

    anchor_id: int
    state: str
    reason: str | None
    seen: str
    enrolled: bool
    changed: bool
    planned: tuple[date, date] | None = None
    wanted: tuple[date, ...] = ()
    findings: tuple[Finding, ...] = ()
    absent: tuple[tuple[date, int], ...] = ()
    absences: int = 0
    left_out: frozenset[date] = frozenset()


# Index: primary key.
COPY_ANCHORS = text("""
    INSERT INTO sw_anchor SELECT t.*, t.xmin::text FROM tutor_sessions t
     WHERE t.id = ANY(CAST(:ids AS bigint[]))""")


def read_series(
    conn: Connection, span: Span, ids: Sequence[int], standing: Dates = NO_DATES
) -> list[SeriesNow]:
    """Read the series of these anchors, ascending. Fills sw_anchor.

    An id that has neither a rule nor a series is left out. `standing`: dates that have a session in
    spite of an absence (covered_dates.find_standing).
    """
    conn.execute(COPY_ANCHORS, {"ids": list(ids)})
    conn.execute(text("ANALYZE sw_anchor (id)"))
    rows = conn.execute(text(_read_anchors(span)), {"ids": list(ids)}).all()
    absences = read_absences(conn)
    known = read_known(conn, ids, absences)
    found = []
    for row in rows:
        theirs = absences.of(row.tutor_id, row.student_id) if row.tutor_id is not None else ()
        cover = Cover(
            theirs, *_hours(row), span.settings.default_duration_minutes,
            known.get(row.anchor_id, {}),
        )  # fmt: skip
        found.append(_series_now(span, row, cover, standing.get(row.anchor_id, frozenset())))
    return [series for series in found if series is not None]


def _hours(row: Row[tuple[object, ...]]) -> tuple[time, time | None, int | None]:
    """Start, end and duration of the sessions: the anchor's, or of a series that makes no more rows
    those that it wrote."""
    if row.written_start is not None and (not row.is_recurring or row.state == "ended"):
        return row.written_start, row.written_end, row.written_duration
    start = row.start_time if isinstance(row.start_time, time) else time.min
    return start, row.end_time, row.duration


def _read_anchors(span: Span) -> str:
    """SQL of the anchors. An enrolment seen earlier counts only for the same tutor and student."""
    catalog = span.catalog
    return f"""
    WITH k AS (
        SELECT i.id AS anchor_id, a.id IS NOT NULL AS there, a.is_recurring,
               a.{span.columns.version_name} AS version,
               coalesce(a.tutor_id, s.tutor_id) AS tutor_id,
               coalesce(a.student_id, s.student_id) AS student_id,
               {readable_date("a")} AS session_date, a.start_time, a.end_time,
               a.session_frequency::text, a.recurring_pattern::text,
               {catalog.read("a", "tutor_sessions", "duration")} AS duration,
               {catalog.read("a", "tutor_sessions", "package_duration")} AS package_duration,
               {catalog.read("a", "tutor_sessions", "alarm_before_minutes")} AS alarm_minutes,
               (s.written->>'start_time')::time AS written_start,
               (s.written->>'end_time')::time AS written_end,
               (s.written->>'duration')::numeric::integer AS written_duration,
               s.state, s.seen, coalesce(s.absences, 0) AS absences, s.ends_on, s.continued_by,
               s.planned_from, s.planned_until,
               coalesce(s.enrolled AND s.tutor_id = coalesce(a.tutor_id, s.tutor_id)
                        AND s.student_id = coalesce(a.student_id, s.student_id), false) AS enrolled,
               o.reach, coalesce(o.blocked, false) AS blocked
          FROM unnest(CAST(:ids AS bigint[])) AS i(id)
          LEFT JOIN sw_anchor a ON a.id = i.id
          LEFT JOIN session_worker.series s ON s.anchor_id = i.id
          LEFT JOIN (SELECT anchor_id, max(occurs_on) AS reach,
                            bool_or(blocked_by IS NOT NULL AND session_id IS NOT NULL) AS blocked
                       FROM session_worker.occurrence
                      WHERE anchor_id = ANY(CAST(:ids AS bigint[])) GROUP BY 1) o
            ON o.anchor_id = s.anchor_id)
    SELECT k.*, {pause_reason(catalog, "k")} AS pause_reason,
           {enrolled_now(catalog)} AS enrolled_now
      FROM k {people_joins(catalog, "k")}
     ORDER BY k.anchor_id"""


# Cached, as thousands of rows share a few hundred rules; both functions are pure.
_rule_of = lru_cache(MOST_REMEMBERED)(read_rule)


@lru_cache(MOST_REMEMBERED)
def _dates(rule: Rule, first: date, last: date, left_out: frozenset[date]) -> tuple[date, ...]:
    return tuple(dates(rule, first, last, left_out))


def _series_now(
    span: Span, row: Row[tuple[object, ...]], cover: Cover, stand: frozenset[date]
) -> SeriesNow | None:
    """The series with its covered dates. The rows of one that makes no more are covered too."""
    series = _series_by_rule(span, row, cover, stand)
    if series is None:
        return None
    resting = () if series.state == "active" else cover.rows
    absent = cover.absent(dict.fromkeys((*series.wanted, *resting)))
    changed = series.changed or (_newly_absent(row, cover) and not span.only_fills)
    return replace(series, changed=changed, absences=cover.digest, absent=absent)


def _newly_absent(row: Row[tuple[object, ...]], cover: Cover) -> bool:
    """True where an absence was entered or withdrawn since the last run."""
    return row.state is not None and row.absences != cover.digest


def _series_by_rule(
    span: Span, row: Row[tuple[object, ...]], cover: Cover, stand: frozenset[date]
) -> SeriesNow | None:
    if not row.there:
        return None if row.state is None else _resting(row, "ended", "anchor_deleted", span)
    if span.purpose is Purpose.ENDING:
        return _resting(row, "ended", "ended_by_admin", span)
    if row.is_recurring is not True:
        return None if row.state is None else _resting(row, "stopped", "switched_off", span)
    reading = _rule_of(
        RuleColumns(
            row.session_date,
            row.is_recurring,
            row.session_frequency,
            row.recurring_pattern,
            row.package_duration,
            row.start_time if isinstance(row.start_time, time) else time.min,
        ),
        span.policy,
    )
    findings = (*reading.findings, *_row_findings(span, row))
    if isinstance(reading.rule, Unreadable):
        findings += (Finding(reading.rule.code, reading.rule.detail),)
    if row.ends_on is not None and row.ends_on < span.today:
        return _ended(span, row, reading.rule, findings, cover)
    if isinstance(reading.rule, Unreadable):
        return _resting(row, "unreadable", reading.rule.reason, span, findings)
    if row.pause_reason is not None:
        return _resting(row, "paused", row.pause_reason, span, findings)
    if reading.rule is None:  # does not happen: is_recurring is true
        return None
    if not row.enrolled and not row.enrolled_now:
        findings += (Finding("not_enrolled", f"tutor {row.tutor_id}, student {row.student_id}"),)
    return _active(span, row, reading.rule, findings, cover, stand)


def _active(
    span: Span,
    row: Row[tuple[object, ...]],
    rule: Rule,
    findings: tuple[Finding, ...],
    cover: Cover,
    stand: frozenset[date],
) -> SeriesNow:
    changed = row.state is not None and (
        row.state != "active"
        or row.seen != _seen(span, row)
        or row.blocked
        or _clock_went_back(span, row)
        or _newly_absent(row, cover)
        or (rule.count is not None and bool(cover.absences))  # which rows stand, tells a comparison
    )  # fmt: skip
    if span.only_fills:
        return _to_fill(span, row, rule, findings, changed, cover)
    first, last = span.first, span.last
    if changed:  # every existing row is compared with the rule
        first, last = min(first, span.today), max(last, row.reach or last)

    def is_to_come(day: date) -> bool:
        return instant(datetime.combine(day, cover.start_time), span.settings.zone) > span.as_of

    absent = _absent_of_count(span, rule, last, cover, is_to_come) - stand
    wanted = _dates_of(span, rule, first, min(last, row.ends_on or last), absent)
    planned = _planned_anew(span) if changed else _planned_too(span, row)
    return SeriesNow(
        row.anchor_id, "active", None, _seen(span, row), row.enrolled or row.enrolled_now,
        changed, planned, wanted, findings, left_out=absent,
    )  # fmt: skip


def _absent_of_count(
    span: Span, rule: Rule, last: date, cover: Cover, is_to_come: Callable[[date], bool]
) -> frozenset[date]:
    """Dates up to `last` that an absence takes from a rule with a count, and that it makes up."""
    if rule.count is None or span.settings.make_up is MakeUp.OFF:
        return frozenset()
    return left_out(cover, rule.anchor, last, is_to_come)


def _dates_of(
    span: Span, rule: Rule, first: date, last: date, absent: frozenset[date]
) -> tuple[date, ...]:
    return _dates(rule, first, last, left_out_of_count(span.settings, rule, last) | absent)


def _to_fill(
    span: Span,
    row: Row[tuple[object, ...]],
    rule: Rule,
    findings: tuple[Finding, ...],
    changed: bool,  # noqa: FBT001 what was found, not a mode
    cover: Cover,
) -> SeriesNow:
    """The dates that a backfill may fill. Where rows have yet to follow their rule, their dates are
    left to the next expansion, as a row made here would take the place of one that moves."""
    last = min(span.last, row.ends_on or span.last)
    absent = _absent_as_recorded(span, rule, last, cover)
    wanted = _dates_of(span, rule, span.first, last, absent)
    if changed and row.reach is not None:
        wanted = tuple(day for day in wanted if not span.today <= day <= row.reach)
    return SeriesNow(
        row.anchor_id, "active", None, _seen(span, row), row.enrolled or row.enrolled_now,
        False, _planned_too(span, row), wanted, findings, left_out=absent,
    )  # fmt: skip


def _absent_as_recorded(span: Span, rule: Rule, last: date, cover: Cover) -> frozenset[date]:
    """As `_absent_of_count`, but every row counts that stands now, to come or not."""
    return _absent_of_count(span, rule, last, cover, lambda _: False)


def _clock_went_back(span: Span, row: Row[tuple[object, ...]]) -> bool:
    """True where the clock was set back: rows past at the last change may lie in the future."""
    return not span.only_fills and row.planned_from is not None and span.first < row.planned_from


def _planned_anew(span: Span) -> tuple[date, date] | None:
    """Dates over which a changed rule is expanded after this run. None after a backfill, which
    leaves the coming weeks to the next expansion."""
    return None if span.only_fills else (span.first, span.last)


def _planned_too(span: Span, row: Row[tuple[object, ...]]) -> tuple[date, date] | None:
    """Dates over which an unchanged rule is expanded after this run, as one range without a gap."""
    if row.planned_from is None:
        return _planned_anew(span)
    before = row.planned_from, row.planned_until
    if span.only_fills:
        return before
    if span.first > before[1] or span.last < before[0]:
        return span.first, span.last
    return min(before[0], span.first), max(before[1], span.last)


def _ended(
    span: Span,
    row: Row[tuple[object, ...]],
    rule: Rule | Unreadable | None,
    findings: tuple[Finding, ...],
    cover: Cover,
) -> SeriesNow:
    """A series whose last date is past. A backfill can still fill dates before its end."""
    reason = f"continued_by {row.continued_by}" if row.continued_by else "ended_by_admin"
    wanted: tuple[date, ...] = ()
    if span.only_fills and isinstance(rule, Rule) and row.pause_reason is None:
        last = min(span.last, row.ends_on)
        absent = _absent_as_recorded(span, rule, last, cover)
        wanted = _dates_of(span, rule, span.first, last, absent)
    return _resting(row, "ended", reason, span, findings, wanted)


def _resting(
    row: Row[tuple[object, ...]],
    state: str,
    reason: str,
    span: Span,
    findings: tuple[Finding, ...] = (),
    wanted: tuple[date, ...] = (),
) -> SeriesNow:
    """A series that gets no new rows. Rows that were locked last time are planned again."""
    changed = row.state != state or row.seen == "" or span.purpose is Purpose.ENDING
    changed = changed and not span.only_fills
    return SeriesNow(
        row.anchor_id, state, reason, _seen(span, row), row.enrolled or row.enrolled_now,
        changed, None, wanted, findings,
    )  # fmt: skip


def _seen(span: Span, row: Row[tuple[object, ...]]) -> str:
    return f"{row.version}:{span.context}"


def _row_findings(span: Span, row: Row[tuple[object, ...]]) -> Iterator[Finding]:
    if row.end_time is not None and row.end_time <= row.start_time:
        lasts = lasting(
            row.session_date,
            row.start_time if isinstance(row.start_time, time) else time(),
            row.end_time,
            row.duration,
            span.settings.default_duration_minutes,
        )
        if lasts.finding is not None:
            yield lasts.finding
    if row.alarm_minutes is not None and not 0 <= row.alarm_minutes <= LONGEST_ALARM_MINUTES:
        yield Finding("alarm_out_of_range", str(row.alarm_minutes))
