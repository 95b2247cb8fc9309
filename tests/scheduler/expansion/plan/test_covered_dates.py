"""Absences: which rows a run cancels, brings back, or leaves alone, and what a count makes up."""

from datetime import date, time, timedelta

import pytest
from sqlalchemy import Connection

from scheduler.expansion.admin.preview import preview
from scheduler.expansion.report import Written
from scheduler.settings import OnStop, Settings
from tests.builders import a_session, a_student, a_tutor, an_absence, an_anchor
from tests.scheduler.expansion.expanded_site import DAY, NOON, Site, dec
from tests.servers import shared_engine_on


@pytest.fixture
def site(conn: Connection, database: str) -> Site:
    return Site(conn, shared_engine_on(database))


def withdraw(site: Site, absence: int) -> None:
    site.sql("UPDATE session_worker.absence SET withdrawn_at = now() WHERE id = :id", id=absence)


def ids(site: Site, anchor: int) -> dict[date, tuple[int, str]]:
    """Id and status of the rows of an anchor's pair, by date."""
    rows = site.sql(
        """SELECT t.session_date, t.id, t.status FROM tutor_sessions t JOIN tutor_sessions a
             ON a.id = :id AND t.tutor_id = a.tutor_id AND t.student_id = a.student_id
            WHERE t.id <> a.id ORDER BY 1""",
        id=anchor,
    )
    return {row.session_date: (row.id, row.status) for row in rows}


WEEKLY = dec(8, 15, 22, 29)


def test_rows_of_an_absent_tutor_are_cancelled_and_come_back_with_their_ids(site: Site) -> None:
    anchor = an_anchor(site.conn)
    site.run()
    before = ids(site, anchor)

    absence = an_absence(site.conn, *dec(14, 22), tutor_id=site.pair(anchor)["tutor_id"])
    gone = site.run()
    assert gone.rows == Written(cancelled=2)
    assert site.live(anchor) == dec(8, 29)
    kept = site.occurrence(anchor, date(2026, 12, 15))
    assert (kept.state, kept.reason, kept.absence) == ("skipped", f"absence {absence}", absence)

    withdraw(site, absence)
    back = site.run()
    assert back.rows == Written(updated=2)
    assert ids(site, anchor) == before
    assert site.occurrence(anchor, date(2026, 12, 15)).absence is None


def test_an_absence_whose_row_is_deleted_is_withdrawn(site: Site) -> None:
    anchor = an_anchor(site.conn)
    absence = an_absence(site.conn, *dec(15), student_id=site.pair(anchor)["student_id"])
    site.run()
    assert site.live(anchor) == dec(8, 22, 29)

    site.sql("DELETE FROM session_worker.absence WHERE id = :id", id=absence)
    site.run()

    assert site.live(anchor) == WEEKLY


def test_an_absence_of_everybody_concerns_every_series_and_no_other_person_else(
    site: Site,
) -> None:
    one, other = an_anchor(site.conn), an_anchor(site.conn)
    an_absence(site.conn, *dec(15))
    an_absence(site.conn, *dec(22), tutor_id=site.pair(one)["tutor_id"])
    an_absence(site.conn, *dec(29), student_id=site.pair(other)["student_id"])
    site.run()
    assert site.live(one) == dec(8, 29)
    assert site.live(other) == dec(8, 22)


def test_a_second_run_has_nothing_to_do(site: Site) -> None:
    anchor = an_anchor(site.conn)
    an_anchor(site.conn, recurring_pattern={"count": 3}, start_time=time(9), end_time=time(10))
    site.run()
    absence = an_absence(site.conn, *dec(15))
    site.run()
    before = site.everything()
    site.run()
    assert site.everything() == before
    withdraw(site, absence)
    assert site.run().rows == Written(inserted=0, updated=2, cancelled=1)
    before = site.everything()
    site.run()
    assert site.everything() == before
    assert site.live(anchor) == WEEKLY


def test_a_look_that_found_nothing_is_not_remembered_past_an_absence(site: Site) -> None:
    an_anchor(site.conn)
    site.run()
    site.run()
    assert site.sql("SELECT count(*) FROM session_worker.last_look").scalar() == 1
    an_absence(site.conn, *dec(15))
    assert site.run().rows == Written(cancelled=1)


@pytest.mark.parametrize(
    ("begins", "ends", "stays"),
    [
        (None, "14:00", dec(15)),
        (None, "14:01", []),
        ("14:59", None, []),
        ("15:00", None, dec(15)),
        ("14:20", "14:30", []),
        ("08:00", "24:00", []),
    ],
)
def test_hours_of_a_day_cover_the_sessions_that_overlap_them(
    site: Site, begins: str | None, ends: str | None, stays: list[date]
) -> None:
    anchor = an_anchor(site.conn)
    site.run()
    site.sql(
        """INSERT INTO session_worker.absence (first_day, last_day, from_time, until_time)
           VALUES ('2026-12-14', '2026-12-16', CAST(:begins AS time), CAST(:ends AS time))""",
        begins=begins, ends=ends,
    )  # fmt: skip
    site.run()
    assert site.live(anchor) == [*dec(8), *stays, *dec(22, 29)]


def test_hours_cover_a_session_of_the_evening_before_and_days_do_not(site: Site) -> None:
    late = an_anchor(site.conn, start_time=time(23), end_time=time(1))
    an_absence(site.conn, *dec(9), until_time=time(2))
    an_absence(site.conn, *dec(16))
    site.run()
    assert site.live(late) == dec(15, 22, 29)


def test_a_row_that_a_person_placed_stays(site: Site) -> None:
    anchor = an_anchor(site.conn)
    site.run()
    moved, substituted = (site.row_on(anchor, date(2026, 12, day)).id for day in (8, 15))
    site.edit(moved, start_time=time(16), end_time=time(17))
    site.edit(substituted, tutor_id=a_tutor(site.conn))
    site.edit(site.row_on(anchor, date(2026, 12, 22)).id, topic="Fractions")
    an_absence(site.conn, *dec(1, 31))

    assert site.run().rows == Written(cancelled=2)

    status = dict(site.sql("SELECT id, status FROM tutor_sessions").all())
    assert status[moved] == status[substituted] == "scheduled"
    assert status[anchor] == "scheduled"  # the row that carries the rule is never written


def test_sessions_that_no_rule_made_stay(site: Site) -> None:
    anchor = an_anchor(site.conn)
    alone = a_session(site.conn, **site.pair(anchor), session_date=date(2026, 12, 16))
    adopted = a_session(site.conn, **site.pair(anchor), session_date=date(2026, 12, 15),
                        topic="entered by hand")  # fmt: skip
    an_absence(site.conn, *dec(1, 31))
    site.run()
    status = dict(site.sql("SELECT id, status FROM tutor_sessions").all())
    assert status == {anchor: "scheduled", alone: "scheduled", adopted: "scheduled"}


def test_what_a_person_cancelled_or_deleted_stays_so_when_the_absence_is_withdrawn(
    site: Site,
) -> None:
    anchor = an_anchor(site.conn)
    site.run()
    site.edit(site.row_on(anchor, date(2026, 12, 8)).id, status="cancelled")
    absence = an_absence(site.conn, *dec(1, 31))
    site.run()
    site.delete(site.row_on(anchor, date(2026, 12, 15)).id)
    site.run()
    withdraw(site, absence)
    site.run()
    assert site.live(anchor) == dec(22, 29)


def test_a_row_that_a_person_restored_stays_in_spite_of_the_absence(site: Site) -> None:
    anchor = an_anchor(site.conn)
    an_absence(site.conn, *dec(20, 31))
    site.run()
    site.sql("DELETE FROM session_worker.absence")
    site.run()
    absence = an_absence(site.conn, *dec(1, 31))
    site.run()
    site.edit(site.row_on(anchor, date(2026, 12, 15)).id, status="scheduled")
    site.run()
    assert site.live(anchor) == dec(15)
    withdraw(site, absence)
    site.run()
    assert site.live(anchor) == WEEKLY


def test_of_two_absences_that_overlap_the_other_one_stands(site: Site) -> None:
    anchor = an_anchor(site.conn)
    site.run()
    first = an_absence(site.conn, *dec(8, 15), tutor_id=site.pair(anchor)["tutor_id"])
    second = an_absence(site.conn, *dec(15, 22), student_id=site.pair(anchor)["student_id"])
    site.run()
    withdraw(site, first)
    site.run()
    assert site.live(anchor) == dec(8, 29)
    record = site.occurrence(anchor, date(2026, 12, 15))
    assert (record.absence, record.reason) == (second, f"absence {second}")
    withdraw(site, second)
    site.run()
    assert site.live(anchor) == WEEKLY


def test_a_lesson_that_has_begun_is_not_cancelled(site: Site) -> None:
    anchor = an_anchor(site.conn, session_date=date(2026, 11, 24))
    site.run()
    an_absence(site.conn, *dec(1, 8))
    site.run(NOON + timedelta(hours=2, minutes=1))  # 14:01 in Addis Ababa
    assert site.live(anchor) == dec(1, 15, 22, 29)


def test_what_was_left_out_stays_so_once_it_is_past(site: Site) -> None:
    anchor = an_anchor(site.conn)
    absence = an_absence(site.conn, *dec(8, 15))
    site.run()
    withdraw(site, absence)
    site.run(NOON + 8 * DAY)
    assert site.live(anchor)[:3] == dec(15, 22, 29)


def test_rows_of_a_series_that_is_switched_off_or_lost_its_anchor_are_covered_too(
    site: Site,
) -> None:
    off, gone = an_anchor(site.conn), an_anchor(site.conn)
    site.run()
    site.edit(off, is_recurring=False)
    site.delete(gone)
    site.run()
    absence = an_absence(site.conn, *dec(15))
    assert site.run().rows == Written(cancelled=2)
    withdraw(site, absence)
    assert site.run().rows == Written(updated=2)
    assert site.live(off) == WEEKLY


def test_rows_that_were_cancelled_with_their_series_do_not_come_back(site: Site) -> None:
    anchor = an_anchor(site.conn)
    absence = an_absence(site.conn, *dec(15))
    site.run()
    site.sql("DELETE FROM session_worker.absence")
    site.run()
    absence = an_absence(site.conn, *dec(15))
    site.run()
    site.edit(anchor, is_recurring=False)
    site.run(on_stop=OnStop.CANCEL)
    withdraw(site, absence)
    site.run(on_stop=OnStop.CANCEL)
    assert site.live(anchor) == []


def test_the_hours_of_an_absent_tutor_are_free_for_another_rule(site: Site) -> None:
    tutor = a_tutor(site.conn)
    first = an_anchor(site.conn, tutor_id=tutor)
    second = an_anchor(site.conn, tutor_id=tutor, start_time=time(14, 30), end_time=time(15, 30))
    site.run()
    assert site.live(second) == []
    absence = an_absence(site.conn, *dec(15), student_id=site.pair(first)["student_id"])
    site.run()
    assert site.live(second) == dec(15)
    withdraw(site, absence)
    site.run()
    assert (site.live(first), site.live(second)) == (dec(8, 22, 29), dec(15))
    assert site.occurrence(first, date(2026, 12, 15)).reason.startswith("conflict with session ")


class TestCount:
    """A rule of four sessions: the anchor on 1 December, then the 8th, 15th and 22nd."""

    @pytest.fixture
    def anchor(self, site: Site) -> int:
        anchor = an_anchor(site.conn, recurring_pattern={"count": 4})
        site.run()
        assert site.live(anchor) == dec(8, 15, 22)
        return anchor

    def test_a_covered_date_is_made_up_at_the_end_until_it_is_withdrawn(
        self, site: Site, anchor: int
    ) -> None:
        absence = an_absence(site.conn, *dec(10, 20))
        site.run()
        assert site.live(anchor) == dec(8, 22, 29)
        withdraw(site, absence)
        site.run()
        assert site.live(anchor) == dec(8, 15, 22)

    def test_an_absence_at_the_end_moves_the_end(self, site: Site, anchor: int) -> None:
        an_absence(site.conn, *dec(22))
        site.run()
        assert site.live(anchor) == dec(8, 15, 29)

    def test_none_is_made_up_where_make_up_is_off(self, site: Site, anchor: int) -> None:
        an_absence(site.conn, *dec(10, 20))
        site.run(make_up="off")
        assert site.live(anchor) == dec(8, 22)

    def test_a_session_that_a_person_placed_is_held_so_it_is_not_made_up(
        self, site: Site, anchor: int
    ) -> None:
        site.edit(site.row_on(anchor, date(2026, 12, 15)).id, start_time=time(8),
                  end_time=time(9))  # fmt: skip
        an_absence(site.conn, *dec(10, 22))
        site.run()
        assert site.live(anchor) == dec(8, 15, 29)
        site.run(NOON + DAY)
        assert site.live(anchor) == dec(8, 15, 29)

    def test_a_past_date_that_was_left_out_stays_made_up(self, site: Site, anchor: int) -> None:
        absence = an_absence(site.conn, *dec(8))
        site.run()
        assert site.live(anchor) == dec(15, 22, 29)
        withdraw(site, absence)
        site.run(NOON + 8 * DAY)
        assert site.live(anchor) == dec(15, 22, 29)
        site.sql("DELETE FROM session_worker.absence")
        site.run(NOON + 9 * DAY)
        assert site.live(anchor) == dec(15, 22, 29)

    def test_an_absence_entered_for_a_lesson_that_was_held_changes_nothing(
        self, site: Site, anchor: int
    ) -> None:
        site.run(NOON + 8 * DAY)
        an_absence(site.conn, *dec(8))
        site.run(NOON + 8 * DAY)
        assert site.live(anchor) == dec(8, 15, 22)

    def test_a_backfill_makes_up_what_an_absence_took(self, site: Site, anchor: int) -> None:
        an_absence(site.conn, *dec(15))
        site.backfill(date(2026, 12, 1), date(2027, 1, 31))
        assert site.live(anchor) == dec(8, 15, 22)  # the rows that stand are the next run's
        site.run()
        site.backfill(date(2026, 12, 1), date(2027, 1, 31))
        assert site.live(anchor) == dec(8, 22, 29)


def test_a_backfill_leaves_covered_dates_out(site: Site) -> None:
    anchor = an_anchor(site.conn, session_date=date(2026, 11, 3))
    an_absence(site.conn, date(2026, 11, 10))
    site.backfill(date(2026, 11, 1), date(2026, 11, 30))
    assert site.live(anchor) == [date(2026, 11, 17), date(2026, 11, 24)]


def test_a_date_gets_its_first_row_when_the_absence_is_withdrawn(site: Site) -> None:
    anchor = an_anchor(site.conn)
    absence = an_absence(site.conn, *dec(15, 22))
    assert site.run().rows == Written(inserted=2)
    withdraw(site, absence)
    assert site.run().rows == Written(inserted=2)
    assert site.live(anchor) == WEEKLY


def test_preview_names_the_absence(site: Site) -> None:
    anchor = an_anchor(site.conn)
    site.run()
    absence = an_absence(site.conn, *dec(15), reason="conference")
    site.conn.commit()
    shown = preview(site.engine, Settings(expand_days=28), NOON, anchor)
    [line] = [each for each in shown.dates if each.date == date(2026, 12, 15)]
    session = site.row_on(anchor, date(2026, 12, 15)).id
    assert (line.state, line.why) == (
        "skipped", f"every Tuesday; session {session} is cancelled: absence {absence}, conference",
    )  # fmt: skip
    site.run()
    shown = preview(site.engine, Settings(expand_days=28), NOON, anchor)
    [line] = [each for each in shown.dates if each.date == date(2026, 12, 15)]
    assert line.why == f"every Tuesday; absence {absence}, conference"


def test_absences_without_end_are_read(site: Site) -> None:
    anchor = an_anchor(site.conn, recurring_pattern={"count": 4})
    an_absence(site.conn, date(1, 1, 1), date(9999, 12, 31), from_time=time(23))
    an_absence(
        site.conn, date(2026, 12, 10), date(9999, 12, 31), tutor_id=site.pair(anchor)["tutor_id"]
    )
    site.run()
    assert site.live(anchor) == dec(8)


def test_an_absence_of_somebody_else_wakes_no_series(site: Site) -> None:
    an_anchor(site.conn)
    site.run()
    before = site.everything()
    an_absence(site.conn, *dec(15), student_id=a_student(site.conn))
    site.run()
    assert site.everything() == before


def test_a_run_that_reads_while_an_absence_is_entered_is_followed_by_one_that_knows_it(
    site: Site, database: str
) -> None:
    anchor = an_anchor(site.conn)
    site.run()
    with shared_engine_on(database).begin() as theirs:
        first = an_absence(theirs, *dec(8, 15))
        an_absence(site.conn, *dec(15, 22))
        site.run()  # waits for nobody
        assert site.live(anchor) == dec(8, 29)
    site.run()
    assert site.live(anchor) == dec(29)
    assert site.occurrence(anchor, date(2026, 12, 8)).absence == first
