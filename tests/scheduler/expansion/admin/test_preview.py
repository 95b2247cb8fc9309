"""A preview shows the rows after the next run, with reasons; the run then does exactly that."""

from datetime import date, time
from typing import Any

import pytest
from sqlalchemy import Connection

from scheduler.expansion.admin.preview import Preview, preview
from scheduler.settings import Settings
from tests.builders import a_session, a_student, an_anchor
from tests.scheduler.expansion.expanded_site import NOON, Site, dec
from tests.servers import shared_engine_on

THURSDAY = '{"days": ["Thursday"]}'
SETTINGS = Settings(_env_file=None, expand_days=28)


@pytest.fixture
def site(conn: Connection, database: str) -> Site:
    return Site(conn, shared_engine_on(database))


def shown(site: Site, session_id: int) -> Preview:
    site.conn.commit()
    return preview(site.engine, SETTINGS, NOON, session_id)


def live_in(seen: Preview) -> list[date]:
    return [one.date for one in seen.dates if one.state in ("planned", "created", "adopted")]


@pytest.mark.parametrize(
    "edit",
    [
        {"recurring_pattern": THURSDAY},
        {"start_time": time(18), "end_time": time(19)},
        {"session_frequency": "bi-weekly"},
        {"recurring_pattern": '{"count": 3}'},
        {"recurring_pattern": '{"exdates": ["2026-12-15"]}'},
    ],
    ids=str,
)
def test_the_next_run_does_what_was_shown(site: Site, edit: dict[str, Any]) -> None:
    anchor = an_anchor(site.conn)
    site.run()
    site.edit(anchor, **edit)
    seen = shown(site, anchor)

    site.run()

    assert site.live(anchor) == live_in(seen)


def test_rows_that_will_move_are_shown_where_they_go_with_whence(site: Site) -> None:
    anchor = an_anchor(site.conn)
    site.run()
    row = site.row_on(anchor, date(2026, 12, 8)).id
    site.edit(anchor, recurring_pattern=THURSDAY)

    seen = shown(site, anchor)

    assert not set(dec(8, 15, 22)) & {one.date for one in seen.dates}
    (moved,) = [one for one in seen.dates if f"session {row} moves here" in one.why]
    assert moved.date in dec(3, 10)
    assert "from 2026-12-08" in moved.why


def test_a_row_that_will_follow_a_new_hour_says_so(site: Site) -> None:
    anchor = an_anchor(site.conn)
    site.run()
    row = site.row_on(anchor, date(2026, 12, 8)).id
    site.edit(anchor, start_time=time(18), end_time=time(19))

    first = shown(site, anchor).dates[0]

    assert (first.date, first.state) == (date(2026, 12, 8), "created")
    assert f"session {row} follows in" in first.why
    assert "start time" in first.why


def test_a_row_that_will_be_cancelled_says_so(site: Site) -> None:
    anchor = an_anchor(site.conn)
    site.run()
    row = site.row_on(anchor, date(2026, 12, 29)).id
    site.edit(anchor, recurring_pattern='{"until": "2026-12-22"}')

    last = shown(site, anchor).dates[-1]

    assert (last.date, last.state) == (date(2026, 12, 29), "skipped")
    assert f"session {row} is cancelled" in last.why


def test_an_adopted_date_names_its_row(site: Site) -> None:
    anchor = an_anchor(site.conn)
    there = a_session(
        site.conn, **site.pair(anchor), session_date=date(2026, 12, 15), topic="by hand"
    )
    before = [one for one in shown(site, anchor).dates if one.date == date(2026, 12, 15)]
    site.run()

    after = [one for one in shown(site, anchor).dates if one.date == date(2026, 12, 15)]

    assert [one.state for one in before + after] == ["adopted", "adopted"]
    assert f"session {there} is there already" in before[0].why
    assert f"session {there} was there already" in after[0].why


def test_a_generated_row_names_the_series_that_it_is_of(site: Site) -> None:
    anchor = an_anchor(site.conn)
    site.run()
    row = site.row_on(anchor, date(2026, 12, 8)).id

    seen = shown(site, row)

    assert seen.session_id == anchor
    assert f"the rule of session {anchor}, which session {row} belongs to" in seen.rule


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        (
            "UPDATE tutor_sessions SET is_recurring = false WHERE id = :id",
            "no rule, as is_recurring is not true; stopped: switched off",
        ),
        (
            "UPDATE tutor_profiles SET is_active = false WHERE id ="
            " (SELECT tutor_id FROM tutor_sessions WHERE id = :id)",
            "paused: tutor inactive",
        ),
    ],
)
def test_a_series_that_rests_says_that_and_why(site: Site, statement: str, words: str) -> None:
    anchor = an_anchor(site.conn)
    site.run()
    site.sql(statement, id=anchor)
    row = site.row_on(anchor, date(2026, 12, 8)).id

    assert words in shown(site, row).rule
    assert words in shown(site, anchor).rule


def test_a_date_that_the_site_refused_is_shown_so_and_not_as_planned(site: Site) -> None:
    anchor = an_anchor(site.conn)
    a_session(
        site.conn,
        tutor_id=site.pair(anchor)["tutor_id"],
        student_id=a_student(site.conn),
        session_date=date(2026, 12, 22),
    )
    site.sql("ALTER TABLE tutor_sessions ADD UNIQUE (tutor_id, session_date, start_time)")
    site.run()

    (refused,) = [one for one in shown(site, anchor).dates if one.date == date(2026, 12, 22)]

    assert refused.state != "planned"
    assert "refused by" in refused.why
    assert "tutor_sessions_tutor_id_session_date_start_time_key" in refused.why
