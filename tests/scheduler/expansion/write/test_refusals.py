"""Rows that the site refuses are recorded by date with the server's words; the rest of the series
gets its rows (design, "A generated row")."""

from datetime import date, time, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

from tests.builders import a_session, a_student, a_tutor
from tests.scheduler.expansion.expanded_site import Site
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

ADDED = "ALTER TABLE tutor_sessions ADD CONSTRAINT of_the_site "
UNIQUE = "UNIQUE (tutor_id, session_date, start_time)"
EXCLUDE = """EXCLUDE USING gist (
    int4range(tutor_id, tutor_id, '[]') WITH =,
    tsrange(session_date + start_time, session_date + end_time) WITH &&)"""


@pytest.fixture
def site(conn: Connection, database: str) -> Site:
    return Site(conn, shared_engine_on(database))


CONSTRAINTS = [
    UNIQUE, EXCLUDE,
    *(f"{one} DEFERRABLE INITIALLY {when}" for one in (UNIQUE, EXCLUDE)
      for when in ("IMMEDIATE", "DEFERRED")),
]  # fmt: skip


@pytest.mark.parametrize("constraint", CONSTRAINTS)
def test_one_refused_date_takes_no_other_with_it(site: Site, constraint: str) -> None:
    tutor = a_tutor(site.conn)
    anchor = a_weekly(site, tutor_id=tutor)
    a_session(site.conn, tutor_id=tutor, session_date=TUESDAYS[4])  # another student: a group
    site.sql(ADDED + constraint)

    report = run(site)

    assert [row.session_date for row in rows(site, anchor)] == [*TUESDAYS[:4], *TUESDAYS[5:]]
    assert (report.rows.inserted, report.failed) == (11, ())
    refused = site.occurrence(anchor, TUESDAYS[4])
    assert (refused.state, "of_the_site" in refused.reason) == ("skipped", True)
    [finding] = [one for one in report.findings if one.code == "dates_refused"]
    assert (finding.session_id, "of_the_site" in finding.detail) == (anchor, True)


def test_dates_beyond_the_last_partition_are_filled_once_it_is_there(site: Site) -> None:
    make_partitions(site)
    anchor = a_weekly(site)
    run(site)
    assert [row.session_date for row in rows(site, anchor)] == [
        day for day in TUESDAYS if day < date(2027, 3, 1)]  # fmt: skip
    assert "partition" in site.occurrence(anchor, date(2027, 3, 2)).reason
    site.sql("CREATE TABLE march PARTITION OF tutor_sessions"
             " FOR VALUES FROM ('2027-03-01') TO ('2027-04-01')")  # fmt: skip

    run(site)

    assert [row.session_date for row in rows(site, anchor)] == TUESDAYS


def make_partitions(site: Site) -> None:
    site.sql("ALTER TABLE tutor_sessions RENAME TO unparted")
    site.sql("""CREATE TABLE tutor_sessions (LIKE unparted INCLUDING DEFAULTS)
                PARTITION BY RANGE (session_date)""")  # fmt: skip
    site.sql("CREATE TABLE winter PARTITION OF tutor_sessions"
             " FOR VALUES FROM ('2026-01-01') TO ('2027-03-01')")  # fmt: skip


def test_a_move_that_the_site_refuses_leaves_that_row_and_says_so(site: Site) -> None:
    anchor = a_weekly(site)
    run(site)
    site.sql(ADDED + f"CHECK (session_date <> '{THURSDAYS[4]}')")
    site.edit(anchor, **TO_THURSDAY)

    site.run(as_of=MONDAY, expand_days=84)

    found = rows(site, anchor)
    assert [row.session_date for row in found] == [*THURSDAYS[:4], TUESDAYS[4], *THURSDAYS[5:]]
    assert "of_the_site" in found[4].reason
    site.sql("ALTER TABLE tutor_sessions DROP CONSTRAINT of_the_site")
    run(site)
    assert [row.session_date for row in rows(site, anchor)] == THURSDAYS


def test_a_swap_of_hours_passes_a_deferrable_unique_constraint(site: Site) -> None:
    tutor = a_tutor(site.conn)
    first = a_weekly(site, tutor_id=tutor)
    second = a_weekly(site, tutor_id=tutor, start_time=time(15), end_time=time(16))
    site.sql(f"{ADDED} {UNIQUE} DEFERRABLE")
    run(site)
    site.sql("""UPDATE tutor_sessions
                   SET start_time = CASE id WHEN :id THEN time '15:00' ELSE '14:00' END,
                       end_time = CASE id WHEN :id THEN time '16:00' ELSE '15:00' END
                 WHERE is_recurring""", id=first)  # fmt: skip

    assert run(site).rows.updated == 24

    assert {row.start_time for row in rows(site, first)} == {time(15)}
    assert {row.start_time for row in rows(site, second)} == {time(14)}


# Triggers


def trigger(site: Site, body: str) -> None:
    site.sql(f"""CREATE FUNCTION of_the_site() RETURNS trigger LANGUAGE plpgsql AS $$
                 BEGIN {body} RETURN NEW; END $$;
                 CREATE TRIGGER of_the_site BEFORE INSERT ON tutor_sessions
                 FOR EACH ROW EXECUTE FUNCTION of_the_site()""")


CHANGED_KEYS = {
    "start": "IF NOT NEW.is_recurring THEN NEW.start_time = '14:05'; END IF;",
    "people": "IF NOT NEW.is_recurring THEN NEW.tutor_id = NEW.tutor_id + 1000; END IF;",
    "one date": "IF NEW.session_date = '2027-02-02' THEN NEW.session_date = '2027-02-03'; END IF;",
}


@pytest.mark.parametrize("body", CHANGED_KEYS.values(), ids=CHANGED_KEYS)
def test_a_row_whose_key_a_trigger_changes_is_the_row_of_its_date(site: Site, body: str) -> None:
    trigger(site, body)
    anchor = a_weekly(site)

    report = run(site)

    assert (report.rows.inserted, report.occurrences["created"]) == (12, 12)
    assert [row.occurs_on for row in rows(site, anchor)] == TUESDAYS
    site.edit(anchor, **TO_THURSDAY)
    assert run(site).rows == type(report.rows)(updated=12)


def test_a_row_that_a_trigger_leaves_out_is_refused(site: Site) -> None:
    trigger(site, "IF NEW.session_date = '2027-02-02' THEN RETURN NULL; END IF;")
    anchor = a_weekly(site)

    report = run(site)

    assert report.rows.inserted == 11
    assert "trigger" in site.occurrence(anchor, date(2027, 2, 2)).reason


# When it is tried again


def refuse_all(site: Site) -> int:
    anchor = a_weekly(site, topic="bad")
    site.sql(ADDED + "CHECK (is_recurring OR topic IS DISTINCT FROM 'bad')")
    return anchor


def attempts(site: Site) -> Any:
    return site.sql("SELECT failures FROM session_worker.refused").scalar()


def test_a_refused_series_waits_longer_each_time(site: Site) -> None:
    anchor = refuse_all(site)
    seen, at = [], MONDAY
    for _ in range(40):
        report = site.run(as_of=at, expand_days=84)
        seen.append([one.anchor_id for one in report.failed])
        at += timedelta(minutes=1)

    assert seen[0] == [anchor]
    tried = [minute for minute, failed in enumerate(seen) if failed]
    assert tried == [0, 2, 6, 14, 30]
    assert attempts(site) == 5
    assert [one.code for one in report.findings if one.session_id == anchor] == [
        "not_enrolled", "not_expanded"]  # fmt: skip


def test_a_refused_series_is_tried_at_once_when_its_rule_or_the_site_changes(site: Site) -> None:
    anchor = refuse_all(site)
    run(site)
    site.edit(anchor, subject="Physics")
    site.run(as_of=MONDAY, expand_days=84)
    assert attempts(site) == 2
    site.sql("ALTER TABLE tutor_sessions DROP CONSTRAINT of_the_site")

    report = run(site)

    assert (report.rows.inserted, attempts(site)) == (12, None)
    assert "not_expanded" not in {one.code for one in report.findings}


def test_a_good_series_among_refused_ones_is_expanded(site: Site) -> None:
    pair = {"tutor_id": a_tutor(site.conn), "student_id": a_student(site.conn)}
    bad = refuse_all(site)
    good = a_weekly(site, **pair)

    report = run(site)

    assert [row.session_date for row in rows(site, good)] == TUESDAYS
    assert [one.anchor_id for one in report.failed] == [bad]
