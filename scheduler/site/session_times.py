"""SQL for when a session starts and ends, in wall time, and whether it takes up anybody's time.

The statements bind `:default_minutes` (DEFAULT_DURATION_MINUTES).
"""

from models.catalog import SiteCatalog

# A cancelled or missed session is in nobody's way; any spelling ("Canceled", " MISSED").
TAKES_TIME = (
    "coalesce(lower(trim({0}.status::text)), '') NOT IN ('cancelled', 'canceled', 'missed')"
)


def readable_date(row: str) -> str:
    """The session's date; one that Python has not, such as 44 BC, as the nearest that it has."""
    return f"greatest(least({row}.session_date, date '9999-12-31'), date '0001-01-01')"


def session_start(row: str) -> str:
    """A year that no calendar program knows stops no statement: `date + time` ends in 294276."""
    return f"({readable_date(row)} + {row}.start_time)"


def session_end(catalog: SiteCatalog, row: str) -> str:
    duration = catalog.read(row, "tutor_sessions", "duration")
    return wall_end(session_start(row), f"{row}.end_time", duration)


def wall_end(starts: str, end_time: str, duration: str) -> str:
    return (
        f"session_worker.wall_end({starts}, ({end_time})::time,"
        f" ({duration})::numeric::integer, :default_minutes)"
    )


def series_start(series: str, occurrence: str) -> str:
    """When an occurrence starts by what its series last wrote."""
    return f"({occurrence}.occurs_on + ({series}.written->>'start_time')::time)"


def series_end(series: str, occurrence: str) -> str:
    written = f"{series}.written"
    return wall_end(
        series_start(series, occurrence),
        f"{written}->>'end_time'",
        f"{written}->>'duration'",
    )
