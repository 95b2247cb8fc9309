"""Ownership of columns: changes by the site's triggers are no edits, and a person's edits stay
(promise 2; design, "What happened")."""

from collections.abc import Callable
from datetime import date, time, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

from scheduler.expansion.admin.series import end_series_and_cancel
from scheduler.settings import Settings
from tests.builders import a_session, a_tutor, an_anchor
from tests.scheduler.expansion.expanded_site import Site, dec
from tests.scheduler.expansion.twelve_weeks import (
    MONDAY,
    THURSDAYS,
    TO_THURSDAY,
    TUESDAYS,
    a_weekly,
    rows,
    run,
)
from tests.servers import shared_engine_on


@pytest.fixture
def site(conn: Connection, database: str) -> Site:
    return Site(conn, shared_engine_on(database))


def trigger(site: Site, when: str, body: str) -> None:
    site.sql(f"""CREATE FUNCTION of_the_site() RETURNS trigger LANGUAGE plpgsql AS $$
                 BEGIN {body} RETURN NEW; END $$;
                 CREATE TRIGGER of_the_site {when} ON tutor_sessions
                 FOR EACH ROW EXECUTE FUNCTION of_the_site()""")


def stamp_each_write(site: Site) -> int:
    site.sql("ALTER TABLE tutor_sessions ADD modified_at timestamp")
    trigger(site, "BEFORE INSERT OR UPDATE", "NEW.modified_at = clock_timestamp();")
    return expanded(site)


def give_each_row_its_link(site: Site) -> int:
    trigger(site, "BEFORE INSERT", "NEW.meeting_link = 'https://meet.example/' || NEW.id;")
    return expanded(site)


def fill_a_new_column(site: Site) -> int:
    anchor = expanded(site)
    site.sql("ALTER TABLE tutor_sessions ADD branch text")
    site.sql("UPDATE tutor_sessions SET branch = 'Bole'")
    return anchor


def rename_a_column(site: Site) -> int:
    anchor = expanded(site)
    site.sql("ALTER TABLE tutor_sessions RENAME topic TO theme")
    return anchor


def change_all_rows_and_the_anchor(site: Site) -> int:
    anchor = expanded(site)
    site.sql("UPDATE tutor_sessions SET meeting_link = 'https://new.example'")
    return anchor


def expanded(site: Site) -> int:
    anchor = a_weekly(site, topic="Fractions")
    run(site)
    return anchor


def change_all_hours(site: Site) -> int:
    anchor = expanded(site)
    site.sql("UPDATE tutor_sessions SET start_time = '16:00', end_time = '17:00'")
    return anchor


Happening = Callable[[Site], int]
MACHINERY: list[Happening] = [
    stamp_each_write, give_each_row_its_link, fill_a_new_column, rename_a_column,
    change_all_rows_and_the_anchor, change_all_hours,
]  # fmt: skip


@pytest.mark.parametrize("happens", MACHINERY)
def test_rows_that_the_site_changed_move_with_their_rule(site: Site, happens: Happening) -> None:
    anchor = happens(site)
    ids = [row.id for row in rows(site, anchor)]
    site.edit(anchor, **TO_THURSDAY)

    report = run(site)

    assert [row.session_date for row in rows(site, anchor)] == THURSDAYS
    assert [row.id for row in rows(site, anchor)] == ids
    assert (report.rows.inserted, report.rows.cancelled) == (0, 0)


@pytest.mark.parametrize("happens", MACHINERY)
def test_rows_that_the_site_changed_are_cancelled_with_their_series(
    site: Site, happens: Happening
) -> None:
    anchor = happens(site)

    written = end_series_and_cancel(site.engine, Settings(), MONDAY, anchor)

    assert written.cancelled == 12


def test_rows_that_the_site_changed_are_cancelled_when_their_rule_is_switched_off(
    site: Site,
) -> None:
    anchor = fill_a_new_column(site)
    site.edit(anchor, is_recurring=False)

    assert run(site, on_stop="cancel").rows.cancelled == 12


def test_a_column_that_the_site_filled_goes_on_being_copied(site: Site) -> None:
    anchor = fill_a_new_column(site)
    run(site)
    site.edit(anchor, branch="Piassa")

    run(site)

    assert {row.branch for row in rows(site, anchor)} == {"Piassa"}


def test_a_column_that_the_site_filled_in_the_rows_alone_goes_on_being_copied(site: Site) -> None:
    anchor = expanded(site)
    site.sql("UPDATE tutor_sessions SET location = 'B2' WHERE NOT is_recurring")
    run(site)
    site.edit(anchor, topic="Decimals")
    run(site)
    assert {row.location for row in rows(site, anchor)} == {"B2"}
    site.edit(anchor, location="C3")

    run(site)

    assert {row.location for row in rows(site, anchor)} == {"C3"}


def test_a_value_the_site_gave_the_rows_alone_is_no_persons_after_people_wrote_and_rows_came(
    site: Site,
) -> None:
    """The series is not read again before its anchor changes, and much may happen until then."""
    anchor = expanded(site)
    site.edit(rows(site, anchor)[7].id, location="D4")
    site.sql("UPDATE tutor_sessions SET location = 'B2' WHERE NOT is_recurring")
    site.edit(rows(site, anchor)[4].id, tutor_notes="fractions, again")
    site.run(as_of=MONDAY + timedelta(days=7), expand_days=84)
    site.edit(anchor, location="C3")

    site.run(as_of=MONDAY + timedelta(days=7), expand_days=84)

    assert [row.location for row in rows(site, anchor)] == ["B2", *["C3"] * 12]


def test_a_link_that_the_site_gave_each_row_stays_until_the_anchor_has_another(site: Site) -> None:
    anchor = give_each_row_its_link(site)
    links = [row.meeting_link for row in rows(site, anchor)]
    assert len(set(links)) == 12
    site.edit(anchor, topic="Decimals")
    run(site)
    assert [row.meeting_link for row in rows(site, anchor)] == links
    site.edit(anchor, meeting_link="https://one.example")

    run(site)

    assert {row.meeting_link for row in rows(site, anchor)} == {"https://one.example"}


def test_what_a_person_wrote_is_theirs_though_the_site_changed_all_other_columns(
    site: Site,
) -> None:
    anchor = stamp_each_write(site)
    edited = rows(site, anchor)[4].id
    site.edit(edited, topic="Exam")
    site.edit(anchor, topic="Decimals", **TO_THURSDAY)

    run(site)

    topics = {row.id: row.topic for row in rows(site, anchor)}
    assert topics.pop(edited) == "Exam"
    assert set(topics.values()) == {"Decimals"}
    assert [row.session_date for row in rows(site, anchor)] == THURSDAYS


# Edits that place a row


@pytest.mark.parametrize("column", ["tutor_notes", "student_feedback", "topic", "location"])
@pytest.mark.parametrize("value", ["words", ""])
def test_a_row_with_a_persons_notes_moves_with_the_rule(
    site: Site, column: str, value: str
) -> None:
    anchor = expanded(site)
    noted = rows(site, anchor)[4].id
    site.edit(noted, **{column: value})
    site.edit(anchor, **TO_THURSDAY)

    run(site)

    row = rows(site, anchor)[4]
    assert (row.id, row.session_date, getattr(row, column)) == (noted, THURSDAYS[4], value)


def tutor(site: Site) -> dict[str, Any]:
    return {"tutor_id": a_tutor(site.conn)}


PLACING = {
    "date": {"session_date": date(2027, 2, 3)}, "start": {"start_time": time(13)},
    "end": {"end_time": time(16)}, "duration": {"duration": 90}, "status": {"status": "cancelled"},
}  # fmt: skip


@pytest.mark.parametrize("columns", [*PLACING.values(), tutor], ids=[*PLACING, "tutor"])
def test_a_row_that_a_person_placed_stays_and_its_new_date_is_not_filled(
    site: Site, columns: Any
) -> None:
    anchor = expanded(site)
    placed = rows(site, anchor)[4].id
    site.edit(placed, **(columns(site) if callable(columns) else columns))
    before = site.sql("SELECT to_jsonb(t) - 'updated_at' FROM tutor_sessions t WHERE id = :id",
                      id=placed).scalar()  # fmt: skip
    site.edit(anchor, **TO_THURSDAY)

    report = run(site)

    assert report.rows == type(report.rows)(updated=11)
    assert site.sql("SELECT to_jsonb(t) - 'updated_at' FROM tutor_sessions t WHERE id = :id",
                    id=placed).scalar() == before  # fmt: skip
    closed = site.occurrence(anchor, THURSDAYS[4])
    assert (closed.state, str(TUESDAYS[4]) in closed.reason) == ("skipped", True)
    site.edit(anchor, topic="Decimals")
    assert run(site).rows.inserted == 0


def test_the_week_of_a_row_that_a_person_deleted_stays_empty(site: Site) -> None:
    anchor = expanded(site)
    site.sql("ALTER TABLE tutor_sessions ADD branch text")
    site.sql("UPDATE tutor_sessions SET branch = 'Bole'")
    site.delete(rows(site, anchor)[4].id)
    run(site)
    site.edit(anchor, **TO_THURSDAY)

    report = run(site)

    assert report.rows == type(report.rows)(updated=11)
    assert [row.session_date for row in rows(site, anchor) if row.state == "created"] == [
        *THURSDAYS[:4], *THURSDAYS[5:]]  # fmt: skip
    closed = site.occurrence(anchor, THURSDAYS[4])
    assert closed.reason == f"a person deleted the session of {TUESDAYS[4]}"


def test_a_settled_date_is_settled_once_however_often_the_rule_changes(site: Site) -> None:
    anchor = expanded(site)
    site.delete(rows(site, anchor)[4].id)
    for day in ("Thursday", "Friday", "Wednesday", "Tuesday"):
        site.edit(anchor, recurring_pattern=f'{{"days": ["{day}"]}}')
        run(site)
        made = [row for row in rows(site, anchor) if row.status == "scheduled"]
        assert len(made) == 11, day

    assert [row.session_date for row in made] == [*TUESDAYS[:4], *TUESDAYS[5:]]
    assert site.occurrence(anchor, TUESDAYS[4]).state == "deleted"


# Start, end and duration


def test_a_row_that_a_person_started_at_another_hour_keeps_its_end(site: Site) -> None:
    anchor = expanded(site)
    site.edit(rows(site, anchor)[4].id, start_time=time(13))
    site.edit(anchor, start_time=time(18), end_time=time(19), duration=60, topic="Decimals")

    run(site)

    hours = [(row.start_time, row.end_time, row.topic) for row in rows(site, anchor)]
    assert hours.pop(4) == (time(13), time(15), "Decimals")
    assert set(hours) == {(time(18), time(19), "Decimals")}


# A lost ledger, and rows that the site made itself


def test_a_lost_ledger_comes_back_whole(site: Site) -> None:
    anchor = expanded(site)
    ids = [row.id for row in rows(site, anchor)]
    site.sql("TRUNCATE session_worker.series, session_worker.occurrence, session_worker.finding")
    run(site)
    assert {row.state for row in rows(site, anchor)} == {"created"}
    site.edit(anchor, **TO_THURSDAY)

    run(site)

    assert [row.id for row in rows(site, anchor)] == ids
    assert [row.session_date for row in rows(site, anchor)] == THURSDAYS
    assert site.sql("SELECT count(*) FROM tutor_sessions").scalar() == 13


def test_rows_that_the_sites_own_generator_made_move_with_the_rule(site: Site) -> None:
    anchor = a_weekly(site)
    for week in range(8):
        a_session(site.conn, session_date=TUESDAYS[0] + week * timedelta(days=7),
                  **site.pair(anchor))  # fmt: skip
    run(site)
    site.edit(anchor, **TO_THURSDAY)

    run(site)

    assert [row.session_date for row in rows(site, anchor)] == THURSDAYS
    assert site.sql("SELECT count(*) FROM tutor_sessions").scalar() == 13


def test_of_two_rules_that_find_a_row_one_owns_it(site: Site) -> None:
    first = a_weekly(site)
    second = a_weekly(site, session_date=date(2026, 12, 30), **site.pair(first),
                      recurring_pattern={"days": ["Tuesday"]})  # fmt: skip
    a_session(site.conn, session_date=TUESDAYS[2], **site.pair(first))

    run(site)

    assert (rows(site, first)[2].state, rows(site, second)[2].state) == ("created", "adopted")


def test_words_that_people_wrote_row_by_row_are_theirs_though_most_are_alike(site: Site) -> None:
    anchor = an_anchor(site.conn, recurring_pattern={"count": 4})
    site.run()
    rows = [site.row_on(anchor, day).id for day in dec(8, 15, 22)]
    for row, words in zip(rows, ("Zoom 7", "Zoom 7", "Zoom 9"), strict=True):
        site.edit(row, topic=words)

    site.edit(anchor, topic="Fractions")
    site.run()

    assert [site.row_on(anchor, day).topic for day in dec(8, 15, 22)] == [
        "Zoom 7", "Zoom 7", "Zoom 9"]  # fmt: skip


def test_one_hour_that_people_wrote_in_every_row_is_theirs_though_the_site_then_touched_all(
    site: Site,
) -> None:
    anchor = an_anchor(site.conn, recurring_pattern={"count": 4})
    site.run()
    for day in dec(8, 15, 22):
        site.edit(site.row_on(anchor, day).id, start_time=time(20), end_time=time(21))
    site.sql("UPDATE tutor_sessions SET updated_at = now()")

    site.edit(anchor, recurring_pattern='{"days": ["Thursday"], "count": 4}')
    site.run()

    assert [(row.session_date, row.start_time) for row in rows(site, anchor)] == [
        (day, time(20)) for day in dec(8, 15, 22)]  # fmt: skip
