"""The day of the worked table "Who gets what, and when": rounds at wall times in Addis Ababa.

The builders' session is on Tuesday 2026-12-01 at 14:00, which is 11:00 UTC.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, text

from scheduler.settings import Settings, load_settings
from tasks.admin.remind import RemindReport, remind
from tasks.delivery.tools import Tools
from tests.sinks.smtp import Mail, SmtpSink

DAY = date(2026, 12, 1)
ADDIS = ZoneInfo("Africa/Addis_Ababa")
ON = {"notification_enabled": True, "alarm_enabled": True, "alarm_before_minutes": 15}


def wall(clock: str, days: int = 0) -> datetime:
    """'13:45' on the session's day, or so many days from it."""
    return datetime.combine(DAY + timedelta(days=days), time.fromisoformat(clock), ADDIS)


@dataclass
class LessonDay:
    """A worker that runs when called, and the mails it sent."""

    conn: Connection
    tools: Tools
    sink: SmtpSink

    def at(self, clock: str, days: int = 0) -> RemindReport:
        """One round at a wall time, after a commit of the test's changes."""
        self.conn.commit()
        return remind(self.tools, wall(clock, days))

    def mails_to(self, address: str) -> list[Mail]:
        return self.sink.mails_to(address)

    def states(self, kind: str) -> Mapping[int, tuple[str, str | None]]:
        """Of the ledger rows of a kind: lead in minutes → state and reason."""
        rows = self.conn.execute(
            text(
                "SELECT lead_minutes, state, reason FROM session_worker.delivery"
                " WHERE kind = :kind ORDER BY id"
            ),
            {"kind": kind},
        ).all()
        self.conn.commit()
        return {row.lead_minutes: (row.state, row.reason) for row in rows}

    def read(self, statement: str) -> Sequence[Row[Any]]:
        rows = self.conn.execute(text(statement)).all()
        self.conn.commit()
        return rows

    def write(self, statement: str, **values: Any) -> None:
        """As the site does."""
        self.conn.execute(text(statement), values)
        self.conn.commit()


def settings_for(database: str, sink: SmtpSink, **changes: Any) -> Settings:
    mail = f"mailto://{sink.host}:{sink.port}/?from=worker@tutoring.example&to={{email}}"
    values: dict[str, Any] = {"database_url": database, "channel_email": mail, **changes}
    return load_settings(_env_file=None, **values)
