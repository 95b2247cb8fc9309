"""Anchors → what each series now is, and the dates it wants."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, time
from io import StringIO

from sqlalchemy import Connection, Row, text

from scheduler.expansion.people import enrolled_now, pause_reason, people_joins
from scheduler.expansion.span import Purpose, Span
from scheduler.occurrences import dates, lasting
from scheduler.rules import Finding, Rule, RuleColumns, Unreadable, read_rule
from scheduler.settings import OnHoliday

LONGEST_ALARM_MINUTES = 7 * 24 * 60


@dataclass(frozen=True, slots=True)
class SeriesNow:
    """A series as its anchor says at this moment.

    `changed`: its rows have to be compared with it, not just the missing dates filled.
    """

    anchor_id: int
    state: str
    reason: str | None
    seen: str
    enrolled: bool
    ends_on: date | None
    changed: bool
    planned_from: date | None
    planned_until: date | None
    wanted: Sequence[date] = ()
    findings: tuple[Finding, ...] = ()


# The anchors as one snapshot: rows are written from this copy, so what is recorded as written is
# what was written, whoever changes an anchor meanwhile. Index: primary key.
COPY_ANCHORS = text("""
    CREATE TEMP TABLE sw_anchor ON COMMIT DROP AS
    SELECT t.*, t.xmin::text AS "sw_version" FROM tutor_sessions t
     WHERE t.id = ANY(CAST(:ids AS bigint[]))""")


def read_series(conn: Connection, span: Span, ids: Sequence[int]) -> list[SeriesNow]:
    """The series of these anchors, ascending. Makes the temporary table sw_anchor.

    An id without a series that is no rule (any more) is left out.
    """
    conn.execute(COPY_ANCHORS, {"ids": list(ids)})
    conn.execute(text("ANALYZE sw_anchor"))
    rows = conn.execute(text(_read_anchors(span)), {"ids": list(ids)})
    return [series for row in rows if (series := _series_now(span, row)) is not None]


def _read_anchors(span: Span) -> str:
    catalog = span.catalog
    return f"""
    WITH k AS (
        SELECT i.id AS anchor_id, a.id IS NOT NULL AS there, a.sw_version, a.is_recurring,
               coalesce(a.tutor_id, s.tutor_id) AS tutor_id,
               coalesce(a.student_id, s.student_id) AS student_id,
               a.session_date, a.start_time, a.end_time,
               a.session_frequency::text, a.recurring_pattern::text,
               {catalog.read("a", "tutor_sessions", "duration")} AS duration,
               {catalog.read("a", "tutor_sessions", "package_duration")} AS package_duration,
               {catalog.read("a", "tutor_sessions", "alarm_before_minutes")} AS alarm_minutes,
               s.state, s.seen, s.ends_on, s.continued_by, s.planned_from, s.planned_until,
               coalesce(s.enrolled, false) AS enrolled,
               (SELECT max(o.occurs_on) FROM session_worker.occurrence o
                 WHERE o.anchor_id = s.anchor_id) AS reach,
               EXISTS (SELECT FROM session_worker.occurrence o
                 WHERE o.anchor_id = s.anchor_id AND o.blocked_by IS NOT NULL
                   AND o.state = 'created') AS blocked
          FROM unnest(CAST(:ids AS bigint[])) AS i(id)
          LEFT JOIN sw_anchor a ON a.id = i.id
          LEFT JOIN session_worker.series s ON s.anchor_id = i.id)
    SELECT k.*, {pause_reason(catalog, "k")} AS pause_reason,
           {enrolled_now(catalog)} AS enrolled_now
      FROM k {people_joins(catalog, "k")}
     ORDER BY k.anchor_id"""


def _series_now(span: Span, row: Row[tuple[object, ...]]) -> SeriesNow | None:
    if not row.there:
        return None if row.state is None else _without_dates(row, "ended", "anchor_deleted", span)
    if row.is_recurring is not True:
        return None if row.state is None else _without_dates(row, "stopped", "switched_off", span)
    reading = read_rule(
        RuleColumns(
            row.session_date,
            row.is_recurring,
            row.session_frequency,
            row.recurring_pattern,
            row.package_duration,
        ),
        span.policy,
    )
    findings = (*reading.findings, *_row_findings(span, row))
    if isinstance(reading.rule, Unreadable):
        findings += (Finding(reading.rule.code, reading.rule.detail),)
        return _without_dates(row, "unreadable", reading.rule.reason, span, findings)
    if row.pause_reason is not None:
        return _without_dates(row, "paused", row.pause_reason, span, findings)
    if row.ends_on is not None and row.ends_on < span.today:
        reason = f"continued_by {row.continued_by}" if row.continued_by else "ended_by_admin"
        return _without_dates(row, "ended", reason, span, findings)
    return None if reading.rule is None else _active(span, row, reading.rule, findings)


def _active(
    span: Span, row: Row[tuple[object, ...]], rule: Rule, findings: tuple[Finding, ...]
) -> SeriesNow:
    seen = f"{row.sw_version}:{span.context}"
    changed = row.state is not None and (
        row.seen != seen or row.state not in ("active", "paused") or row.blocked
    )
    first, last = span.first, span.last
    if changed:  # every standing row is held against the rule, not just the dates to fill
        first, last = min(first, span.today), max(last, row.reach or last)
    if row.ends_on is not None:
        last = min(last, row.ends_on)
    planned_from, planned_until = _planned(span, row, changed)
    return SeriesNow(
        row.anchor_id, "active", None, seen, row.enrolled or row.enrolled_now, row.ends_on,
        changed, planned_from, planned_until, dates(rule, first, last), findings,
    )  # fmt: skip


def _planned(
    span: Span,
    row: Row[tuple[object, ...]],
    changed: bool,  # noqa: FBT001
) -> tuple[date | None, date | None]:
    """The dates that have been expanded, once this span is: one range, without a gap in it.

    A backfill leaves it as it was, but for a changed rule: whose coming weeks are still to do.
    """
    if span.purpose is Purpose.BACKFILL:
        return (None, None) if changed else (row.planned_from, row.planned_until)
    if row.planned_from is None or span.first > row.planned_until:
        return span.first, span.last
    return min(row.planned_from, span.first), max(row.planned_until, span.last)


def _without_dates(
    row: Row[tuple[object, ...]],
    state: str,
    reason: str,
    span: Span,
    findings: tuple[Finding, ...] = (),
) -> SeriesNow:
    seen = f"{row.sw_version}:{span.context}"
    return SeriesNow(
        row.anchor_id, state, reason, seen, row.enrolled or row.enrolled_now, row.ends_on,
        row.state != state or span.purpose is Purpose.ENDING, None, None, (), findings,
    )  # fmt: skip


def _row_findings(span: Span, row: Row[tuple[object, ...]]) -> Iterator[Finding]:
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


MAKE_WANTED = text("""
    CREATE TEMP TABLE sw_wanted (
        anchor_id bigint, occurs_on date, holiday text, mark text,
        PRIMARY KEY (anchor_id, occurs_on)
    ) ON COMMIT DROP""")


def write_wanted(conn: Connection, span: Span, series: Sequence[SeriesNow]) -> None:
    """Makes the temporary table sw_wanted: each date that a rule names, the holiday that it is
    skipped for, or the holiday that it is marked with."""
    conn.execute(MAKE_WANTED)
    names = _holidays(span, series)
    cell = "{}\t" if span.settings.holidays is OnHoliday.SKIP else "\t{}"
    lines = "".join(
        f"{one.anchor_id}\t{day.isoformat()}\t{cell.format(names.get(day, ''))}\n"
        for one in series
        for day in one.wanted
    )
    cursor = conn.connection.cursor()
    cursor.copy_expert("COPY sw_wanted FROM STDIN (NULL '')", StringIO(lines))
    conn.execute(text("ANALYZE sw_wanted"))


def _holidays(span: Span, series: Sequence[SeriesNow]) -> dict[date, str]:
    if span.settings.holidays is OnHoliday.IGNORE:
        return {}
    ends = [day for one in series if one.wanted for day in (one.wanted[0], one.wanted[-1])]
    if not ends:
        return {}
    from scheduler.holidays import public_holidays  # slow to import, and seldom needed

    return public_holidays(span.settings.holidays_country, min(ends), max(ends))
