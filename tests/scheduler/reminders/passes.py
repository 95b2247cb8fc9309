"""Planning passes as tests run them: on the builders' day, 2026-12-01, with rows read back."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, text

from models.catalog import read_catalog
from scheduler.reminders.changes import Changes
from scheduler.reminders.sweep import full_pass
from scheduler.settings import Settings, load_settings

ADDIS = ZoneInfo("Africa/Addis_Ababa")
DAY = timedelta(days=1)
REMINDED = {"notification_enabled": True}
ALARMED = {"alarm_enabled": True, "alarm_before_minutes": 15}


def at(clock: str, days: int = 0) -> datetime:
    """'13:45' in Addis Ababa on the session's day, or so many days from it."""
    return datetime.combine(date(2026, 12, 1) + days * DAY, time.fromisoformat(clock), ADDIS)


@dataclass(frozen=True, slots=True)
class Planner:
    conn: Connection
    settings: Settings

    def run(self, now: datetime, since: datetime | None = None, **options: Any) -> Changes:
        """A full pass, as the sweep makes it."""
        catalog = read_catalog(self.conn)
        return full_pass(self.conn, catalog, self.settings, now, since or now - DAY, **options)

    def rows(self, *columns: str) -> list[Any]:
        wanted = ", ".join(columns)
        found = self.conn.execute(text(f"SELECT {wanted} FROM session_worker.delivery ORDER BY id"))
        return list(found)

    def write(self, statement: str, **values: Any) -> None:
        self.conn.execute(text(statement), values)


def planner(conn: Connection, **changes: Any) -> Planner:
    return Planner(conn, load_settings(_env_file=None, **changes))
