"""Rules → rows on a real database: what a run writes, and what it leaves alone."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text

from scheduler.expansion import ExpansionReport, expand
from scheduler.settings import Settings
from tests.builders import a_session, a_student, a_tutor, a_user, an_anchor, an_enrolment
from tests.servers import engine_on

NOON = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)  # Tuesday, noon in Addis Ababa


@dataclass
class Site:
    """A database with a "backend": `conn` writes as the site does, `run` is the worker."""

    conn: Connection
    engine: Engine

    def run(self, as_of: datetime = NOON, **settings: Any) -> ExpansionReport:
        self.conn.commit()
        return expand(self.engine, Settings(expand_days=28, **settings), as_of)

    def sql(self, statement: str, **parameters: Any) -> Any:
        result = self.conn.execute(text(statement), parameters)
        self.conn.commit()
        return result

    def dates(self, anchor: int) -> list[date]:
        """The dates of the live rows made beside an anchor, by the pair of people."""
        return list(self.sql(
            """SELECT t.session_date FROM tutor_sessions t JOIN tutor_sessions a
                 ON a.id = :id AND t.tutor_id = a.tutor_id AND t.student_id = a.student_id
                WHERE t.id <> a.id AND t.status <> 'cancelled' ORDER BY 1""", id=anchor,
        ).scalars())  # fmt: skip

    def states(self, anchor: int) -> dict[date, str]:
        return dict(self.sql(
            """SELECT occurs_on, state FROM session_worker.occurrence
                WHERE anchor_id = :id ORDER BY 1""", id=anchor,
        ).tuples().all())  # fmt: skip

    def row_on(self, anchor: int, day: date) -> Any:
        return self.sql(
            """SELECT t.* FROM tutor_sessions t JOIN session_worker.occurrence o
                 ON o.session_id = t.id WHERE o.anchor_id = :id AND o.occurs_on = :day""",
            id=anchor, day=day,
        ).one()  # fmt: skip


@pytest.fixture
def site(conn: Connection, database: str) -> Site:
    return Site(conn, engine_on(database))


def dec(*days: int) -> list[date]:
    return [date(2026, 12, day) for day in days]


def test_each_matching_date_of_the_coming_weeks_gets_one_row(site: Site) -> None:
    anchor = an_anchor(site.conn)

    report = site.run()

    assert site.dates(anchor) == dec(8, 15, 22, 29)
    assert (report.rows.inserted, report.occurrences["created"]) == (4, 4)


def test_a_second_run_writes_nothing_and_takes_no_sequence_values(site: Site) -> None:
    an_anchor(site.conn)
    site.run()
    lsn = "SELECT pg_current_xact_id_if_assigned(), (SELECT last_value FROM tutor_sessions_id_seq)"
    before = site.sql(lsn).one(), site.sql("SELECT xmin, * FROM session_worker.series").all()

    report = site.run()

    assert report.rows == type(report.rows)()
    assert (site.sql(lsn).one(), site.sql("SELECT xmin, * FROM session_worker.series").all()) == before
