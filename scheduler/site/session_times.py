"""SQL of a session's start and end in wall time, and of whether it takes up its people's time.

The statements bind `:default_minutes` (DEFAULT_DURATION_MINUTES).
"""

from models.catalog import SiteCatalog

# A cancelled or missed session blocks nobody; in any spelling ("Canceled", " MISSED").
TAKES_TIME = (
    "coalesce(lower(trim({0}.status::text)), '') NOT IN ('cancelled', 'canceled', 'missed')"
)


def readable_date(row: str) -> str:
    """SQL of the session's date, limited to the years 1 to 9999, which Python can represent."""
    return f"greatest(least({row}.session_date, date '9999-12-31'), date '0001-01-01')"


def session_start(row: str) -> str:
    """SQL of the session's start as a naive wall time. The date is limited, as `date + time` raises
    an error for dates after the year 294276."""
    return f"({readable_date(row)} + {row}.start_time)"


def session_end(catalog: SiteCatalog, row: str) -> str:
    """SQL of the session's end as a naive wall time, by end_time, duration or the default."""
    duration = catalog.read(row, "tutor_sessions", "duration")
    return wall_end(session_start(row), f"{row}.end_time", duration)


def wall_end(starts: str, end_time: str, duration: str) -> str:
    """SQL of a session's end as a naive wall time. The arguments are SQL; `duration` in minutes."""
    return (
        f"session_worker.wall_end({starts}, ({end_time})::time,"
        f" ({duration})::numeric::integer, :default_minutes)"
    )


def series_start(series: str, occurrence: str) -> str:
    """SQL of an occurrence's start, by what its series last wrote."""
    return f"({occurrence}.occurs_on + ({series}.written->>'start_time')::time)"


def series_end(series: str, occurrence: str) -> str:
    """SQL of an occurrence's end, by what its series last wrote."""
    written = f"{series}.written"
    return wall_end(
        series_start(series, occurrence),
        f"{written}->>'end_time'",
        f"{written}->>'duration'",
    )
