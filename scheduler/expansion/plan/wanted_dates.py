"""Copy of a chunk's series and their wanted dates into the plan's temporary tables."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from io import StringIO

from sqlalchemy import Connection, text

from scheduler.expansion.plan.series_now import SeriesNow
from scheduler.expansion.span import Span
from scheduler.settings import OnHoliday

# A holiday comes before an absence, as it stays when the absence is withdrawn.
JOIN_WANTED = text("""
    INSERT INTO sw_wanted (anchor_id, occurs_on, holiday, mark, absence)
    SELECT s.anchor_id, d.occurs_on, coalesce(d.holiday, 'absence ' || b.absence), d.mark,
           CASE WHEN d.holiday IS NULL THEN b.absence END
      FROM sw_series s JOIN sw_dates d ON d.dates = s.dates
      LEFT JOIN sw_absent b ON b.anchor_id = s.anchor_id AND b.occurs_on = d.occurs_on""")


def write_series(conn: Connection, span: Span, series: Sequence[SeriesNow]) -> None:
    """Fill sw_series, sw_absent, sw_dates and sw_wanted: each date that a rule names, with the
    holiday or the absence for which it is skipped, or the holiday with which its row is marked."""
    numbers = {wanted: number for number, wanted in enumerate({one.wanted for one in series})}
    _copy(conn, "sw_series", (_series_line(one, numbers) for one in series))
    absent = ((one.anchor_id, day, absence) for one in series for day, absence in one.absent)
    _copy(conn, "sw_absent", absent)
    _copy(conn, "sw_dates", _date_lines(span, numbers))
    conn.execute(text("ANALYZE sw_absent (anchor_id, occurs_on)"))
    conn.execute(JOIN_WANTED)
    conn.execute(text("ANALYZE sw_series (anchor_id)"))
    conn.execute(text("ANALYZE sw_wanted (anchor_id, occurs_on)"))


def _series_line(one: SeriesNow, numbers: Mapping[tuple[date, ...], int]) -> Iterable[object]:
    first, last = one.planned or (None, None)
    return (one.anchor_id, one.state, one.reason, one.seen, one.enrolled, first, last,
            one.changed, one.absences, numbers[one.wanted])  # fmt: skip


def _date_lines(span: Span, numbers: Mapping[tuple[date, ...], int]) -> Iterable[Iterable[object]]:
    names = _holidays(span, numbers)
    skips = span.settings.holidays is OnHoliday.SKIP
    for wanted, number in numbers.items():
        for day in wanted:
            name = names.get(day)
            yield (number, day, name, None) if skips else (number, day, None, name)


def _holidays(span: Span, lists: Iterable[tuple[date, ...]]) -> dict[date, str]:
    if span.settings.holidays is OnHoliday.IGNORE:
        return {}
    ends = [day for wanted in lists if wanted for day in (wanted[0], wanted[-1])]
    if not ends:
        return {}
    from scheduler.holidays import public_holidays  # slow to import, rarely needed

    return public_holidays(span.settings.holidays_country, min(ends), max(ends))


def _copy(conn: Connection, table: str, lines: Iterable[Iterable[object]]) -> None:
    """COPY takes a tenth of the time of an INSERT with as many values."""
    body = "".join("\t".join(map(_cell, line)) + "\n" for line in lines)
    cursor = conn.connection.cursor()
    cursor.copy_expert(f"COPY pg_temp.{table} FROM STDIN", StringIO(body))


def _cell(value: object) -> str:
    if value is None:
        return "\\N"
    words = str(value)
    if "\\" in words:
        words = words.replace("\\", "\\\\")
    return words.replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
