"""Columns that the site renames, retypes, adds or fills (design, "What happened")."""

import pytest
from sqlalchemy import Connection

from tests.scheduler.expansion.expanded_site import Site
from tests.scheduler.expansion.twelve_weeks import THURSDAYS, TO_THURSDAY, a_weekly, rows, run
from tests.servers import shared_engine_on


@pytest.fixture
def site(conn: Connection, database: str) -> Site:
    return Site(conn, shared_engine_on(database))


def mode_becomes_an_enum(site: Site) -> None:
    site.sql("CREATE TYPE session_mode AS ENUM ('online', 'in-person', 'hybrid')")
    site.sql("""ALTER TABLE tutor_sessions ALTER mode TYPE session_mode
                USING lower(mode)::session_mode""")  # fmt: skip


def test_a_column_that_becomes_an_enum_stops_nothing(site: Site) -> None:
    anchor = a_weekly(site, mode="Online")
    run(site)
    mode_becomes_an_enum(site)

    report = run(site)

    assert (report.failed, report.rows) == ((), type(report.rows)())
    site.edit(anchor, mode="hybrid", **TO_THURSDAY)
    run(site)
    assert {row.mode for row in rows(site, anchor)} == {"hybrid"}
    assert [row.session_date for row in rows(site, anchor)] == THURSDAYS


def test_a_new_type_and_a_new_rule_at_once(site: Site) -> None:
    anchor = a_weekly(site, mode="Online")
    run(site)
    mode_becomes_an_enum(site)
    site.edit(anchor, topic="Decimals", **TO_THURSDAY)

    report = run(site)

    assert report.rows == type(report.rows)(updated=12)
    assert {row.topic for row in rows(site, anchor)} == {"Decimals"}


def test_minutes_that_become_seconds_are_no_edit(site: Site) -> None:
    anchor = a_weekly(site, duration=60)
    run(site)
    site.sql("ALTER TABLE tutor_sessions ALTER duration TYPE bigint USING duration * 2")
    run(site)
    site.edit(anchor, duration=90, **TO_THURSDAY)

    run(site)

    assert {row.duration for row in rows(site, anchor)} == {90}
    assert [row.session_date for row in rows(site, anchor)] == THURSDAYS


def test_what_a_person_wrote_in_a_column_is_theirs_under_its_new_name(site: Site) -> None:
    anchor = a_weekly(site, topic="Fractions")
    run(site)
    edited = rows(site, anchor)[4].id
    site.edit(edited, topic="Exam")
    site.sql("ALTER TABLE tutor_sessions RENAME topic TO theme")
    run(site)
    site.edit(anchor, theme="Decimals")

    run(site)

    themes = {row.id: row.theme for row in rows(site, anchor)}
    assert themes.pop(edited) == "Exam"
    assert set(themes.values()) == {"Decimals"}


def test_a_new_column_that_the_site_filled_row_by_row_keeps_what_it_holds(site: Site) -> None:
    anchor = a_weekly(site, topic="Fractions")
    run(site)
    site.sql("ALTER TABLE tutor_sessions ADD slug text")
    site.sql("UPDATE tutor_sessions SET slug = 'lesson-' || id")
    site.edit(anchor, topic="Decimals")

    run(site)

    assert [row.slug for row in rows(site, anchor)] == [
        f"lesson-{row.id}" for row in rows(site, anchor)]  # fmt: skip
    site.edit(anchor, slug="one", **TO_THURSDAY)
    run(site)
    assert {row.slug for row in rows(site, anchor)} == {"one"}
