"""expand, backfill, preview, series and audit as an admin runs them."""

import json
from datetime import date, time
from typing import Any

import pytest
from sqlalchemy import Connection, text

from tests.builders import a_session, a_student, a_tutor, an_anchor, an_enrolment
from tests.command_line import Commands

AS_OF = ("--as-of", "2026-12-01T12:00")


@pytest.fixture
def site(conn: Connection, database: str) -> "Site":
    return Site(conn, database)


class Site(Commands):
    """Fills 28 days."""

    def __init__(self, conn: Connection, url: str) -> None:
        super().__init__(conn, url)
        self.environment["EXPAND_DAYS"] = "28"

    def json(self, command: str, *arguments: str) -> Any:
        result = self.run(command, *arguments, "--json")
        assert result.exit_code == 0, result.stderr
        return json.loads(result.stdout)

    def rows(self) -> list[Any]:
        self.conn.commit()
        return list(self.conn.execute(text("SELECT xmin, t.* FROM tutor_sessions t ORDER BY id")))


def test_expand_says_what_it_wrote_and_a_second_run_writes_nothing(site: Site) -> None:
    tutor, student = a_tutor(site.conn), a_student(site.conn)
    an_enrolment(site.conn, tutor_id=tutor, student_profile_id=student)
    anchor = an_anchor(site.conn, tutor_id=tutor, student_id=student)
    odd = an_anchor(site.conn, session_frequency="every now and then")

    first = json.loads(site.process("expand", *AS_OF, "--json").stdout)
    rows = site.rows()
    second = site.json("expand", *AS_OF)

    assert first == {
        "version": 1,
        "as_of": "2026-12-01T09:00:00+00:00",
        "series": {"active": 1, "stopped": 0, "ended": 0, "unreadable": 1, "paused": 0},
        "occurrences": {"created": 4, "adopted": 0, "conflict": 0, "deleted": 0, "skipped": 0},
        "rows": {"inserted": 4, "updated": 0, "cancelled": 0},
        "findings": [
            {"session_id": odd, "code": "unknown_frequency", "detail": "every now and then"}
        ],
    }
    assert second == first | {"rows": {"inserted": 0, "updated": 0, "cancelled": 0}}
    assert [*second["series"]] == [*first["series"]]
    assert [*second["occurrences"]] == [*first["occurrences"]]
    assert site.rows() == rows
    assert anchor


def test_expand_in_words_names_each_finding(site: Site) -> None:
    an_anchor(site.conn, session_frequency="every now and then")

    result = site.run("expand", *AS_OF)

    assert result.exit_code == 0
    assert "unknown_frequency" in result.stdout
    assert "every now and then" in result.stdout


def test_a_series_that_fails_fails_alone_and_the_run_exits_1(site: Site) -> None:
    an_anchor(site.conn)
    bad = an_anchor(site.conn, topic="bad")
    site.conn.execute(text(
        "ALTER TABLE tutor_sessions ADD CHECK (is_recurring OR topic IS DISTINCT FROM 'bad')"
    ))  # fmt: skip

    result = site.run("expand", *AS_OF, "--json")

    assert result.exit_code == 1
    assert json.loads(result.stdout)["rows"]["inserted"] == 4
    assert len(result.stderr.splitlines()) == 1
    assert f"series {bad}" in result.stderr


def test_a_dry_run_writes_nothing_and_its_digest_can_be_expected(site: Site) -> None:
    an_anchor(site.conn, session_date=date(2026, 9, 1))
    before = site.rows()
    dry = site.json("backfill", "2026-09-01", "2026-09-30", "--dry-run")
    assert (dry["dry_run"], dry["rows"]["inserted"], dry["id"]) == (True, 4, None)
    assert site.rows() == before

    refused = site.run("backfill", "2026-09-01", "2026-09-30", "--inline", "--expect", "0" * 16)
    assert (refused.exit_code, site.rows()) == (1, before)

    done = site.json("backfill", "2026-09-01", "2026-09-30", "--inline", "--expect", dry["digest"])
    assert done["rows"] == dry["rows"]
    assert done["occurrences"] == dry["occurrences"]
    assert done["failed"] == []


def test_a_backfill_that_no_worker_and_no_broker_takes_is_filled_by_the_command(
    site: Site,
) -> None:
    an_anchor(site.conn, session_date=date(2026, 9, 1))

    done = site.process("backfill", "2026-09-01", "2026-09-30", "--json",
                        REDIS_URL="redis://127.0.0.1:1/0")  # fmt: skip

    assert done.returncode == 0
    assert json.loads(done.stdout)["rows"]["inserted"] == 4
    assert "filling here" in done.stderr


def test_a_backfill_of_one_tutor_leaves_the_others_alone(site: Site) -> None:
    tutor = a_tutor(site.conn)
    an_anchor(site.conn, session_date=date(2026, 9, 1), tutor_id=tutor)
    an_anchor(site.conn, session_date=date(2026, 9, 1))

    done = site.json("backfill", "2026-09-01", "2026-09-30", "--inline", "--tutor", str(tutor))

    assert done["rows"]["inserted"] == 4
    assert {row.tutor_id for row in site.rows() if not row.is_recurring} == {tutor}


def test_a_backfill_leaves_the_coming_weeks_to_expand(site: Site) -> None:
    an_anchor(site.conn, session_date=date(2026, 11, 3))
    site.json("backfill", "2026-11-01", "2026-11-30", "--inline")

    assert site.json("expand", *AS_OF)["rows"]["inserted"] == 5  # 1, 8, 15, 22 and 29 December


WRONG = [
    ("backfill", "2026-09-30", "2026-09-01"),
    ("backfill", "2026-09-01"),
    ("backfill", "2026-09-31", "2026-12-01"),
    ("backfill", "1926-09-01", "2026-12-01"),
    ("backfill", "2026-09-01", "2026-09-30", "--session", "999999"),
    ("backfill", "2026-09-01", "2026-09-30", "--tutor", "999999"),
    ("backfill", "2026-09-01", "2026-09-30", "--tutor", "999999", "--dry-run"),
    ("backfill", "--resume", "999999"),
    ("backfill", "2026-09-01", "2026-09-30", "--resume", "1"),
    ("preview", "999999"),
    ("preview", "abc"),
    ("series", "end", "999999"),
    ("series", "nonsense"),
    ("expand", "--as-of", "soon"),
]


@pytest.mark.parametrize("arguments", WRONG, ids=" ".join)
def test_wrong_input_is_one_line_and_exit_2(site: Site, arguments: tuple[str, ...]) -> None:
    result = site.run(*arguments)

    assert (result.exit_code, result.stdout) == (2, "")
    assert len(result.stderr.splitlines()) == 1


def test_wrong_input_ends_the_process_with_2(site: Site) -> None:
    result = site.process("series", "end", "999999")

    assert (result.returncode, result.stdout) == (2, "")
    assert len(result.stderr.splitlines()) == 1


def test_preview_tells_of_each_date_why_and_writes_nothing(site: Site) -> None:
    tutor = a_tutor(site.conn)
    anchor = an_anchor(site.conn, tutor_id=tutor)
    other = a_session(site.conn, tutor_id=tutor, session_date=date(2026, 12, 15),
                      start_time=time(14, 30), end_time=time(15, 30))  # fmt: skip
    before = site.rows()

    shown = site.json("preview", str(anchor), *AS_OF)

    assert shown["rule"] == "every week on Tuesday"
    assert [(one["date"], one["state"]) for one in shown["dates"]] == [
        ("2026-12-08", "planned"), ("2026-12-15", "conflict"),
        ("2026-12-22", "planned"), ("2026-12-29", "planned")]  # fmt: skip
    assert f"conflict with session {other}" in shown["dates"][1]["why"]
    assert site.rows() == before


def test_preview_names_the_holiday(site: Site) -> None:
    anchor = an_anchor(site.conn, session_date=date(2026, 12, 31), session_frequency="weekly")

    result = site.run("preview", str(anchor), "--as-of", "2026-12-31T12:00", HOLIDAYS="skip")

    assert "2027-01-07 is a holiday" in result.stdout


def test_series_end_cancels_what_nobody_placed_and_stays_ended(site: Site) -> None:
    anchor = an_anchor(site.conn, session_date=date(2040, 1, 3))  # whatever today is: to come
    site.json("expand", "--as-of", "2040-01-03T09:00")
    touched = site.rows()[1].id
    site.conn.execute(
        text("UPDATE tutor_sessions SET start_time = '17:00', end_time = '18:00' WHERE id = :i"),
        {"i": touched},
    )

    ended = site.json("series", "end", str(anchor), "--cancel-future")

    assert ended["rows"]["cancelled"] == 3
    assert site.json("expand", "--as-of", "2040-01-03T09:00")["rows"]["inserted"] == 0
    assert [row.status for row in site.rows()] == ["scheduled"] * 2 + ["cancelled"] * 3
    listed = json.loads(site.run("series", "--json").stdout)["series"]
    assert [(one["session_id"], one["state"]) for one in listed] == [(anchor, "ended")]


def test_audit_is_quiet_where_all_is_well_and_finds_what_is_not(site: Site) -> None:
    an_anchor(site.conn)
    site.json("expand", *AS_OF)
    assert site.json("audit", *AS_OF)["findings"] == []
    site.conn.execute(text("DELETE FROM session_worker.occurrence WHERE occurs_on = '2026-12-15'"))

    result = site.run("audit", *AS_OF, "--json")

    assert result.exit_code == 1
    assert [one["code"] for one in json.loads(result.stdout)["findings"]] == ["unaccounted"]


def test_audit_tells_what_people_chose_and_exits_with_0(site: Site) -> None:
    an_anchor(site.conn)
    site.json("expand", *AS_OF)
    move = text("UPDATE tutor_sessions SET session_date = '2026-12-08' WHERE id = :id")
    site.conn.execute(move, {"id": site.rows()[2].id})
    site.json("expand", *AS_OF)

    document = site.json("audit", *AS_OF)

    assert document["ok"]
    assert [(one["code"], one["severity"]) for one in document["findings"]] == [
        ("doubled", "note")]  # fmt: skip
    assert "a person" in site.run("audit", *AS_OF).stdout
