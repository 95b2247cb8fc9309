"""`doctor`: checks beside the database, JSON keys, exit codes and cures."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
import redis
from celery import Celery
from sqlalchemy import Connection, make_url, text

from scheduler.reminders.moves.held_batches import WRONG_DATABASE, hold_all
from scheduler.reminders.progress import note_beat
from tasks.commands.doctor import doctor
from tests.bare_site import drop_columns
from tests.command_line import Commands, celery
from tests.eventually import eventually
from tests.scheduler.ledger.rows import a_delivery, row_of
from tests.servers import flush

EMAIL = "mailto://user:tok3n@mail.example?from=a@b.example&to={email}"


PLAIN_WORKER = """
import sys
from celery import Celery
_, broker, *queues = sys.argv
Celery(broker=broker).Worker(pool="solo", queues=queues, loglevel="ERROR").start()
"""


@pytest.fixture(scope="module")
def workers(valkey_server: str) -> Iterator[str]:
    """The URL of a broker's database that no test empties, with a worker for both queues.

    Emptied, it would lose the bindings by which a worker hears what doctor asks.
    """
    broker = database_of_valkey(valkey_server, 13)
    with serving(broker, "planning", "delivery"):
        yield broker


@contextmanager
def serving(broker: str, *queues: str) -> Iterator[None]:
    """A worker of plain Celery in a process of its own, so that none of our start-up runs in it."""
    command = [sys.executable, "-c", PLAIN_WORKER, broker, *queues]
    with (
        Celery(broker=broker, set_as_current=False) as app,
        subprocess.Popen(command, stderr=subprocess.DEVNULL) as worker,
    ):
        try:
            eventually(lambda: app.control.inspect(timeout=1).ping(), within=120)
            yield
        finally:
            worker.kill()


@pytest.fixture
def healthy(commands: Commands, workers: str) -> Commands:
    """An installation that works: beat ticks, workers and the broker are there, and the index."""
    for name in ("tick", "sweep"):
        note_beat(commands.conn, name, datetime.now(UTC))
    commands.conn.execute(text("CREATE INDEX ON tutor_sessions (session_date, start_time)"))
    commands.environment |= {"REDIS_URL": workers, "CHANNEL_EMAIL": EMAIL}
    return commands


def found(commands: Commands, code: str, **environment: str) -> Any:
    findings = commands.document(doctor, **environment)["findings"]
    [one] = [each for each in findings if each["code"] == code]
    return one


def test_an_installation_that_works_is_well(healthy: Commands) -> None:
    result = healthy.run(doctor)

    assert healthy.document(doctor) == {"version": 1, "ok": True, "findings": []}
    assert (result.exit_code, result.stdout) == (0, "All is well.\n")


def test_a_document_has_exactly_the_keys_that_scripts_rely_on(healthy: Commands) -> None:
    document = healthy.document(doctor, OUTBOX="log")

    assert document == {
        "version": 1,
        "ok": True,
        "findings": [
            {
                "code": "outbox",
                "severity": "note",
                "detail": "OUTBOX=log: nothing leaves, messages are recorded as sent",
                "cure": "to write to people, set OUTBOX=live and restart the workers",
            }
        ],
    }


def test_an_error_is_exit_code_1_and_comes_first(healthy: Commands) -> None:
    healthy.conn.execute(text("DROP INDEX tutor_sessions_session_date_start_time_idx"))

    result = healthy.run(doctor, CHANNEL_EMAIL="")

    assert result.exit_code == 1
    assert result.stdout.startswith("error: no channel is configured: nobody can be reached\n  set")
    assert result.stdout.endswith("Something is wrong: see the errors above.\n")


def test_each_channel_that_cannot_be_used_is_an_error_without_its_secret(
    healthy: Commands,
) -> None:
    document = healthy.document(doctor, CHANNEL_SMS="nonsense://tok3n@{phone}",
                                CHANNEL_PUSH="https://tok3n@host")  # fmt: skip

    unusable = [each for each in document["findings"] if each["code"] == "channel_unusable"]
    assert [each["detail"].partition(":")[0] for each in unusable] == [
        "CHANNEL_SMS",
        "CHANNEL_PUSH",
    ]
    assert "tok3n" not in str(document)


def test_an_outbox_that_no_channel_can_reach_is_an_error(healthy: Commands) -> None:
    one = found(healthy, "outbox_unusable", OUTBOX="redirect:+251911000111")

    assert one["severity"] == "error"
    assert "911000111" not in str(healthy.document(doctor, OUTBOX="redirect:+251911000111"))


def test_templates_that_cannot_be_used_are_an_error(healthy: Commands, tmp_path: Any) -> None:
    folder = tmp_path / "en" / "reminder"
    folder.mkdir(parents=True)
    (folder / "sms.txt").write_text("{{ nonsense.nowhere.at.all }}{% broken %}")

    assert found(healthy, "templates_unusable", TEMPLATES=str(tmp_path))["severity"] == "error"


def test_a_broker_that_is_not_there_is_an_error_and_not_the_end(healthy: Commands) -> None:
    one = found(healthy, "broker_unreachable", REDIS_URL="redis://:tok3n@127.0.0.1:1/0")

    assert one["severity"] == "error"
    assert "the broker at 127.0.0.1:1 cannot be reached" in one["detail"]
    assert "tok3n" not in str(one)


def test_no_broker_at_all_is_an_error(healthy: Commands) -> None:
    assert found(healthy, "no_broker", REDIS_URL="")["severity"] == "error"


def test_where_no_worker_is_left_that_is_an_error_though_beat_ticks(
    healthy: Commands, valkey: str
) -> None:
    elsewhere = other_database(valkey)

    assert found(healthy, "no_worker", REDIS_URL=elsewhere)["severity"] == "error"


def test_each_queue_must_be_served(healthy: Commands, valkey: str) -> None:
    elsewhere = other_database(valkey)
    with serving(elsewhere, "planning"):
        one = found(healthy, "queue_unserved", REDIS_URL=elsewhere)

    assert (one["severity"], one["detail"]) == ("error", "no worker takes from the queue delivery")


def test_a_user_who_may_not_ask_the_workers_loses_no_other_finding(
    healthy: Commands, valkey: str
) -> None:
    with redis.Redis.from_url(valkey) as admin:
        admin.acl_setuser("mute", enabled=True, passwords="+t0psecret", keys=["*"],
                          commands=["+@all"], reset_channels=True)  # fmt: skip
        url = make_url(valkey).set(username="mute", password="t0psecret")
        try:
            document = healthy.document(
                doctor, REDIS_URL=url.render_as_string(hide_password=False), OUTBOX="log"
            )
        finally:
            admin.acl_deluser("mute")

    codes = {each["code"] for each in document["findings"]}
    assert {"workers_unknown", "outbox"} <= codes


def other_database(valkey: str) -> str:
    return database_of_valkey(valkey, 14)


def database_of_valkey(valkey: str, number: int) -> str:
    other = make_url(valkey).set(database=str(number)).render_as_string(hide_password=False)
    flush(other)
    return other


def test_an_installation_that_never_ran_is_no_error(healthy: Commands, valkey: str) -> None:
    healthy.conn.execute(text("DELETE FROM session_worker.heartbeat"))
    healthy.environment["REDIS_URL"] = other_database(valkey)

    document = healthy.document(doctor)

    assert document["ok"]
    assert {each["code"] for each in document["findings"]} == {"never_ticked", "no_worker"}
    assert healthy.run(doctor).stdout.endswith("Nothing is broken: see the warnings above.\n")


def test_missing_optional_columns_are_notes(healthy: Commands) -> None:
    drop_columns(healthy.conn, "tutor_sessions", ["topic"])

    one = found(healthy, "column_missing")

    assert one["severity"] == "note"
    assert one["detail"].startswith("column tutor_sessions.topic is missing")


def test_a_copy_of_the_database_is_an_error_until_it_is_adopted(healthy: Commands) -> None:
    conn = healthy.conn
    held = a_delivery(conn, starts_at=datetime(2036, 1, 1, tzinfo=UTC),
                      send_after=datetime(2036, 1, 1, tzinfo=UTC))  # fmt: skip
    conn.execute(text("UPDATE session_worker.installation SET database_name = 'live'"))
    hold_all(conn, WRONG_DATABASE, "elsewhere")

    before = healthy.document(doctor)
    adopting = healthy.run(doctor, "--adopt-database")
    conn.commit()

    assert before["ok"] is False
    assert before["findings"][0]["cure"] == "celery -A tasks doctor --adopt-database"
    assert adopting.stdout == (
        "This database is the ledger's now; 1 held messages are planned again.\nAll is well.\n"
    )
    assert row_of(conn, held).state == "planned"


def test_adopting_a_database_that_was_not_set_up_says_to_set_it_up(
    commands: Commands, empty_database: str
) -> None:
    result = commands.run(doctor, "--adopt-database", DATABASE_URL=empty_database)

    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert "celery -A tasks setup" in result.stderr


def test_an_unreachable_postgresql_is_exit_code_3_in_one_line(commands: Commands) -> None:
    result = commands.run(doctor, "--json", DATABASE_URL="postgresql://u:s3cret@127.0.0.1:1/site")

    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr.count("\n") == 1
    assert "s3cret" not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "environment", "words"),
    [
        (["--fix"], {}, "No such option"),
        (["now"], {}, "unexpected extra argument"),
        ([], {"EXPAND_DAYS": "many"}, "EXPAND_DAYS: "),
        ([], {"DATABASE_URL": ""}, "DATABASE_URL is not set"),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_2(
    commands: Commands, arguments: list[str], environment: dict[str, str], words: str
) -> None:
    result = commands.run(doctor, *arguments, **environment)

    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.stderr
    assert result.stderr.count("\n") == 1


def test_the_command_line_examines_the_installation(conn: Connection, database: str) -> None:
    done = celery("doctor", "--json", DATABASE_URL=database, REDIS_URL="")

    assert (done.returncode, done.stderr) == (1, "")
    assert '"no_channel"' in done.stdout


# Last, as plain Celery's worker may end by it.
def test_a_broker_that_takes_no_writes_is_an_error(healthy: Commands, valkey: str) -> None:
    with redis.Redis.from_url(valkey) as admin:
        admin.config_set("min-replicas-to-write", 1)
        try:
            one = found(healthy, "broker_refuses")
        finally:
            admin.config_set("min-replicas-to-write", 0)

    assert one["severity"] == "error"
    assert "takes no writes: NOREPLICAS" in one["detail"]


def test_without_a_migration_nothing_loads_what_migrates() -> None:
    words = "import sys, tasks.admin.doctor; sys.exit('alembic' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", words], check=False).returncode == 0
