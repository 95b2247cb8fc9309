"""Combinations of lines in the design's table: changes on changes, series beside series."""

from datetime import date, datetime, time, timedelta

import pytest
from sqlalchemy import Connection, text

from scheduler.expansion.admin.series import end_series_and_cancel
from scheduler.settings import Settings
from tests.builders import (
    a_session,
    a_student,
    a_tutor,
    an_anchor,
    an_enrolment,
)
from tests.scheduler.expansion.expanded_site import DAY, NOON, Site, dec
from tests.servers import shared_engine_on

WEEK = timedelta(days=7)


@pytest.fixture
def site(conn: Connection, database: str) -> Site:
    return Site(conn, shared_engine_on(database))


# Dates that PostgreSQL knows and Python does not


@pytest.mark.parametrize("day", ["0044-03-15 BC", "-infinity", "infinity", "20261-12-08"])
def test_a_rule_beyond_the_calendar_is_unreadable_and_stops_no_other(site: Site, day: str) -> None:
    site.sql("INSERT INTO tutor_sessions (tutor_id, student_id, subject, session_date, start_time,"
             " is_recurring, session_frequency) VALUES (1, 1, 'x', :day, '10:00', true, 'weekly'),"
             " (1, 1, 'x', :day, '11:00', false, 'weekly')", day=day)  # fmt: skip
    anchor = an_anchor(site.conn)

    report = site.run()

    assert [site.row_on(anchor, day).status for day in dec(8, 15)] == ["scheduled"] * 2
    assert report.series["unreadable"] == 1
    assert {finding.code for finding in report.findings} >= {"session_date", "rule_switched_off"}


# Rows that the site refuses


def test_a_series_that_the_site_refuses_says_so_until_it_is_expanded(site: Site) -> None:
    anchor = an_anchor(site.conn, topic="bad")
    pair = site.pair(anchor)
    an_enrolment(site.conn, tutor_id=pair["tutor_id"], student_profile_id=pair["student_id"])
    site.sql("ALTER TABLE tutor_sessions ADD CONSTRAINT no_bad"
             " CHECK (is_recurring OR topic IS DISTINCT FROM 'bad')")  # fmt: skip

    refused = site.run()
    again = site.run()
    site.sql("ALTER TABLE tutor_sessions DROP CONSTRAINT no_bad")
    mended = site.run()

    [finding] = refused.findings
    assert (finding.session_id, finding.code) == (anchor, "not_expanded")
    assert "no_bad" in finding.detail
    assert again.findings == refused.findings
    assert (mended.rows.inserted, mended.findings) == (4, ())


def test_a_row_that_comes_back_under_its_id_is_still_the_workers(site: Site) -> None:
    """A table that was reloaded, rows that were hidden, a delete that was undone."""
    anchor = an_anchor(site.conn)
    site.run()
    site.sql("CREATE TABLE kept AS SELECT * FROM tutor_sessions WHERE NOT is_recurring")
    site.sql("DELETE FROM tutor_sessions WHERE NOT is_recurring")
    site.run()
    site.sql("INSERT INTO tutor_sessions SELECT * FROM kept")
    site.run()
    site.edit(anchor, topic="Decimals")
    site.run()

    assert {site.occurrence(anchor, day).state for day in dec(8, 15)} == {"created"}
    assert {site.row_on(anchor, day).topic for day in dec(8, 15)} == {"Decimals"}


def test_an_adopted_row_that_comes_back_under_its_id_is_still_a_persons(site: Site) -> None:
    anchor = an_anchor(site.conn)
    own = a_session(site.conn, session_date=date(2026, 12, 8), topic="By hand",
                    **site.pair(anchor))  # fmt: skip
    site.run()
    site.sql("CREATE TABLE kept AS SELECT * FROM tutor_sessions WHERE id = :own", own=own)
    site.delete(own)
    site.run()
    site.sql("INSERT INTO tutor_sessions SELECT * FROM kept")
    site.run()

    assert site.occurrence(anchor, date(2026, 12, 8)).state == "adopted"


# Pauses, stops and ends


def test_an_admin_ends_a_series_whose_rows_another_has_adopted(site: Site) -> None:
    anchor = an_anchor(site.conn)
    site.run()
    again = an_anchor(site.conn, **site.pair(anchor))
    site.run()
    assert {site.occurrence(again, day).state for day in dec(8, 15)} == {"adopted"}

    written = end_series_and_cancel(site.engine, Settings(expand_days=28), NOON, anchor)
    site.run()

    assert written.cancelled == 4
    assert {site.row_on(anchor, day).status for day in dec(8, 15)} == {"cancelled"}
    assert {site.occurrence(again, day).state for day in dec(8, 15)} == {"created"}


def test_what_changed_while_a_series_was_paused_reaches_its_rows_afterwards(site: Site) -> None:
    tutor = a_tutor(site.conn)
    anchor = an_anchor(site.conn, tutor_id=tutor, topic="Fractions")
    site.run()
    site.sql("UPDATE tutor_profiles SET is_suspended = true WHERE id = :id", id=tutor)
    site.run()
    site.edit(anchor, topic="Decimals")
    site.run()
    site.sql("UPDATE tutor_profiles SET is_suspended = false WHERE id = :id", id=tutor)

    site.run()

    assert {site.row_on(anchor, day).topic for day in dec(8, 15, 22, 29)} == {"Decimals"}


def test_a_column_added_while_a_series_was_paused_leaves_no_row_looking_edited(
    site: Site,
) -> None:
    tutor = a_tutor(site.conn)
    anchor = an_anchor(site.conn, tutor_id=tutor)
    site.run()
    site.sql("UPDATE tutor_profiles SET is_suspended = true WHERE id = :id", id=tutor)
    site.run()
    site.sql("ALTER TABLE tutor_sessions ADD room text DEFAULT 'A1'")
    site.run()
    site.sql("UPDATE tutor_profiles SET is_suspended = false WHERE id = :id", id=tutor)
    site.edit(anchor, room="B2", recurring_pattern='{"days": ["Thursday"]}')

    site.run()

    assert site.live(anchor) == dec(3, 10, 17, 24)
    assert {site.row_on(anchor, day).room for day in dec(3, 10, 17, 24)} == {"B2"}


def test_on_stop_cancel_leaves_the_rows_of_a_deleted_anchor(site: Site) -> None:
    anchor = an_anchor(site.conn)
    site.run()
    site.delete(anchor)

    site.run(on_stop="cancel")

    assert site.sql("SELECT count(*) FROM tutor_sessions WHERE status = 'scheduled'").scalar() == 4


def test_a_row_that_was_held_when_its_series_stopped_is_cancelled_by_a_later_run(
    site: Site,
) -> None:
    anchor = an_anchor(site.conn)
    site.run()
    held = site.row_on(anchor, date(2026, 12, 15)).id
    site.edit(anchor, is_recurring=False)
    with site.engine.begin() as backend:
        backend.execute(text("SELECT FROM tutor_sessions WHERE id = :id FOR UPDATE"), {"id": held})
        site.run(on_stop="cancel")
        assert site.live(anchor) == dec(15)

    site.run(on_stop="cancel")

    assert site.live(anchor) == []


def test_another_student_without_an_enrolment_does_not_end_the_first_ones(site: Site) -> None:
    tutor, student = a_tutor(site.conn), a_student(site.conn)
    an_enrolment(site.conn, tutor_id=tutor, student_profile_id=student)
    anchor = an_anchor(site.conn, tutor_id=tutor, student_id=student)
    site.run()
    site.edit(anchor, student_id=a_student(site.conn))

    report = site.run()

    assert (report.series["active"], report.series["paused"]) == (1, 0)


def test_a_pair_that_was_never_enrolled_is_a_finding(site: Site) -> None:
    anchor = an_anchor(site.conn)

    found = [(one.session_id, one.code) for one in site.run().findings]

    assert found == [(anchor, "not_enrolled")]


def test_a_series_that_an_admin_ends_cancels_all_or_says_that_rows_are_held(site: Site) -> None:
    anchor = an_anchor(site.conn)
    site.run()
    held = site.row_on(anchor, date(2026, 12, 15)).id
    with site.engine.begin() as backend:
        backend.execute(text("SELECT FROM tutor_sessions WHERE id = :id FOR UPDATE"), {"id": held})
        with pytest.raises(Exception, match="holds rows"):
            end_series_and_cancel(site.engine, Settings(expand_days=28), NOON, anchor)
    assert site.live(anchor) == dec(8, 15, 22, 29)

    end_series_and_cancel(site.engine, Settings(expand_days=28), NOON, anchor)

    assert site.live(anchor) == []


# Edits of people


@pytest.mark.parametrize("status", ["completed", "missed", "cancelled"])
def test_a_row_whose_status_a_person_wrote_follows_in_its_other_columns(
    site: Site, status: str
) -> None:
    anchor = an_anchor(site.conn, topic="Fractions")
    site.run()
    row = site.row_on(anchor, date(2026, 12, 8)).id
    site.edit(row, status=status)
    site.edit(anchor, topic="Decimals", start_time=time(16), end_time=time(17))
    site.run()

    found = site.row_on(anchor, date(2026, 12, 8))
    assert (found.id, found.status, found.topic, found.start_time) == (
        row, status, "Decimals", time(16))  # fmt: skip
    assert site.row_on(anchor, date(2026, 12, 15)).start_time == time(16)


# Dates


def test_a_backfill_of_past_dates_moves_no_row_to_the_past(site: Site) -> None:
    anchor = an_anchor(site.conn, session_date=date(2026, 11, 3))
    site.run()
    site.edit(anchor, recurring_pattern='{"days": ["Thursday"]}')

    report = site.backfill(date(2026, 11, 1), date(2026, 11, 30))

    assert report.rows.inserted == 4  # 5, 12, 19 and 26 November
    assert site.live(anchor)[4:] == dec(1, 8, 15, 22, 29)
    site.run()
    assert [day for day in site.live(anchor) if day.month == 11] == [
        date(2026, 11, day) for day in (5, 12, 19, 26)
    ]


def test_a_clock_that_goes_far_back_and_on_again_leaves_no_gap(site: Site) -> None:
    anchor = an_anchor(site.conn)
    site.run(as_of=NOON + 20 * WEEK)
    site.run()

    site.run(as_of=NOON + 8 * WEEK)

    assert site.live(anchor)[4:9] == [date(2027, 1, 26) + n * WEEK for n in range(5)]


def test_days_that_a_clock_passes_again_follow_the_rule_of_today(site: Site) -> None:
    anchor = an_anchor(site.conn)
    site.run()
    site.edit(anchor, recurring_pattern='{"days": ["Thursday"]}')
    site.run(as_of=NOON + 2 * WEEK)

    site.run()

    states = site.states(anchor)
    assert [day for day in dec(3, 10) if day not in states] == []


def test_rows_that_a_clock_makes_future_again_follow_what_changed_while_they_were_past(
    site: Site,
) -> None:
    anchor = an_anchor(site.conn, topic="Fractions")
    site.run()
    site.edit(anchor, topic="Decimals")
    site.run(as_of=NOON + 2 * WEEK)
    assert site.row_on(anchor, date(2026, 12, 8)).topic == "Fractions"

    site.run()

    assert site.row_on(anchor, date(2026, 12, 8)).topic == "Decimals"


def test_a_date_that_becomes_a_holiday_says_so_though_it_was_in_conflict(site: Site) -> None:
    anchor = an_anchor(site.conn, session_date=date(2026, 12, 31), session_frequency="daily")
    tutor = site.pair(anchor)["tutor_id"]
    a_session(site.conn, tutor_id=tutor, session_date=date(2027, 1, 7), start_time=time(14, 30),
              end_time=time(15, 30))  # fmt: skip
    site.run(as_of=NOON + 30 * DAY)
    assert site.occurrence(anchor, date(2027, 1, 7)).state == "conflict"

    site.run(as_of=NOON + 30 * DAY, holidays="skip")

    found = site.occurrence(anchor, date(2027, 1, 7))
    assert (found.state, "Christmas" in found.reason, found.blocked_by) == ("skipped", True, None)


def test_rows_that_stand_are_marked_with_the_holiday_that_a_setting_names(site: Site) -> None:
    anchor = an_anchor(site.conn, session_date=date(2026, 12, 31), session_frequency="daily")
    site.run(as_of=NOON + 30 * DAY)

    site.run(as_of=NOON + 30 * DAY, holidays="mark")

    assert "Christmas" in site.occurrence(anchor, date(2027, 1, 7)).reason


# Conflicts


def test_a_row_that_a_person_moved_is_in_the_way_of_its_own_series(site: Site) -> None:
    anchor = an_anchor(site.conn)
    site.run()
    moved = site.row_on(anchor, date(2026, 12, 8)).id
    site.edit(moved, session_date=date(2026, 12, 17), start_time=time(14, 30),
              end_time=time(15, 30))  # fmt: skip
    site.edit(anchor, recurring_pattern='{"days": ["Thursday"]}')

    site.run()

    found = site.occurrence(anchor, date(2026, 12, 17))
    assert (found.state, found.blocked_by) == ("conflict", moved)


def test_a_cancelled_row_whose_place_was_taken_is_in_conflict_and_comes_back_when_it_is_free(
    site: Site,
) -> None:
    anchor = an_anchor(site.conn)
    site.run()
    site.edit(anchor, session_frequency="bi-weekly")
    site.run()
    other = a_session(site.conn, tutor_id=site.pair(anchor)["tutor_id"],
                      session_date=date(2026, 12, 8), start_time=time(14, 30),
                      end_time=time(15, 30))  # fmt: skip
    site.edit(anchor, session_frequency="weekly")
    site.run()
    found = site.occurrence(anchor, date(2026, 12, 8))
    assert (found.blocked_by, str(other) in found.reason) == (other, True)

    site.delete(other)
    site.run()

    assert site.live(anchor) == dec(8, 15, 22, 29)


def test_a_row_a_person_cancelled_blocks_no_other_rule_when_its_time_moves(site: Site) -> None:
    tutor = a_tutor(site.conn)
    first = an_anchor(site.conn, tutor_id=tutor)
    site.run()
    site.edit(site.row_on(first, date(2026, 12, 8)).id, status="cancelled")
    site.edit(first, start_time=time(16), end_time=time(17))
    second = an_anchor(site.conn, tutor_id=tutor, start_time=time(16, 30), end_time=time(17, 30))

    site.run()

    assert site.states(second)[date(2026, 12, 8)] == "created"


def test_a_new_time_that_another_new_row_took_names_that_row(site: Site) -> None:
    tutor = a_tutor(site.conn)
    first = an_anchor(site.conn, tutor_id=tutor, session_date=date(2026, 11, 17),
                      is_recurring=False, start_time=time(16), end_time=time(17))  # fmt: skip
    second = an_anchor(site.conn, tutor_id=tutor)
    site.run()
    site.edit(first, is_recurring=True)
    site.edit(second, start_time=time(16, 30), end_time=time(17, 30))

    site.run()

    winner = site.row_on(first, date(2026, 12, 8)).id
    found = site.occurrence(second, date(2026, 12, 8))
    assert (found.blocked_by, found.reason) == (winner, f"time_conflict {winner}")


def test_a_row_takes_no_new_time_at_which_a_cancelled_row_of_its_pair_stands(site: Site) -> None:
    anchor = an_anchor(site.conn)
    cancelled = a_session(site.conn, session_date=date(2026, 12, 8), start_time=time(16),
                          end_time=time(17), status="cancelled", **site.pair(anchor))  # fmt: skip
    site.run()
    site.edit(anchor, start_time=time(16), end_time=time(17))

    site.run()

    assert site.row_on(anchor, date(2026, 12, 8)).start_time == time(14)
    assert site.occurrence(anchor, date(2026, 12, 8)).blocked_by == cancelled
    before = site.everything()
    site.run()
    assert site.everything() == before


def test_overnight_rows_that_shift_together_are_not_in_each_others_way(site: Site) -> None:
    anchor = an_anchor(site.conn, session_frequency="daily", start_time=time(23),
                       end_time=time(1))  # fmt: skip
    site.run()
    site.edit(anchor, start_time=time(0, 30), end_time=time(2, 30))

    site.run()

    assert {site.row_on(anchor, day).start_time for day in dec(2, 3, 28, 29)} == {time(0, 30)}


def test_an_overnight_row_that_cannot_shift_keeps_the_next_from_overlapping_it(
    site: Site,
) -> None:
    anchor = an_anchor(site.conn, session_frequency="daily", start_time=time(23),
                       end_time=time(1))  # fmt: skip
    site.run()
    tutor = site.pair(anchor)["tutor_id"]
    other = a_session(site.conn, tutor_id=tutor, session_date=date(2026, 12, 8),
                      start_time=time(1), end_time=time(2))  # fmt: skip
    site.edit(anchor, start_time=time(0, 30), end_time=time(2, 30))

    site.run()

    assert site.occurrence(anchor, date(2026, 12, 8)).blocked_by == other
    assert site.row_on(anchor, date(2026, 12, 9)).start_time == time(23)
    assert site.row_on(anchor, date(2026, 12, 7)).start_time == time(0, 30)


# Adoption


def test_an_adopted_row_that_was_moved_keeps_its_date_through_a_rule_that_changes_and_returns(
    site: Site,
) -> None:
    anchor = an_anchor(site.conn)
    by_hand = a_session(site.conn, session_date=date(2026, 12, 8), **site.pair(anchor))
    site.run()
    site.edit(by_hand, session_date=date(2026, 12, 9))
    site.edit(anchor, session_frequency="bi-weekly")
    site.run()
    site.edit(anchor, session_frequency="weekly")

    site.run()

    assert site.live(anchor) == dec(9, 15, 22, 29)


def test_a_row_that_another_rule_leaves_is_not_lost_to_the_rule_that_shared_it(
    site: Site,
) -> None:
    first = an_anchor(site.conn)
    second = an_anchor(site.conn, session_date=date(2026, 12, 2), **site.pair(first),
                       recurring_pattern={"days": ["Tuesday"]})  # fmt: skip
    site.run()
    assert set(site.states(second).values()) == {"adopted"}
    site.edit(first, recurring_pattern='{"days": ["Thursday"]}')

    site.run()

    assert site.live(first) == sorted([*dec(2), *dec(3, 10, 17, 24), *dec(8, 15, 22, 29)])


def test_a_rule_that_stops_with_its_rows_leaves_those_of_its_twin(site: Site) -> None:
    first = an_anchor(site.conn)
    second = an_anchor(site.conn, session_date=date(2026, 12, 2), **site.pair(first),
                       recurring_pattern={"days": ["Tuesday"]})  # fmt: skip
    site.run()
    site.edit(first, is_recurring=False)

    site.run(on_stop="cancel")

    assert site.live(first) == dec(2, 8, 15, 22, 29)
    assert set(site.states(second).values()) == {"created"}


def test_a_deleted_date_is_not_given_the_row_of_a_twin(site: Site) -> None:
    first = an_anchor(site.conn)
    site.run()
    site.delete(site.row_on(first, date(2026, 12, 15)).id)
    an_anchor(site.conn, session_date=date(2026, 12, 2), **site.pair(first),
              recurring_pattern={"days": ["Tuesday"]})  # fmt: skip
    site.run()
    before = site.everything()

    site.run()

    assert site.everything() == before
    assert site.occurrence(first, date(2026, 12, 15)).state == "deleted"


def test_a_deleted_date_is_not_given_the_anchor_that_passes_over_it(site: Site) -> None:
    anchor = an_anchor(site.conn)
    site.run()
    site.delete(site.row_on(anchor, date(2026, 12, 15)).id)
    for day in (date(2026, 12, 15), date(2026, 12, 1)):
        site.run()
        site.edit(anchor, session_date=day)

    site.run()

    assert date(2026, 12, 15) not in site.live(anchor)


# "This and following"


def test_a_second_split_before_the_first_ends_where_that_one_begins(site: Site) -> None:
    anchor = an_anchor(site.conn)
    site.run()
    ids = {day: site.row_on(anchor, day).id for day in dec(8, 22)}
    rule = {"is_recurring": True, "session_frequency": "weekly"}
    site.edit(ids[date(2026, 12, 22)], **rule, recurring_pattern='{"days": ["Friday"]}')
    site.run()
    site.edit(ids[date(2026, 12, 8)], **rule, recurring_pattern='{"days": ["Thursday"]}')

    site.run()

    assert site.live(anchor) == dec(8, 10, 17, 22, 25)


def test_a_row_that_was_moved_to_an_earlier_day_begins_its_series_there(site: Site) -> None:
    anchor = an_anchor(site.conn)
    site.run()
    new = site.row_on(anchor, date(2026, 12, 22)).id
    deleted = site.row_on(anchor, date(2026, 12, 15)).id
    site.edit(new, session_date=date(2026, 12, 10), is_recurring=True,
              session_frequency="weekly", recurring_pattern='{"days": ["Tuesday"]}')  # fmt: skip
    site.delete(deleted)

    site.run()

    assert site.series(anchor).ends_on == date(2026, 12, 9)
    assert site.live(anchor) == dec(8, 10, 22, 29)


def test_what_a_lost_schema_knew_of_a_split_an_admin_says_again(site: Site) -> None:
    """The older rule could be intended, so it stays in force (docs/decisions/0016)."""
    anchor = an_anchor(site.conn)
    site.run()
    new = site.row_on(anchor, date(2026, 12, 15)).id
    site.edit(new, is_recurring=True, session_frequency="weekly",
              recurring_pattern='{"days": ["Friday"]}')  # fmt: skip
    site.run()
    assert site.live(anchor) == dec(8, 15, 18, 25)
    site.sql("TRUNCATE session_worker.series, session_worker.occurrence, session_worker.finding")
    site.run()
    assert site.live(anchor) == dec(8, 15, 18, 22, 25, 29)

    end_series_and_cancel(site.engine, Settings(expand_days=28), NOON, anchor)
    site.run()

    assert site.live(anchor) == dec(15, 18, 25)


# The site's own constraints


def test_a_row_that_the_site_refuses_has_its_reason_and_the_next_run_takes_no_number(
    site: Site,
) -> None:
    tutor = a_tutor(site.conn)
    anchor = an_anchor(site.conn, tutor_id=tutor)
    a_session(site.conn, tutor_id=tutor, session_date=date(2026, 12, 8))  # a group elsewhere
    site.sql("ALTER TABLE tutor_sessions ADD UNIQUE (tutor_id, session_date, start_time)")
    site.sql("UPDATE tutor_sessions SET session_date = '2026-12-08' WHERE id <> :id", id=anchor)
    site.run()
    found = site.occurrence(anchor, date(2026, 12, 8))
    assert (found.state, found.session_id) == ("skipped", None)
    assert "unique" in found.reason
    before = site.everything()

    site.run()

    assert site.everything() == before
    assert site.live(anchor) == dec(15, 22, 29)


def test_a_table_of_the_sites_that_is_named_like_a_temporary_one_stays(site: Site) -> None:
    site.sql("CREATE TABLE sw_row AS SELECT 1 AS mine")
    an_anchor(site.conn)

    assert site.run().rows.inserted == 4

    assert site.sql("SELECT mine FROM public.sw_row").scalar() == 1


def test_a_column_of_the_sites_that_is_named_like_the_copied_version_is_copied(site: Site) -> None:
    site.sql("ALTER TABLE tutor_sessions ADD sw_version text")
    anchor = an_anchor(site.conn)
    site.edit(anchor, sw_version="7")

    site.run()

    assert {site.row_on(anchor, day).sw_version for day in dec(8, 15)} == {"7"}


# Backfills


def test_a_backfill_fills_what_a_rule_meant_before_it_was_continued_by_another(
    site: Site,
) -> None:
    anchor = an_anchor(site.conn, session_date=date(2026, 10, 27))
    site.run()
    row = site.row_on(anchor, date(2026, 12, 8)).id
    site.edit(row, is_recurring=True, session_frequency="weekly")
    site.run()

    report = site.backfill(date(2026, 11, 1), date(2026, 11, 30), as_of=NOON + 3 * WEEK)

    assert report.rows.inserted == 4


def test_a_backfill_of_a_row_that_carries_no_rule_any_more_ends(site: Site) -> None:
    from scheduler.expansion.admin.backfill import Extent, begin_backfill, fill_next_chunk

    anchor = an_anchor(site.conn)
    site.conn.commit()
    with site.engine.begin() as conn:
        number = begin_backfill(
            conn, Extent(date(2026, 12, 1), date(2026, 12, 31), session_id=anchor)
        )
    site.edit(anchor, is_recurring=False)

    assert fill_next_chunk(site.engine, Settings(), NOON, number)
    assert not fill_next_chunk(site.engine, Settings(), NOON, number)


def test_dates_long_past_are_not_looked_at(site: Site) -> None:
    anchor = an_anchor(site.conn, session_date=date(2020, 1, 7))

    assert site.run(as_of=datetime(2026, 12, 1, 9, 0, tzinfo=NOON.tzinfo)).rows.inserted == 5
    assert site.live(anchor)[0] == date(2026, 12, 1)
