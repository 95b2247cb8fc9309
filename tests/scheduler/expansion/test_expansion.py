"""Expansion of rules into rows on a real database: rows that a run writes, and rows that it leaves
alone."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text

from scheduler.expansion import ExpansionReport, expand
from scheduler.settings import Settings
from tests.builders import a_session, a_student, a_tutor, a_user, an_anchor, an_enrolment
from tests.servers import shared_engine_on

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
        ).all())  # fmt: skip

    def row_on(self, anchor: int, day: date) -> Any:
        return self.sql(
            """SELECT t.* FROM tutor_sessions t JOIN session_worker.occurrence o
                 ON o.session_id = t.id WHERE o.anchor_id = :id AND o.occurs_on = :day""",
            id=anchor, day=day,
        ).one()  # fmt: skip


@pytest.fixture
def site(conn: Connection, database: str) -> Site:
    return Site(conn, shared_engine_on(database))


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
    assert (
        site.sql(lsn).one(),
        site.sql("SELECT xmin, * FROM session_worker.series").all(),
    ) == before


def test_the_row_that_carries_the_rule_is_never_written(site: Site) -> None:
    anchor = an_anchor(site.conn)
    read = "SELECT xmin, t.* FROM tutor_sessions t WHERE id = :id"
    before = site.sql(read, id=anchor).one()

    site.run()

    assert site.sql(read, id=anchor).one() == before


def test_a_row_copies_its_anchor_and_starts_afresh_where_it_must(site: Site) -> None:
    site.sql("ALTER TABLE tutor_sessions ADD room text, ADD ticket text UNIQUE")
    anchor = an_anchor(site.conn, topic="Fractions", tutor_notes="shy", payment_status="paid",
                       recurring_pattern={"days": ["Tuesday"]})  # fmt: skip
    site.sql("UPDATE tutor_sessions SET room = 'B2', ticket = 'T-1' WHERE id = :id", id=anchor)

    site.run()

    row = site.row_on(anchor, date(2026, 12, 8))
    assert (row.topic, row.room, row.start_time) == ("Fractions", "B2", time(14, 0))
    assert (row.is_recurring, row.session_frequency, row.recurring_pattern) == (
        False, "one-time", None)  # fmt: skip
    assert (row.status, row.payment_status) == ("scheduled", "pending")
    assert (row.tutor_notes, row.ticket) == (None, None)


def test_a_row_that_is_there_already_is_adopted_and_never_written(site: Site) -> None:
    anchor = an_anchor(site.conn)
    pair = dict(zip(("tutor_id", "student_id"), pair_of(site, anchor), strict=True))
    by_hand = a_session(site.conn, session_date=date(2026, 12, 8), topic="By hand", **pair)

    report = site.run()

    assert report.occurrences["adopted"] == 1
    assert site.row_on(anchor, date(2026, 12, 8)).id == by_hand
    assert site.row_on(anchor, date(2026, 12, 8)).topic == "By hand"


def pair_of(site: Site, anchor: int) -> tuple[int, int]:
    row = site.sql("SELECT tutor_id, student_id FROM tutor_sessions WHERE id = :i", i=anchor).one()
    return row.tutor_id, row.student_id


CONFLICTS = [
    ("same tutor, overlapping", "tutor", time(14, 30), time(15, 30), "scheduled", "conflict"),
    ("same tutor, same times: a group", "tutor", time(14), time(15), "scheduled", "created"),
    ("same tutor, one ends as the other begins", "tutor", time(13), time(14), "scheduled",
     "created"),
    ("same student elsewhere", "student", time(14), time(15), "scheduled", "conflict"),
    ("cancelled", "tutor", time(14, 30), time(15, 30), "Canceled", "created"),
    ("missed", "tutor", time(14, 30), time(15, 30), "missed", "created"),
    ("completed still counts", "tutor", time(14, 30), time(15, 30), "completed", "conflict"),
    ("without an end it lasts an hour", "tutor", time(13, 30), None, "scheduled", "conflict"),
]  # fmt: skip


@pytest.mark.parametrize(("_name", "shared", "start", "end", "status", "state"), CONFLICTS)
def test_what_stands_in_the_way(
    site: Site, _name: str, shared: str, start: time, end: time | None, status: str, state: str
) -> None:
    anchor = an_anchor(site.conn)
    tutor, student = pair_of(site, anchor)
    person = {"tutor_id": tutor} if shared == "tutor" else {"student_id": student}
    a_session(site.conn, session_date=date(2026, 12, 8), start_time=start, end_time=end,
              status=status, duration=None, **person)  # fmt: skip

    site.run()

    assert site.states(anchor)[date(2026, 12, 8)] == state


def test_an_overnight_session_is_in_the_way_of_the_next_morning(site: Site) -> None:
    tutor = a_tutor(site.conn)
    night = a_session(site.conn, tutor_id=tutor, session_date=date(2026, 12, 7),
                      start_time=time(22, 30), end_time=time(0, 30))  # fmt: skip
    anchor = an_anchor(site.conn, tutor_id=tutor, start_time=time(0, 15), end_time=time(1))

    site.run()

    found = site.sql("SELECT state, blocked_by FROM session_worker.occurrence WHERE anchor_id = :a"
                     " AND occurs_on = '2026-12-08'", a=anchor).one()  # fmt: skip
    assert found == ("conflict", night)


def test_of_two_new_rules_that_collide_the_lower_anchor_wins(site: Site) -> None:
    tutor = a_tutor(site.conn)
    first = an_anchor(site.conn, tutor_id=tutor)
    second = an_anchor(site.conn, tutor_id=tutor, start_time=time(14, 30), end_time=time(15, 30))

    site.run()

    assert set(site.states(first).values()) == {"created"}
    assert set(site.states(second).values()) == {"conflict"}


def test_a_rule_that_lost_its_date_blocks_nobody_else(site: Site) -> None:
    tutor = a_tutor(site.conn)
    rules = [
        an_anchor(site.conn, tutor_id=tutor, start_time=start, end_time=end)
        for start, end in ((time(14), time(15)), (time(14, 30), time(15, 30)),
                           (time(15), time(16)), (time(15, 30), time(16, 30)))
    ]  # fmt: skip

    site.run()

    assert [set(site.states(rule).values()) for rule in rules] == [
        {"created"}, {"conflict"}, {"created"}, {"conflict"}]  # fmt: skip


def test_a_conflict_that_clears_is_filled(site: Site) -> None:
    anchor = an_anchor(site.conn)
    tutor, _ = pair_of(site, anchor)
    other = a_session(site.conn, tutor_id=tutor, session_date=date(2026, 12, 8),
                      start_time=time(14, 30), end_time=time(15, 30))  # fmt: skip
    site.run()
    site.sql("UPDATE tutor_sessions SET status = 'cancelled' WHERE id = :id", id=other)

    report = site.run()

    assert (report.rows.inserted, site.states(anchor)[date(2026, 12, 8)]) == (1, "created")


def test_a_changed_column_reaches_the_rows_to_come_but_not_what_a_person_edited(
    site: Site,
) -> None:
    anchor = an_anchor(site.conn, topic="Fractions", subject="Maths")
    site.run()
    edited = site.row_on(anchor, date(2026, 12, 15)).id
    site.sql("UPDATE tutor_sessions SET topic = 'Exam' WHERE id = :id", id=edited)
    site.sql("UPDATE tutor_sessions SET topic = 'Decimals', subject = 'Mathematics'"
             " WHERE id = :id", id=anchor)  # fmt: skip

    report = site.run()

    assert report.rows.updated == 4
    assert site.row_on(anchor, date(2026, 12, 8)).topic == "Decimals"
    assert site.row_on(anchor, date(2026, 12, 15)).topic == "Exam"
    assert site.row_on(anchor, date(2026, 12, 15)).subject == "Mathematics"


def test_an_edited_column_stays_though_the_anchor_takes_the_same_value_and_goes_on(
    site: Site,
) -> None:
    anchor = an_anchor(site.conn, topic="A")
    site.run()
    edited = site.row_on(anchor, date(2026, 12, 15)).id
    site.sql("UPDATE tutor_sessions SET topic = 'B' WHERE id = :id", id=edited)
    for topic in ("B", "C"):
        site.sql("UPDATE tutor_sessions SET topic = :t WHERE id = :id", t=topic, id=anchor)
        site.run()

    assert site.row_on(anchor, date(2026, 12, 15)).topic == "B"
    assert site.row_on(anchor, date(2026, 12, 8)).topic == "C"


def test_when_the_days_change_rows_that_nobody_placed_move_and_keep_their_ids(site: Site) -> None:
    anchor = an_anchor(site.conn)
    site.run()
    ids = {day: site.row_on(anchor, day).id for day in dec(8, 15, 22, 29)}
    site.sql("UPDATE tutor_sessions SET topic = 'mine' WHERE id = :id", id=ids[date(2026, 12, 15)])
    site.sql("""UPDATE tutor_sessions SET recurring_pattern = '{"days": ["Thursday"]}'
                 WHERE id = :id""", id=anchor)  # fmt: skip

    report = site.run()

    # 3, 10, 17 and 24 December: also the row moves of which a person wrote the topic alone.
    assert site.dates(anchor) == dec(3, 10, 17, 24)
    assert [site.row_on(anchor, day).id for day in dec(3, 10, 17, 24)] == list(ids.values())
    assert site.row_on(anchor, date(2026, 12, 10)).topic == "mine"
    assert (report.rows.inserted, report.rows.updated, report.rows.cancelled) == (0, 4, 0)


def test_rows_that_the_rule_no_longer_has_are_cancelled_with_the_reason_and_come_back(
    site: Site,
) -> None:
    anchor = an_anchor(site.conn)
    site.run()
    ids = {day: site.row_on(anchor, day).id for day in dec(15, 29)}
    site.sql("UPDATE tutor_sessions SET session_frequency = 'bi-weekly' WHERE id = :i", i=anchor)
    report = site.run()
    assert (site.dates(anchor), report.rows.cancelled) == (dec(15, 29), 2)
    reasons = site.sql("SELECT reason FROM session_worker.occurrence WHERE state = 'skipped'")
    assert set(reasons.scalars()) == {"rule_changed"}

    site.sql("UPDATE tutor_sessions SET session_frequency = 'weekly' WHERE id = :i", i=anchor)
    site.run()

    assert site.dates(anchor) == dec(8, 15, 22, 29)
    assert {day: site.row_on(anchor, day).id for day in dec(15, 29)} == ids
    assert site.sql("SELECT count(*) FROM tutor_sessions").scalar() == 5


def test_a_deleted_row_is_not_filled_again_and_is_adopted_when_entered_by_hand(
    site: Site,
) -> None:
    anchor = an_anchor(site.conn)
    site.run()
    site.sql("DELETE FROM tutor_sessions WHERE id = :id",
             id=site.row_on(anchor, date(2026, 12, 15)).id)  # fmt: skip
    assert site.run().occurrences["deleted"] == 1
    assert site.dates(anchor) == dec(8, 22, 29)

    tutor, student = pair_of(site, anchor)
    a_session(site.conn, tutor_id=tutor, student_id=student, session_date=date(2026, 12, 15))

    assert site.run().occurrences == {
        "created": 3, "adopted": 1, "conflict": 0, "deleted": 0, "skipped": 0}  # fmt: skip


@pytest.mark.parametrize("write", [
    "UPDATE tutor_sessions SET status = 'cancelled' WHERE id = :id",
    "UPDATE tutor_sessions SET session_date = '2026-12-16' WHERE id = :id",
])  # fmt: skip
def test_a_date_that_a_person_cancelled_or_moved_is_not_filled_again(
    site: Site, write: str
) -> None:
    anchor = an_anchor(site.conn)
    site.run()
    row = site.row_on(anchor, date(2026, 12, 15)).id
    site.sql(write, id=row)

    report = site.run()

    assert report.rows.inserted == 0
    assert date(2026, 12, 15) not in site.dates(anchor)
    assert site.row_on(anchor, date(2026, 12, 15)).id == row


def test_this_and_following_begins_a_new_series_that_takes_the_later_rows(site: Site) -> None:
    anchor = an_anchor(site.conn)
    site.run()
    ids = {day: site.row_on(anchor, day).id for day in dec(15, 22, 29)}
    new = ids[date(2026, 12, 15)]
    site.sql(
        """UPDATE tutor_sessions SET is_recurring = true, session_frequency = 'weekly',
                recurring_pattern = '{"days": ["Friday"]}', topic = 'New' WHERE id = :i""",
        i=new,
    )

    site.run()

    assert site.dates(anchor) == dec(8, 15, 18, 25)
    assert site.row_on(new, date(2026, 12, 18)).id == ids[date(2026, 12, 22)]
    assert site.row_on(new, date(2026, 12, 25)).id == ids[date(2026, 12, 29)]
    assert site.row_on(new, date(2026, 12, 25)).topic == "New"
    ends = site.sql("SELECT ends_on, continued_by FROM session_worker.series WHERE anchor_id = :a",
                    a=anchor).one()  # fmt: skip
    assert ends == (date(2026, 12, 14), new)
    assert site.run().rows == type(site.run().rows)()


def test_a_stopped_series_keeps_its_rows_and_fills_the_missing_ones_when_it_is_on_again(
    site: Site,
) -> None:
    anchor = an_anchor(site.conn)
    site.run()
    site.sql("DELETE FROM tutor_sessions WHERE id = :id",
             id=site.row_on(anchor, date(2026, 12, 8)).id)  # fmt: skip
    site.sql("UPDATE tutor_sessions SET is_recurring = false WHERE id = :i", i=anchor)
    report = site.run(as_of=NOON + timedelta(days=7))
    assert (report.series["stopped"], site.dates(anchor)) == (1, dec(15, 22, 29))

    site.sql("UPDATE tutor_sessions SET is_recurring = true WHERE id = :i", i=anchor)
    site.run(as_of=NOON + timedelta(days=7))

    assert site.dates(anchor) == [*dec(15, 22, 29), date(2027, 1, 5)]


def test_on_stop_cancel_cancels_the_untouched_rows_and_brings_them_back(site: Site) -> None:
    anchor = an_anchor(site.conn)
    site.run()
    touched = site.row_on(anchor, date(2026, 12, 8)).id
    site.sql("UPDATE tutor_sessions SET topic = 'mine' WHERE id = :id", id=touched)
    site.sql("UPDATE tutor_sessions SET is_recurring = NULL WHERE id = :i", i=anchor)
    site.run(on_stop="cancel")
    assert site.dates(anchor) == dec(8)

    site.sql("UPDATE tutor_sessions SET is_recurring = true WHERE id = :i", i=anchor)
    site.run(on_stop="cancel")

    assert site.dates(anchor) == dec(8, 15, 22, 29)
    assert site.sql("SELECT count(*) FROM tutor_sessions").scalar() == 5


def test_a_series_ends_with_its_anchor_and_its_rows_stay(site: Site) -> None:
    anchor = an_anchor(site.conn)
    site.run()
    site.sql("DELETE FROM tutor_sessions WHERE id = :i", i=anchor)

    report = site.run()

    assert report.series["ended"] == 1
    assert site.sql("SELECT count(*) FROM tutor_sessions").scalar() == 4


def test_an_unreadable_rule_keeps_its_rows_and_says_why(site: Site) -> None:
    anchor = an_anchor(site.conn)
    site.run()
    site.sql("UPDATE tutor_sessions SET session_frequency = 'now and then' WHERE id = :i", i=anchor)

    report = site.run()

    assert report.series["unreadable"] == 1
    assert [(one.session_id, one.code) for one in report.findings] == [
        (anchor, "unknown_frequency")]  # fmt: skip
    assert site.dates(anchor) == dec(8, 15, 22, 29)


def test_an_enrolment_that_goes_pauses_the_series_until_it_is_back(site: Site) -> None:
    tutor, student = a_tutor(site.conn), a_student(site.conn)
    enrolment = an_enrolment(site.conn, tutor_id=tutor, student_profile_id=student)
    an_enrolment(site.conn)  # another's: the table is not lost
    an_anchor(site.conn, tutor_id=tutor, student_id=student)
    site.run()
    site.sql("DELETE FROM tutor_students WHERE id = :i", i=enrolment)
    report = site.run(as_of=NOON + timedelta(days=7))
    assert (report.series["paused"], report.rows.inserted) == (1, 0)

    an_enrolment(site.conn, tutor_id=tutor, student_profile_id=student)

    report = site.run(as_of=NOON + timedelta(days=7))
    assert (report.series["active"], report.rows.inserted) == (1, 1)


def test_an_inactive_person_pauses_the_series(site: Site) -> None:
    an_anchor(site.conn, tutor_id=a_tutor(site.conn, is_suspended=True))
    an_anchor(
        site.conn, student_id=a_student(site.conn, user_id=a_user(site.conn, is_active=False))
    )

    report = site.run()

    assert (report.series["paused"], report.rows.inserted) == (2, 0)


def test_rows_begun_or_past_are_never_written(site: Site) -> None:
    anchor = an_anchor(site.conn, session_date=date(2026, 11, 17))
    site.run(as_of=datetime(2026, 11, 20, tzinfo=UTC))
    site.sql("UPDATE tutor_sessions SET topic = 'Later' WHERE id = :i", i=anchor)

    site.run(as_of=datetime(2026, 12, 1, 11, 30, tzinfo=UTC))  # 14:30: the session has begun

    assert site.row_on(anchor, date(2026, 11, 24)).topic is None
    assert site.row_on(anchor, date(2026, 12, 1)).topic is None
    assert site.row_on(anchor, date(2026, 12, 8)).topic == "Later"


def test_a_new_time_that_is_taken_leaves_the_row_where_it_stands_until_it_is_free(
    site: Site,
) -> None:
    anchor = an_anchor(site.conn)
    site.run()
    tutor, _ = pair_of(site, anchor)
    other = a_session(site.conn, tutor_id=tutor, session_date=date(2026, 12, 8),
                      start_time=time(16, 30), end_time=time(17))  # fmt: skip
    site.sql("UPDATE tutor_sessions SET start_time = '16:00', end_time = '17:00', topic = 'T'"
             " WHERE id = :i", i=anchor)  # fmt: skip
    site.run()
    assert site.row_on(anchor, date(2026, 12, 8)).start_time == time(14)
    assert site.row_on(anchor, date(2026, 12, 8)).topic == "T"
    assert site.row_on(anchor, date(2026, 12, 15)).start_time == time(16)

    site.sql("DELETE FROM tutor_sessions WHERE id = :i", i=other)
    site.run()

    assert site.row_on(anchor, date(2026, 12, 8)).start_time == time(16)


def test_columns_that_come_change_type_or_go_leave_no_row_looking_edited(site: Site) -> None:
    anchor = an_anchor(site.conn, duration=60)
    site.run()
    site.sql("""ALTER TABLE tutor_sessions ADD room text DEFAULT 'A1', DROP COLUMN is_featured,
                ALTER duration TYPE numeric(8, 2), ALTER session_date TYPE timestamp""")
    site.sql("ALTER TABLE tutor_sessions ALTER session_date TYPE date")
    site.sql("UPDATE tutor_sessions SET room = 'B2', duration = 90 WHERE id = :i", i=anchor)

    site.run()

    assert {(row.room, int(row.duration)) for row in
            (site.row_on(anchor, day) for day in dec(8, 15, 22, 29))} == {("B2", 90)}  # fmt: skip


def test_a_lost_schema_set_up_anew_knows_its_rows_and_doubles_nothing(site: Site) -> None:
    an_anchor(site.conn)
    site.run()
    site.sql("TRUNCATE session_worker.series, session_worker.occurrence, session_worker.finding")

    report = site.run()

    assert (report.rows.inserted, report.occurrences["created"]) == (0, 4)


def test_a_clock_that_goes_back_fills_the_days_it_passes_again(site: Site) -> None:
    anchor = an_anchor(site.conn)
    site.run(as_of=NOON + timedelta(days=14))

    site.run()

    assert site.dates(anchor)[:2] == dec(8, 15)
