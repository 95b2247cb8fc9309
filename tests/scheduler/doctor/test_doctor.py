"""Findings of the doctor about the database, each with a state that causes it."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, text

from models.migrations import migrate
from models.site import create_site_tables
from scheduler.doctor import Finding, Severity, examine_database
from scheduler.reminders.channel_pauses import pause
from scheduler.reminders.channel_troubles import LIMIT, note_failure
from scheduler.reminders.progress import note_beat
from scheduler.settings import Settings
from scheduler.settings.field_types import parse_outbox
from tests.bare_site import drop_the_optional
from tests.builders import a_session, a_user
from tests.scheduler.ledger.rows import HOUR, MINUTE, NOW, START, a_batch, a_delivery, an_attempt
from tests.servers import connect

SETTINGS = Settings(channel_email="mailto://host?to={email}")
SECOND = timedelta(seconds=1)


def findings(conn: Connection, settings: Settings = SETTINGS, now: datetime = NOW) -> list[Finding]:
    return examine_database(conn, settings, now)


def found(conn: Connection, code: str, settings: Settings = SETTINGS) -> Finding:
    [one] = [each for each in findings(conn, settings) if each.code == code]
    return one


def codes(conn: Connection, settings: Settings = SETTINGS) -> set[str]:
    return {each.code for each in findings(conn, settings)}


def do(conn: Connection, statement: str, **parameters: Any) -> None:
    conn.execute(text(statement), parameters)


@pytest.fixture
def running(conn: Connection) -> Connection:
    """An installation that works: beat ticks, and the site has its index."""
    note_beat(conn, "tick", NOW - SECOND)
    note_beat(conn, "sweep", NOW - 5 * SECOND)
    do(conn, "CREATE INDEX ON tutor_sessions (session_date, start_time)")
    return conn


def test_an_installation_that_works_has_no_finding(running: Connection) -> None:
    now = datetime.now(UTC)
    note_beat(running, "tick", now)
    note_beat(running, "sweep", now)

    assert findings(running, now=now) == []


def test_a_database_that_was_not_set_up_has_that_one_error(empty_database: str) -> None:
    with connect(empty_database) as conn:
        found = findings(conn)

    assert found[0] == Finding(
        "not_set_up", Severity.ERROR, "session_worker is not set up in this database",
        "celery -A tasks setup",
    )  # fmt: skip
    assert {each.code for each in found[1:]} == {"site_mismatch"}


def test_a_schema_of_a_newer_worker_is_an_error(conn: Connection) -> None:
    do(conn, "UPDATE session_worker.migration SET version_num = '9999'")

    assert [(one.code, one.severity) for one in findings(conn)] == [("schema_newer", "error")]


def test_a_schema_that_an_older_worker_set_up_is_an_error(empty_database: str) -> None:
    with connect(empty_database) as conn:
        create_site_tables(conn)
        do(conn, "CREATE SCHEMA session_worker")
        migrate(conn, "0016")
        # The role of an older worker may read it.
        do(conn, "GRANT USAGE ON SCHEMA session_worker TO PUBLIC")
        do(conn, "GRANT SELECT ON ALL TABLES IN SCHEMA session_worker TO PUBLIC")

        [one] = findings(conn)

    assert (one.code, one.severity, one.cure) == ("schema_older", "error", "celery -A tasks setup")


def test_each_missing_part_of_the_site_is_an_error_with_its_cure(conn: Connection) -> None:
    do(conn, "ALTER TABLE tutor_sessions DROP COLUMN mode")

    one = found(conn, "site_mismatch")

    assert (one.severity, one.detail) == ("error", "column tutor_sessions.mode is missing")
    assert one.cure == "the worker cannot run without it"


@pytest.mark.parametrize(
    ("moved", "words"),
    [
        ("database_name = 'live'", "was set up in the database live, and this is "),
        ("system_identifier = '7'", "was set up on another server"),
    ],
)
def test_a_ledger_in_another_database_is_an_error(conn: Connection, moved: str, words: str) -> None:
    do(conn, f"UPDATE session_worker.installation SET {moved}")

    one = found(conn, "wrong_database")

    assert one.severity == "error"
    assert words in one.detail
    assert one.cure == "celery -A tasks doctor --adopt-database"


def test_a_ledger_on_another_timeline_is_a_warning(conn: Connection) -> None:
    do(conn, "UPDATE session_worker.installation SET timeline = timeline + 1")

    one = found(conn, "timeline")

    assert one.severity == "warning"
    assert "was restored or promoted (timeline 2 → 1)" in one.detail


def test_a_pause_is_a_warning_with_its_reason_and_its_end(conn: Connection) -> None:
    pause(conn, "sms", "provider down", NOW - HOUR)

    assert found(conn, "paused") == Finding(
        "paused", Severity.WARNING,
        "the channel sms is paused since Tue 2026-12-01 11:00: provider down",
        "celery -A tasks deliveries resume --channel sms",
    )  # fmt: skip


def test_a_channel_that_is_down_is_an_error_with_what_its_provider_says(
    running: Connection,
) -> None:
    for _ in range(LIMIT):
        assert "channel_down" not in codes(running)
        note_failure(running, "email", "535 5.7.8 wrong password")

    one = found(running, "channel_down")
    assert one.severity is Severity.ERROR
    assert "email" in one.detail
    assert "535 5.7.8 wrong password" in one.detail


@pytest.mark.parametrize(
    ("outbox", "words"), [("log", "nothing leaves"), ("redirect:a@b.example", "one e-mail address")]
)
def test_an_outbox_that_is_not_live_is_a_note_without_the_address(
    conn: Connection, outbox: str, words: str
) -> None:
    one = found(conn, "outbox", SETTINGS.model_copy(update={"outbox": parse_outbox(outbox)}))

    assert one.severity == "note"
    assert words in one.detail
    assert "a@b" not in str(one)


def test_without_a_channel_nobody_can_be_reached(conn: Connection) -> None:
    assert found(conn, "no_channel", Settings()).severity == "error"
    assert "no_channel" not in codes(conn, Settings(outbox="log"))


def test_before_the_first_tick_beat_is_missed_with_a_warning(conn: Connection) -> None:
    assert found(conn, "never_ticked").severity == "warning"


@pytest.mark.parametrize("part", ["tick", "sweep", "expand"])
def test_a_part_that_fell_silent_is_an_error(running: Connection, part: str) -> None:
    note_beat(running, part, NOW - 2 * HOUR)

    one = found(running, f"{part}_stopped")

    assert one.severity == "error"
    assert f"the last {part} was 2 h ago" in one.detail


@pytest.mark.parametrize(("late", "severity"), [(2 * MINUTE, "warning"), (6 * MINUTE, "error")])
def test_what_is_due_and_unsent_is_found(
    running: Connection, late: timedelta, severity: str
) -> None:
    a_delivery(running, send_after=NOW - late)
    a_delivery(running, send_after=NOW - SECOND, lead_minutes=30)

    one = found(running, "overdue")

    assert one.severity == severity
    assert one.detail.startswith("1 message due and unsent, the oldest for ")


def test_while_all_is_paused_nothing_is_overdue(running: Connection) -> None:
    a_delivery(running, send_after=NOW - HOUR)
    pause(running, "*", None, NOW)

    assert "overdue" not in codes(running)


def test_a_held_batch_is_an_error_whose_cure_names_it(running: Connection) -> None:
    batch = a_batch(running, held_at=NOW)
    for lead in (1, 2):
        a_delivery(running, state="held", reason="flood", batch=batch, lead_minutes=lead)
    a_batch(running, settled_at=NOW)

    one = found(running, "held")

    assert one.severity == "error"
    assert one.detail == (
        f"2 messages held with batch {batch} since Tue 2026-12-01 12:00: too many at once"
        " (2000 sessions changed at 11:58)"
    )
    assert one.cure == (
        f"celery -A tasks deliveries release --batch {batch}, or drop --batch {batch}"
    )


def test_messages_whose_template_fails_are_an_error(running: Connection) -> None:
    one = a_delivery(running, reason="no_words", send_after=NOW + MINUTE)
    a_delivery(running, reason="rate", lead_minutes=30)

    wordless = found(running, "wordless")

    assert wordless.severity == "error"
    assert wordless.detail == f"1 message not sent because the template fails: deliveries {one}"
    assert "preview-message" in wordless.cure


def test_lost_answers_are_a_warning_that_names_some(running: Connection) -> None:
    ids = [
        a_delivery(running, state="held", reason="no_answer", lead_minutes=lead)
        for lead in range(7)
    ]
    a_delivery(running, state="unknown", retry_at=NOW, lead_minutes=9)  # repeated by itself

    one = found(running, "unanswered")

    named = ", ".join(str(id_) for id_ in ids[:5])
    assert one.detail.endswith(f"7 messages handed over and never answered: deliveries {named}"
                               " and 2 more")  # fmt: skip
    assert f"settle {ids[0]} --sent or --not-sent" in one.cure


def test_failures_of_the_last_day_are_a_warning_with_the_commonest_reason(
    running: Connection,
) -> None:
    for lead, reason, began in (
        (1, "550 no such user", NOW), (2, "550 no such user", NOW), (3, "552 full", NOW),
        (4, "552 full", NOW - 25 * HOUR), (5, "552 full", NOW - 25 * HOUR),
    ):  # fmt: skip
        one = a_delivery(running, state="failed", reason=reason, lead_minutes=lead)
        an_attempt(running, one, outcome="failed", begun_at=began)

    assert "3 messages failed for good in the last 24 hours, mostly: 550 no such user" in (
        found(running, "failed").detail
    )


def test_a_failure_that_is_tried_again_is_not_among_them(running: Connection) -> None:
    one = a_delivery(running, state="failed", retry_at=NOW)
    an_attempt(running, one, outcome="failed")

    assert "failed" not in codes(running)


def test_people_without_a_way_are_a_note(running: Connection) -> None:
    a_delivery(running, state="unreachable", reason="no_email")

    one = found(running, "unreachable")

    assert (one.severity, "mostly: no e-mail address" in one.detail) == ("note", True)


def a_series(conn: Connection, anchor: int, state: str) -> None:
    do(conn, "INSERT INTO session_worker.series (anchor_id, state, seen, tutor_id, student_id)"
             " VALUES (:anchor, :state, '', 1, 1)", anchor=anchor, state=state)  # fmt: skip


def test_rules_that_cannot_be_read_are_a_warning(running: Connection) -> None:
    a_series(running, 4, "unreadable")
    a_series(running, 5, "active")

    one = found(running, "unreadable_rules")

    assert one.detail == "1 rule cannot be read, so no rows are made: sessions 4"
    assert one.cure.startswith("celery -A tasks preview 4 ")


def test_findings_on_rules_are_a_note(running: Connection) -> None:
    do(running, "INSERT INTO session_worker.finding VALUES (1, 'unknown_key', 'x'),"
                " (1, 'unknown_key', 'y'), (2, 'frequencies_disagree', '')")  # fmt: skip

    one = found(running, "rule_findings")

    assert one.detail == "3 findings on the rules of 2 sessions, mostly unknown_key"


def test_a_rule_that_the_site_refuses_is_an_error_while_it_is_a_rule(running: Connection) -> None:
    session = a_session(running, is_recurring=True, session_frequency="weekly")
    do(running, "INSERT INTO session_worker.finding VALUES"
                " (:id, 'not_expanded', 'no partition'), (:gone, 'not_expanded', 'x')",
       id=session, gone=session + 1)  # fmt: skip

    one = found(running, "not_expanded")
    assert one.severity is Severity.ERROR
    assert one.detail == (
        f"1 rule cannot be expanded, so no rows are made: sessions {session}: no partition"
    )
    do(running, "UPDATE tutor_sessions SET is_recurring = false")
    assert "not_expanded" not in codes(running)


def test_conflicts_to_come_are_a_warning(running: Connection) -> None:
    do(running, "INSERT INTO session_worker.occurrence (anchor_id, occurs_on, state) VALUES"
                " (4, '2026-12-08', 'conflict'), (4, '2026-11-30', 'conflict'),"
                " (4, '2026-12-15', 'created')")  # fmt: skip

    assert found(running, "conflicts").detail.startswith("1 date of 1 rule have no row")


@pytest.mark.parametrize("minutes", [-1, 10_081])
def test_alarm_minutes_out_of_range_are_a_note(running: Connection, minutes: int) -> None:
    one = a_session(running, alarm_enabled=True, alarm_before_minutes=minutes)
    a_session(running, alarm_enabled=True, alarm_before_minutes=0)
    a_session(running, alarm_enabled=False, alarm_before_minutes=minutes)

    assert found(running, "alarm_before_minutes").detail.endswith(f"above 7 days: {one}")


def test_a_session_that_ends_before_it_starts_is_a_note(running: Connection) -> None:
    one = a_session(running, start_time=time(14), end_time=time(13))
    a_session(running, start_time=time(22), end_time=time(1))

    assert found(running, "end_before_start").detail.endswith(f"before the start: {one}")


WRONG_WISHES = [
    ("language", "'fr'", "language 'fr' is not en or am or om or ti"),
    ("zone", "'Addis'", "'Addis' is no zone"),
    ("channels", "'{email, fax}'", "'fax' is no channel"),
    ("addresses", "'[1]'", "addresses is no JSON object"),
    ("addresses", """'{"fax": "1"}'""", "addresses for 'fax', which is no channel"),
    ("quiet_from", "'22:00'", "both quiet_from and quiet_until"),
]


@pytest.mark.parametrize(("column", "value", "words"), WRONG_WISHES)
def test_a_preference_that_cannot_be_read_is_a_warning(
    running: Connection, column: str, value: str, words: str
) -> None:
    do(running, f"INSERT INTO session_worker.preference (person_id, {column}) VALUES (7, {value})")

    one = found(running, "preferences")

    assert "person 7, kind *: " in one.detail
    assert words in one.detail


def test_preferences_that_can_be_read_are_no_finding(running: Connection) -> None:
    do(
        running,
        "INSERT INTO session_worker.preference VALUES (7, 'reminder', 'am',"
        " 'Europe/Berlin', '{Email,sms}', '{\"telegram\": \"1\"}', '22:00', '06:00', true)",
    )

    assert "preferences" not in codes(running)


def test_a_preference_for_an_unknown_kind_is_found(running: Connection) -> None:
    do(running, "INSERT INTO session_worker.preference (person_id, kind) VALUES (7, 'spam')")

    assert "kind spam: an unknown kind" in found(running, "preferences").detail


def test_row_level_security_is_a_warning_that_names_the_tables(running: Connection) -> None:
    for table in ("users", "tutor_sessions"):
        do(running, f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
    as_a_guest(running)

    one = found(running, "row_security")

    assert one.severity == "warning"
    assert "DATABASE_URL on tutor_sessions, users: a row that is hidden" in one.detail
    assert "BYPASSRLS" in one.cure


def test_row_level_security_that_exempts_the_worker_is_no_finding(running: Connection) -> None:
    do(running, "ALTER TABLE tutor_sessions ENABLE ROW LEVEL SECURITY")
    as_a_guest(running, "BYPASSRLS")

    assert "row_security" not in codes(running)


def as_a_guest(conn: Connection, *attributes: str) -> None:
    """Run the rest of the transaction as a user with all rights on the tables."""
    role = "row_security_guest"
    do(conn, f"CREATE ROLE {role} {' '.join(attributes)}")
    for schema in ("public", "session_worker"):
        do(conn, f"GRANT USAGE ON SCHEMA {schema} TO {role}")
        do(conn, f"GRANT ALL ON ALL TABLES IN SCHEMA {schema} TO {role}")
    do(conn, f"SET LOCAL ROLE {role}")


def test_a_site_without_the_helpful_index_gets_its_statement(conn: Connection) -> None:
    one = found(conn, "no_start_index")

    assert one.severity == "note"
    assert one.cure == (
        "ask the site's owner for CREATE INDEX CONCURRENTLY tutor_sessions_start"
        " ON tutor_sessions (session_date, start_time)"
    )


def test_without_the_index_a_big_table_is_a_warning(conn: Connection) -> None:
    do(conn, "UPDATE pg_class SET reltuples = 1e6 WHERE oid = 'tutor_sessions'::regclass")

    assert found(conn, "no_start_index").severity == "warning"


@pytest.mark.parametrize(
    "index",
    ["(start_time, session_date)", "(session_date)", "(session_date, start_time) WHERE id > 1"],
)
def test_an_index_on_other_columns_is_not_enough(conn: Connection, index: str) -> None:
    do(conn, f"CREATE INDEX ON tutor_sessions {index}")

    assert "no_start_index" in codes(conn)


def test_a_check_that_postgresql_refuses_is_a_finding_and_the_others_go_on(
    running: Connection,
) -> None:
    do(running, "ALTER TABLE session_worker.pause RENAME TO hidden")
    a_batch(running)

    refused = [each for each in findings(running) if each.code == "check_failed"]

    assert 'pauses cannot be checked: relation "session_worker.pause" does not exist' in (
        refused[0].detail
    )
    assert "held" in codes(running)


def test_a_site_without_the_optional_columns_is_examined_too(conn: Connection) -> None:
    drop_the_optional(conn)

    assert "check_failed" not in codes(conn)


def test_nothing_is_written(running: Connection) -> None:
    a_user(running)
    a_delivery(running, starts_at=START)
    running.commit()

    findings(running)

    assert running.scalar(text("SELECT pg_current_xact_id_if_assigned()")) is None


@pytest.mark.parametrize("scheme", ["json", "forms", "xml"])
@pytest.mark.parametrize("channel", ["sms", "telegram", "push"])
def test_a_gateway_whose_yes_is_not_described_is_a_warning(
    conn: Connection, channel: str, scheme: str
) -> None:
    url: Any = {f"channel_{channel}": f"{scheme}://gateway.example/"}
    settings = Settings(**url)
    described = Settings(**{**url, f"channel_{channel}_accepted": "OK"})

    finding = found(conn, "unread_answers", settings)

    assert finding.severity is Severity.WARNING
    assert f"CHANNEL_{channel.upper()}_ACCEPTED" in finding.cure
    assert "unread_answers" not in codes(conn, described)


@pytest.mark.parametrize(
    "channel",
    [{"channel_webhook": "jsons://site.example/hook"}, {"channel_sms": "atalk://u@k/{phone}"}],
)
def test_the_sites_webhook_and_a_known_service_need_no_described_yes(
    conn: Connection, channel: Any
) -> None:
    assert "unread_answers" not in codes(conn, Settings(**channel))
