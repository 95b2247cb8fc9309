"""Ends of sessions across changes of the clock: a length in minutes is elapsed time."""

from datetime import datetime, time

import pytest
from sqlalchemy import Connection, text

ENDS_AT = text("""
    SELECT session_worker.ends_at(:starts, :end_time, :duration, 60, 'Europe/Berlin')
           AT TIME ZONE 'UTC'""")

# On 2027-03-28 the clocks of Berlin go from 02:00 to 03:00 at 01:00 UTC; on 2026-10-25 from 03:00
# back to 02:00 at 01:00 UTC, so that 02:00 to 03:00 comes at 00:00 UTC and at 01:00 UTC.
SPRING, AUTUMN = "2027-03-28", "2026-10-25"


@pytest.mark.parametrize(
    ("day", "start", "end", "duration", "utc"),
    [
        (SPRING, "01:30", None, 60, "01:30"),  # until 03:30
        (SPRING, "01:30", None, 90, "02:00"),  # until 04:00
        (SPRING, "02:30", None, 60, "02:30"),  # from 03:30 until 04:30
        (SPRING, "02:30", None, None, "02:30"),
        (SPRING, "02:30", "03:30", 60, "02:30"),  # the clock would say: no length
        (SPRING, "02:00", "03:00", None, "02:00"),
        (SPRING, "01:30", "03:30", 60, "01:30"),  # the clock is believed
        (SPRING, "14:00", "15:00", 60, "13:00"),
        (AUTUMN, "01:30", None, 60, "00:30"),  # until the first 02:30
        (AUTUMN, "02:30", None, 60, "01:30"),  # from the first 02:30 until the second
        (AUTUMN, "02:30", None, 120, "02:30"),
        (AUTUMN, "01:30", "02:30", 60, "00:30"),  # the earlier of two
        (AUTUMN, "02:30", "03:30", 60, "02:30"),  # two hours, as the clock says
    ],
)
def test_minutes_are_elapsed_and_an_end_is_what_clocks_show(
    conn: Connection, day: str, start: str, end: str | None, duration: int | None, utc: str
) -> None:
    found = conn.scalar(
        ENDS_AT,
        {
            "starts": datetime.fromisoformat(f"{day}T{start}"),
            "end_time": time.fromisoformat(end) if end else None,
            "duration": duration,
        },
    )

    assert found == datetime.fromisoformat(f"{day}T{utc}")
