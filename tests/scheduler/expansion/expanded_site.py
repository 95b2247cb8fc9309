"""A site with a worker: actions and queries for tests of expansion."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, text

from scheduler.expansion import ExpansionReport, expand
from scheduler.expansion.admin.backfill import (
    BackfillReport,
    Deleted,
    Extent,
    begin_backfill,
    rehearse,
    report_backfill,
)
from scheduler.expansion.admin.backfill import fill_next_chunk as fill
from scheduler.settings import Settings

NOON = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)  # Tuesday, noon in Addis Ababa
DAY = timedelta(days=1)


@dataclass
class Site:
    """`conn` writes as the site's backend does, `run` is the worker: 28 days ahead."""

    conn: Connection
    engine: Engine

    def run(self, as_of: datetime = NOON, **settings: Any) -> ExpansionReport:
        self.conn.commit()
        return expand(self.engine, Settings(**{"expand_days": 28, **settings}), as_of)

    def backfill(
        self,
        first: date,
        last: date,
        as_of: datetime = NOON,
        deleted: Deleted = Deleted.STAY,
    ) -> BackfillReport:
        self.conn.commit()
        with self.engine.begin() as conn:
            number = begin_backfill(conn, Extent(first, last, deleted=deleted))
        while fill(self.engine, Settings(expand_days=28), as_of, number):
            pass
        with self.engine.connect() as conn:
            return report_backfill(conn, number, "")

    def rehearsal(self, first: date, last: date, as_of: datetime = NOON) -> BackfillReport:
        self.conn.commit()
        return rehearse(self.engine, Settings(expand_days=28), as_of, Extent(first, last))

    def sql(self, statement: str, **parameters: Any) -> Any:
        result = self.conn.execute(text(statement), parameters)
        self.conn.commit()
        return result

    def edit(self, session_id: int, **columns: Any) -> None:
        """UPDATE of one row, as the backend writes it."""
        cells = ", ".join(f"{name} = :{name}" for name in columns)
        self.sql(f"UPDATE tutor_sessions SET {cells} WHERE id = :id", id=session_id, **columns)

    def delete(self, session_id: int) -> None:
        self.sql("DELETE FROM tutor_sessions WHERE id = :id", id=session_id)

    def pair(self, session_id: int) -> dict[str, int]:
        """The row's tutor and student, as columns for another row."""
        row = self.sql(
            "SELECT tutor_id, student_id FROM tutor_sessions WHERE id = :id", id=session_id
        ).one()
        return {"tutor_id": row.tutor_id, "student_id": row.student_id}

    def occurrence(self, anchor: int, day: date) -> Any:
        """The record of a date; None where there is none."""
        return self.sql(
            """SELECT * FROM session_worker.occurrence
                WHERE anchor_id = :anchor AND occurs_on = :day""",
            anchor=anchor, day=day,
        ).one_or_none()  # fmt: skip

    def row_on(self, anchor: int, day: date) -> Any:
        """The tutor_sessions row of an occurrence."""
        return self.sql(
            """SELECT t.* FROM tutor_sessions t JOIN session_worker.occurrence o
                 ON o.session_id = t.id WHERE o.anchor_id = :anchor AND o.occurs_on = :day""",
            anchor=anchor, day=day,
        ).one()  # fmt: skip

    def states(self, anchor: int) -> dict[date, str]:
        return dict(self.sql(
            """SELECT occurs_on, state FROM session_worker.occurrence
                WHERE anchor_id = :id ORDER BY 1""", id=anchor,
        ).all())  # fmt: skip

    def series(self, anchor: int) -> Any:
        return self.sql(
            "SELECT * FROM session_worker.series WHERE anchor_id = :id", id=anchor
        ).one()

    def live(self, anchor: int) -> list[date]:
        """The dates of the live rows of the anchor's pair, the anchor aside."""
        return list(self.sql(
            """SELECT t.session_date FROM tutor_sessions t JOIN tutor_sessions a
                 ON a.id = :id AND t.tutor_id = a.tutor_id AND t.student_id = a.student_id
                WHERE t.id <> a.id AND t.status <> 'cancelled' ORDER BY 1""", id=anchor,
        ).scalars())  # fmt: skip

    def everything(self) -> Sequence[Any]:
        """Everything that a run could write, with row versions and the sequence's last value."""
        tables = ("tutor_sessions", "session_worker.series", "session_worker.occurrence",
                  "session_worker.finding")  # fmt: skip
        found = [
            tuple(self.sql(f"SELECT xmin::text, t.*::text FROM {table} t ORDER BY 2").all())
            for table in tables
        ]
        return [*found, self.sql("SELECT last_value FROM tutor_sessions_id_seq").scalar()]


def dec(*days: int) -> list[date]:
    return [date(2026, 12, day) for day in days]
