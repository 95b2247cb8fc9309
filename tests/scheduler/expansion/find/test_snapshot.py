"""A run without work stores a snapshot, and the next ones still miss no change.

After each change a run is held against one that has forgotten: it must find nothing left to do.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from models.installation import Home
from models.migrations import upgrade
from scheduler.expansion import ExpansionReport
from scheduler.expansion.admin.series import end_series
from scheduler.expansion.find import snapshot
from scheduler.expansion.find.snapshot import WATCHED
from scheduler.expansion.report import Written
from scheduler.settings import MonthEnd, Settings
from tests.builders import a_session, a_student, a_tutor, a_user, an_anchor, an_enrolment
from tests.scheduler.expansion.expanded_site import DAY, NOON, Site
from tests.servers import engine_on

BEGINS_A_LOOK = "SET TRANSACTION ISOLATION LEVEL"


@dataclass
class Looking(Site):
    """A site whose worker records its statements. It has an anchor with all its rows, an anchor
    with a date in conflict, and a row that only seems to carry a rule."""

    statements: list[tuple[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        @event.listens_for(self.engine, "before_cursor_execute")
        def note(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
            self.statements.append((statement, parameters))

        conn = self.conn
        self.tutor_user, self.student_user = a_user(conn), a_user(conn)
        self.tutor = a_tutor(conn, user_id=self.tutor_user)
        self.student = a_student(conn, user_id=self.student_user)
        pair = {"tutor_id": self.tutor, "student_id": self.student}
        self.enrolment = an_enrolment(conn, tutor_id=self.tutor, student_profile_id=self.student)
        an_enrolment(conn)  # of another student, so that the table is not empty
        self.anchor = an_anchor(conn, **pair)
        self.obstacle = a_session(
            conn, tutor_id=self.tutor, session_date=date(2026, 12, 9), start_time=time(9)
        )
        self.blocked = an_anchor(
            conn, tutor_id=self.tutor, session_date=date(2026, 12, 2), start_time=time(9, 30)
        )
        self.odd = a_session(conn, session_frequency="Weekly")
        conn.commit()

    def look(self, as_of: datetime = NOON, **settings: Any) -> tuple[ExpansionReport, bool]:
        """A run's report, and True if it scanned everything."""
        self.statements.clear()
        report = self.run(as_of, **settings)
        return report, any(one.startswith(BEGINS_A_LOOK) for one, _ in self.statements)

    def forget(self) -> None:
        self.sql("DELETE FROM session_worker.last_look")

    def remembers(self) -> bool:
        return bool(self.sql("SELECT count(*) FROM session_worker.last_look").scalar())


@pytest.fixture
def site(conn: Connection, database: str) -> Looking:
    return Looking(conn, engine_on(database))


def does_all_that_a_forgetful_run_does(
    site: Looking, as_of: datetime = NOON, **how: Any
) -> Written:
    """The rows that a run wrote. A run without snapshot then finds no work, and reports the
    same."""
    report = site.run(as_of, **how)
    after = site.everything()
    site.forget()
    forgetful = site.run(as_of, **how)
    assert site.everything() == after
    assert forgetful == replace(report, rows=Written())
    return report.rows


# While nothing changes


def test_a_run_with_nothing_to_do_scans_once_and_the_next_run_does_not(site: Looking) -> None:
    first, looked = site.look()
    assert looked
    assert first.rows.inserted == 6

    second, looked = site.look()

    assert not looked
    assert second == replace(first, rows=Written())
    assert [one.session_id for one in second.findings if one.code == "rule_switched_off"]


def test_a_run_that_does_not_look_only_reads(site: Looking) -> None:
    site.run()

    _, looked = site.look()

    assert not looked
    words = {one.split()[0] for one, _ in site.statements}
    assert words == {"SELECT"}


def test_every_table_that_a_look_or_its_report_reads_is_watched(site: Looking) -> None:
    site.forget()
    site.run()
    site.forget()
    _, looked = site.look()
    assert looked
    executed = list(site.statements)

    read = set()
    with site.engine.connect() as conn:
        for statement, parameters in executed:
            if statement.lstrip().startswith(("SELECT", "WITH")):
                cursor = conn.connection.cursor()
                cursor.execute(f"EXPLAIN (FORMAT JSON, VERBOSE) {statement}", parameters)
                read |= relations(cursor.fetchall())

    own = {"session_worker.last_look", "session_worker.migration", "session_worker.refused"}
    own.add("session_worker.installation")  # the kind of ids is part of the hashed statements
    watched = {one if "." in one else f"public.{one}" for one in WATCHED}
    assert {one for one in read if not one.startswith("pg_catalog.")} - own == watched


def relations(plan: Any) -> set[str]:
    """The tables that a plan of EXPLAIN reads, at whatever depth."""
    if isinstance(plan, (list, tuple)):
        return set().union(*map(relations, plan)) if plan else set()
    if not isinstance(plan, dict):
        return set()
    named = {f"{plan['Schema']}.{plan['Relation Name']}"} if "Relation Name" in plan else set()
    return named.union(*map(relations, plan.values()))


@pytest.mark.parametrize(
    "statement",
    [
        "VACUUM FREEZE",
        "ANALYZE",
        "UPDATE session_worker.heartbeat SET beat_at = now()",
        "INSERT INTO session_worker.heartbeat VALUES ('tick', now())",
        "SELECT id FROM tutor_sessions FOR UPDATE",
    ],
)
def test_a_change_of_irrelevant_rows_causes_no_scan(site: Looking, statement: str) -> None:
    site.run()
    alone(site, statement)

    assert not site.look()[1]


def alone(site: Site, statement: str) -> None:
    """Executed outside of a transaction."""
    site.conn.commit()
    with site.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text(statement))


# Each kind of change


def rows(inserted: int = 0, updated: int = 0, cancelled: int = 0) -> Written:
    return Written(inserted, updated, cancelled)


def deactivate(user: str) -> Callable[[Looking], None]:
    return lambda site: site.sql(
        "UPDATE users SET is_active = false WHERE id = :id", id=getattr(site, user)
    )


def suspend(site: Looking) -> None:
    site.sql("UPDATE tutor_profiles SET is_suspended = true WHERE id = :id", id=site.tutor)


def end_the_enrolment(site: Looking) -> None:
    site.sql("DELETE FROM tutor_students WHERE id = :id", id=site.enrolment)


def delete_a_row(site: Looking) -> None:
    site.delete(site.row_on(site.anchor, date(2026, 12, 15)).id)


def swap_the_obstacle(site: Looking) -> None:
    """Deleted, and another row inserted in the same transaction: as many rows as before."""
    site.conn.execute(text("DELETE FROM tutor_sessions WHERE id = :id"), {"id": site.obstacle})
    a_session(site.conn, session_date=date(2026, 12, 9))
    site.conn.commit()


def swap_an_enrolment_for_a_user(site: Looking) -> None:
    site.conn.execute(text("DELETE FROM tutor_students WHERE id = :id"), {"id": site.enrolment})
    a_user(site.conn)
    site.conn.commit()


def edit_and_edit_back(site: Looking) -> None:
    site.edit(site.anchor, topic="x")
    site.edit(site.anchor, topic=None)


def lose_the_schema(site: Looking) -> None:
    site.conn.execute(text("DROP SCHEMA session_worker CASCADE"))
    upgrade(site.conn)
    site.conn.commit()


def truncate(site: Looking) -> None:
    site.sql("TRUNCATE tutor_sessions")


def truncate_and_fill(site: Looking) -> None:
    """The same rows, but for those of the anchor: as another file."""
    site.conn.execute(text("CREATE TEMP TABLE kept AS SELECT * FROM tutor_sessions"))
    site.conn.execute(text("TRUNCATE tutor_sessions"))
    site.conn.execute(
        text("INSERT INTO tutor_sessions SELECT * FROM kept WHERE id <> :id"), {"id": site.anchor}
    )
    site.conn.commit()


def end_by_hand(site: Looking) -> None:
    end_series(site.engine, Settings(expand_days=28), NOON, site.anchor)


CHANGES: dict[str, tuple[Callable[[Looking], object], Written]] = {
    "anchor edited": (lambda site: site.edit(site.anchor, topic="Fractions"), rows(updated=4)),
    "anchor edited and edited back": (edit_and_edit_back, rows()),
    "anchor switched off": (lambda site: site.edit(site.anchor, is_recurring=False), rows()),
    "rule changed": (
        lambda site: site.edit(site.anchor, recurring_pattern='{"until": "2026-12-20"}'),
        rows(cancelled=2),
    ),
    "row made recurring": (
        lambda site: site.edit(
            site.row_on(site.anchor, date(2026, 12, 15)).id,
            is_recurring=True, session_frequency="weekly",
        ),
        rows(),
    ),
    "generated row cancelled": (
        lambda site: site.edit(site.row_on(site.anchor, date(2026, 12, 15)).id, status="cancelled"),
        rows(),
    ),
    "generated row deleted": (delete_a_row, rows()),
    "obstacle moved": (lambda site: site.edit(site.obstacle, start_time=time(20)), rows(1)),
    "obstacle deleted": (lambda site: site.delete(site.obstacle), rows(1)),
    "obstacle deleted, another row inserted": (swap_the_obstacle, rows(1)),
    "another anchor": (lambda site: an_anchor(site.conn), rows(4)),
    "seems to carry a rule no more": (
        lambda site: site.edit(site.odd, session_frequency="one-time"), rows(),
    ),
    "enrolment deleted": (end_the_enrolment, rows()),
    "enrolment deleted, a user inserted": (swap_an_enrolment_for_a_user, rows()),
    "tutor deactivated": (deactivate("tutor_user"), rows()),
    "student deactivated": (deactivate("student_user"), rows()),
    "tutor suspended": (suspend, rows()),
    "student's profile of another user": (
        lambda site: site.sql(
            "UPDATE student_profiles SET user_id = :user WHERE id = :id",
            user=a_user(site.conn, is_active=False), id=site.student,
        ),
        rows(),
    ),
    "a column added": (
        lambda site: site.sql("ALTER TABLE tutor_sessions ADD room text DEFAULT 'B1'"), rows(),
    ),
    "a column added to profiles": (
        lambda site: site.sql(
            "ALTER TABLE tutor_profiles DROP is_suspended,"
            " ADD is_suspended boolean DEFAULT true"
        ),
        rows(),
    ),
    "rows all gone": (truncate, rows()),
    "anchor gone, the others in another file": (truncate_and_fill, rows()),
    "table rewritten": (lambda site: alone(site, "VACUUM FULL tutor_sessions"), rows()),
    "schema lost": (lose_the_schema, rows()),
    "record lost": (
        lambda site: site.sql(
            "DELETE FROM session_worker.series WHERE anchor_id = :id", id=site.anchor
        ),
        rows(),
    ),
    "series ended by hand": (end_by_hand, rows()),
    "backfill": (lambda site: site.backfill(date(2026, 12, 1), date(2027, 1, 31)), rows()),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_a_run_after_a_change_does_all_that_a_forgetful_one_does(site: Looking, name: str) -> None:
    change, expected = CHANGES[name]
    site.run()
    assert not site.look()[1]

    change(site)

    assert does_all_that_a_forgetful_run_does(site) == expected


def test_another_table_in_a_tables_place_is_looked_at(site: Looking) -> None:
    site.sql("CREATE TABLE new_users (LIKE users INCLUDING ALL)")
    site.sql("INSERT INTO new_users SELECT * FROM users")
    site.sql("UPDATE new_users SET is_active = false")
    site.run()
    assert not site.look()[1]

    site.sql("ALTER TABLE users RENAME TO old_users")
    site.sql("ALTER TABLE new_users RENAME TO users")
    does_all_that_a_forgetful_run_does(site)

    assert site.series(site.anchor).state == "paused"


@pytest.mark.parametrize(
    ("change", "state"),
    [
        (end_the_enrolment, "paused"),
        (swap_an_enrolment_for_a_user, "paused"),
        (deactivate("tutor_user"), "paused"),
        (deactivate("student_user"), "paused"),
        (suspend, "paused"),
        (truncate, "ended"),
        (truncate_and_fill, "ended"),
    ],
)
def test_a_change_around_a_series_changes_its_state_at_the_next_run(
    site: Looking, change: Callable[[Looking], None], state: str
) -> None:
    site.run()
    assert site.series(site.anchor).state == "active"

    change(site)
    site.run()

    assert site.series(site.anchor).state == state


def test_a_row_deleted_since_is_recorded_at_the_next_run(site: Looking) -> None:
    site.run()

    delete_a_row(site)
    report = site.run()

    assert (report.occurrences["deleted"], report.occurrences["created"]) == (1, 5)


@pytest.mark.parametrize(
    "how",
    [
        {"as_of": NOON + DAY},
        {"as_of": NOON - DAY},
        {"month_end": MonthEnd.SKIP},
        {"default_duration_minutes": 90},
        {"site_timezone": "Asia/Tokyo"},
        {"on_stop": "cancel"},
        {"holidays": "mark"},
    ],
)
def test_on_another_day_or_with_another_setting_a_run_scans_again(
    site: Looking, how: dict[str, Any]
) -> None:
    site.run()

    assert site.look(**how)[1]
    does_all_that_a_forgetful_run_does(site, **how)


def test_the_days_that_come_are_filled(site: Looking) -> None:
    site.run()
    site.run()

    later = site.run(NOON + 7 * DAY)

    assert later.rows.inserted == 2


# Transactions that are open during a scan


@contextmanager
def another(site: Looking) -> Iterator[Connection]:
    with site.engine.connect() as conn:
        yield conn


def edit(conn: Connection, site: Looking) -> None:
    conn.execute(
        text("UPDATE tutor_sessions SET topic = 'Fractions' WHERE id = :id"), {"id": site.anchor}
    )


def in_savepoints(conn: Connection, site: Looking) -> None:
    """The transaction wrote before; the relevant rows have xids of nested savepoints."""
    conn.execute(text("UPDATE users SET phone = phone WHERE id = :id"), {"id": site.tutor_user})
    with conn.begin_nested(), conn.begin_nested():
        edit(conn, site)


def swapped_in_a_savepoint(conn: Connection, site: Looking) -> None:
    conn.execute(text("DELETE FROM tutor_sessions WHERE id = :id"), {"id": site.obstacle})
    with conn.begin_nested():
        a_session(conn, session_date=date(2026, 12, 9))


UNDER_WAY = [(edit, rows(updated=4)), (in_savepoints, rows(updated=4)),
             (swapped_in_a_savepoint, rows(1))]  # fmt: skip


@pytest.mark.parametrize(("change", "expected"), UNDER_WAY)
def test_what_is_committed_after_the_look_though_written_before_it_is_seen(
    site: Looking, change: Callable[[Connection, Looking], None], expected: Written
) -> None:
    site.run()
    site.forget()
    with another(site) as conn:
        change(conn, site)
        later_transactions_end(site)
        report, looked = site.look()
        assert looked
        assert report.rows == Written()
        assert not site.look()[1]

        conn.commit()

    assert does_all_that_a_forgetful_run_does(site) == expected


def later_transactions_end(site: Looking) -> None:
    """Raises the next snapshot's upper bound above all xids of the open transaction."""
    for _ in range(3):
        site.sql("INSERT INTO session_worker.heartbeat VALUES ('x', now()) ON CONFLICT (name)"
                 " DO UPDATE SET beat_at = excluded.beat_at")  # fmt: skip


def test_a_rollback_causes_no_scan(site: Looking) -> None:
    site.run()
    site.forget()
    with another(site) as conn:
        edit(conn, site)
        site.run()
        conn.rollback()

    assert not site.look()[1]


def test_beside_a_transaction_that_stays_open_a_run_sees_what_others_change(site: Looking) -> None:
    with another(site) as conn:
        conn.execute(text("UPDATE users SET phone = phone WHERE id = :id"), {"id": site.tutor_user})
        assert site.run().rows.inserted == 6
        assert not site.look()[1]  # though none of the new rows is older than that transaction

        delete_a_row(site)
        assert site.run().occurrences["deleted"] == 1
        swap_the_obstacle(site)

        assert does_all_that_a_forgetful_run_does(site) == rows(1)


def test_two_young_rows_in_the_place_of_two_young_ones_are_seen(site: Looking) -> None:
    """A digest of versions alone would take two of one transaction for none."""
    with another(site) as conn:
        conn.execute(text("UPDATE users SET phone = phone WHERE id = :id"), {"id": site.tutor_user})
        site.delete(site.obstacle)
        at_nine = {"session_date": date(2026, 12, 9), "start_time": time(9)}
        pair = [a_session(site.conn, tutor_id=site.tutor, **at_nine), a_session(site.conn)]
        assert site.run().occurrences["conflict"] == 1
        assert not site.look()[1]

        elsewhere = site.pair(site.odd)
        site.conn.execute(text("DELETE FROM tutor_sessions WHERE id = ANY(:ids)"), {"ids": pair})
        for hour in (9, 18):
            a_session(site.conn, start_time=time(hour), **elsewhere)
        site.conn.commit()

        assert does_all_that_a_forgetful_run_does(site) == rows(1)


def test_a_row_that_comes_and_goes_during_a_scan_does_not_enter_the_snapshot(
    site: Looking,
) -> None:
    """The conflicting row disappears, and comes back between two statements of a scan."""
    site.run()
    site.delete(site.obstacle)
    happened = list[str]()

    @event.listens_for(site.engine, "after_cursor_execute")
    def meanwhile(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "AS gone" in statement and not happened:
            happened.append("entered")
            a_session(
                site.conn, id=site.obstacle, tutor_id=site.tutor,
                session_date=date(2026, 12, 9), start_time=time(9),
            )  # fmt: skip
            site.conn.commit()
        elif "SELECT DISTINCT o.anchor_id" in statement and happened == ["entered"]:
            happened.append("deleted")
            site.delete(site.obstacle)

    site.run()
    assert happened == ["entered", "deleted"]
    site.run()

    assert date(2026, 12, 9) in site.live(site.blocked)


# Runs after which no snapshot is stored


def test_a_snapshot_is_renewed_after_an_hour(site: Looking) -> None:
    site.run()
    site.sql("UPDATE session_worker.last_look SET looked_at = now() - interval '59 minutes'")
    assert not site.look()[1]

    site.sql("UPDATE session_worker.last_look SET looked_at = now() - interval '61 minutes'")

    assert site.look()[1]
    assert not site.look()[1]


def test_what_the_site_refused_is_tried_again_though_the_run_is_remembered(site: Looking) -> None:
    site.sql("ALTER TABLE tutor_sessions ADD CHECK (is_recurring OR topic IS DISTINCT FROM 'bad')")
    bad = an_anchor(site.conn, topic="bad")
    assert [one.anchor_id for one in site.run().failed] == [bad]
    assert [one.anchor_id for one in site.run().failed] == []
    assert [one.anchor_id for one in site.run(as_of=NOON + timedelta(hours=1)).failed] == [bad]

    site.sql("ALTER TABLE tutor_sessions DROP CONSTRAINT tutor_sessions_check")

    assert site.run().rows.inserted == 4
    assert site.remembers()


def test_a_run_that_met_a_locked_row_stores_no_snapshot(site: Looking) -> None:
    site.run()
    row = site.row_on(site.anchor, date(2026, 12, 15)).id
    site.edit(site.anchor, topic="Fractions")
    with another(site) as conn:
        conn.execute(text("SELECT id FROM tutor_sessions WHERE id = :id FOR UPDATE"), {"id": row})
        assert site.run().rows.updated == 3

    assert site.run().rows.updated == 1  # though nothing was written meanwhile


@pytest.mark.parametrize(
    "statements",
    [
        ("ALTER TABLE users RENAME TO people", "CREATE VIEW users AS SELECT * FROM people"),
        ("CREATE TABLE more () INHERITS (tutor_profiles)",),
        ("ALTER TABLE tutor_students ENABLE ROW LEVEL SECURITY",),
        ("DROP TABLE session_worker.last_look",),
    ],
)
def test_where_changes_cannot_be_recognised_every_run_scans(
    site: Looking, statements: tuple[str, ...]
) -> None:
    for statement in statements:
        site.sql(statement)
    assert site.run().rows.inserted == 6

    report, looked = site.look()

    assert looked
    assert report.rows == Written()


def test_on_another_server_or_timeline_a_run_looks_for_itself(
    site: Looking, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.run()
    there = Home("another server", "site", 1, "1:2:3")
    monkeypatch.setattr(snapshot, "home_of", lambda _: there)

    assert site.look()[1]
    assert not site.look()[1]


def test_a_run_scans_again_when_an_admin_says_whose_ids_the_sessions_hold(site: Looking) -> None:
    site.run()
    site.run()
    site.sql("UPDATE session_worker.installation SET tutor_ids = 'user', tutor_ids_why = 'said'")

    assert site.look()[1]
