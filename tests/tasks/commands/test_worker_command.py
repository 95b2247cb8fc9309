"""Exit codes, inputs and outputs of the worker's commands."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from uuid import UUID

import click
import pytest
from celery.bin.celery import celery as celery_command
from click.testing import CliRunner, Result
from sqlalchemy import Connection, text

from models.catalog import SiteMismatch
from models.site import ColumnMissing
from scheduler.settings import InvalidSetting, Role, load_settings
from tasks import app
from tasks.commands.worker_command import (
    DAY,
    INSTANT,
    ROW_ID,
    ExitCode,
    Refused,
    WorkerCommand,
    WorkerGroup,
    console,
    json_document,
    printable,
)
from tasks.database import ServerUnreachable
from tests.command_line import celery
from tests.servers import connect

UNREADABLE = (
    "Error: SITE_TIMEZONE: 'Addis' is no zone: set an IANA name such as Africa/Addis_Ababa."
)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InvalidSetting("EXPAND_DAYS: too many."), 2),
        (Refused("session 7 is not there.", ExitCode.USAGE), 2),
        (Refused("2 of 3 rules failed.", ExitCode.PARTLY), 1),
        (ColumnMissing("column users.phone is missing."), 1),
        (ServerUnreachable("PostgreSQL at h cannot be reached."), 3),
    ],
)
def test_an_error_is_one_line_with_its_exit_code(error: Exception, code: int) -> None:
    result = ended_by(error)

    assert (result.exit_code, result.stderr) == (code, f"Error: {error}\n")
    assert result.stdout == ""


def test_each_missing_part_of_the_site_has_a_line_of_its_own() -> None:
    result = ended_by(SiteMismatch(("table users is missing", "column a.b is missing")))

    assert result.exit_code == 1
    assert result.stderr == "Error: table users is missing\nError: column a.b is missing\n"


def test_a_mistake_of_the_worker_is_seen_in_full() -> None:
    assert isinstance(ended_by(ZeroDivisionError()).exception, ZeroDivisionError)


def test_ctrl_c_ends_a_command_without_a_word() -> None:
    result = ended_by(KeyboardInterrupt())

    assert (result.exit_code, result.stdout + result.stderr) == (130, "")


def test_a_misspelt_zone_is_named_as_it_was_meant() -> None:
    with pytest.raises(InvalidSetting, match=r"is no zone: did you mean Africa/Addis_Ababa\?$"):
        load_settings(site_timezone="Africa/Adis_Ababa")


def test_a_broker_that_is_not_there_is_unreachable() -> None:
    def reach() -> None:
        app.connection_for_write("redis://127.0.0.1:1").ensure_connection(max_retries=1)

    result = invoke(command_of(reach))

    assert result.exit_code == 3
    assert result.stderr.startswith("Error: the broker cannot be reached: ")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "statement",
    ["SELECT * FROM session_worker.delivery", "SELECT session_worker.acknowledge(1)"],
)
def test_a_database_that_was_not_set_up_gets_a_line_that_says_so(
    empty_database: str, statement: str
) -> None:
    with connect(empty_database) as conn:
        result = ended_in_the_database(conn, statement)

    assert result.exit_code == 1
    assert result.stderr.endswith("run `celery -A tasks setup`.\n")
    assert result.stderr.count("\n") == 1


def test_a_date_out_of_range_is_to_be_corrected_in_the_sites_table(conn: Connection) -> None:
    result = ended_in_the_database(conn, "SELECT timestamp '294276-01-01' + interval '9 years'")

    assert result.exit_code == 1
    assert "correct it in the site's table" in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_lock_that_the_site_holds_says_to_try_again(conn: Connection, database: str) -> None:
    with connect(database) as site:
        site.execute(text("LOCK TABLE users"))

        result = ended_in_the_database(conn, "LOCK TABLE users NOWAIT")

    assert result.exit_code == 1
    assert "could not obtain lock" in result.stderr
    assert "try again, nothing is lost" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--jsn"], "No such option"),
        (["--as-of"], "Option '--as-of' requires an argument"),
        (["--as-of", "soon"], "'soon' is no date and time: write 2026-09-01T14:00"),
        (["--day", "2026-02-30"], "'2026-02-30' is no day: write 2026-09-01"),
        (["--session", "0"], "0 is not in the range"),
        (["--session", "99999999999999999999"], "is not in the range"),
        (["one", "two"], "Got unexpected extra argument"),
    ],
)
def test_wrong_usage_is_one_line(arguments: list[str], words: str) -> None:
    result = invoke(echo_inputs, *arguments)

    assert result.exit_code == 2
    assert words in result.stderr
    assert result.stderr.count("\n") == 1
    assert "--help" in result.stderr


def test_a_missing_argument_is_one_line() -> None:
    @click.command(cls=WorkerCommand)
    @click.argument("session", type=ROW_ID)
    def preview(session: int) -> None: ...

    result = invoke(preview)

    assert result.exit_code == 2
    assert result.stderr == "Error: Missing argument 'SESSION'. See `preview --help`.\n"


@pytest.mark.parametrize("arguments", [["edn"], ["end", "x"], ["end", "--all"]])
def test_wrong_usage_of_a_command_in_a_group_is_one_line(arguments: list[str]) -> None:
    group = WorkerGroup("series", commands={"end": WorkerCommand("end")})

    result = invoke(group, *arguments)

    assert result.exit_code == 2
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1


def test_help_is_shown_and_exits_with_0() -> None:
    result = invoke(echo_inputs, "--help")

    assert result.exit_code == 0
    assert result.stdout.startswith("Usage: ")


@pytest.mark.parametrize(
    ("written", "zone", "instant"),
    [
        ("2026-09-01T14:00Z", "Africa/Addis_Ababa", datetime(2026, 9, 1, 14, tzinfo=UTC)),
        ("2026-09-01T14:00+05:00", "Africa/Addis_Ababa", datetime(2026, 9, 1, 9, tzinfo=UTC)),
        ("2026-09-01T14:00", "Africa/Addis_Ababa", datetime(2026, 9, 1, 11, tzinfo=UTC)),
        ("2026-09-01 14:00:30", "Africa/Addis_Ababa", datetime(2026, 9, 1, 11, 0, 30, tzinfo=UTC)),
        ("2026-09-01", "Africa/Addis_Ababa", datetime(2026, 8, 31, 21, tzinfo=UTC)),
        # In the gap it moves on to 03:30; in the fold it is the earlier one.
        ("2026-03-29T02:30", "Europe/Berlin", datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),
        ("2026-10-25T02:30", "Europe/Berlin", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
    ],
)
def test_an_instant_without_offset_is_a_wall_time_of_the_site(
    written: str, zone: str, instant: datetime
) -> None:
    result = invoke(echo_inputs, "--as-of", written, SITE_TIMEZONE=zone)

    assert result.stdout.splitlines()[0] == str(instant)


@pytest.mark.parametrize("written", ["14:00", "", "2026-02-30", "soon\x00", "٢٠٢٦-٠٩-٠١", "9" * 99])
def test_words_that_are_no_instant_are_refused(written: str) -> None:
    result = invoke(echo_inputs, "--as-of", written)

    assert result.exit_code == 2
    assert "is no date and time" in result.stderr


BEYOND = ("0001-01-01", "1969-12-31", "2080-01-01", "9999-12-31")


@pytest.mark.parametrize("day", BEYOND)
@pytest.mark.parametrize("option", ["--as-of", "--day"])
def test_what_lies_beyond_the_years_that_the_worker_can_reckon_is_refused(
    option: str, day: str
) -> None:
    result = invoke(echo_inputs, option, day)

    assert result.exit_code == 2
    assert f"'{day}' is not from 1970-01-01 to 2079-12-31" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12"])
def test_the_first_and_the_last_day_are_taken_in_any_zone(zone: str) -> None:
    for written in ("1970-01-01T00:00", "2079-12-31T23:59"):
        assert invoke(echo_inputs, "--as-of", written, SITE_TIMEZONE=zone).exit_code == 0


def test_an_instant_in_an_unreadable_zone_is_an_invalid_setting() -> None:
    result = invoke(echo_inputs, "--as-of", "2026-09-01", SITE_TIMEZONE="Addis")

    assert (result.exit_code, result.stderr) == (2, f"{UNREADABLE}\n")


def test_a_day_is_a_date() -> None:
    assert invoke(echo_inputs, "--day", "2026-09-01").stdout.splitlines()[1] == "2026-09-01"


@dataclass(frozen=True, slots=True)
class Row:
    id: int
    key: UUID
    starts_at: datetime
    day: date = date(2026, 9, 1)
    begins: time = time(14)
    role: Role = Role.TUTOR
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    rows: tuple[Row, ...]


def test_a_report_becomes_one_document_with_its_version() -> None:
    report = Report((Row(7, UUID(int=7), datetime(2026, 9, 1, 11, tzinfo=UTC)),))

    assert json.loads(json_document(report)) == {
        "version": 1,
        "rows": [
            {
                "id": 7,
                "starts_at": "2026-09-01T11:00:00+00:00",
                "day": "2026-09-01",
                "begins": "14:00:00",
                "key": "00000000-0000-0000-0000-000000000007",
                "role": "tutor",
                "reason": None,
            }
        ],
    }


def test_a_document_says_its_version_first() -> None:
    assert json_document({"ok": True}) == '{"version": 1, "ok": true}'


def test_a_document_takes_no_instant_without_a_zone() -> None:
    with pytest.raises(ValueError, match="has no zone"):
        json_document({"at": datetime(2026, 9, 1)})  # noqa: DTZ001 (that is the point)


def test_words_in_a_pipe_are_plain_and_whole() -> None:
    words = "[bold]Algebra[/] :smile: " + "ሰ" * 150

    result = invoke(command_of(lambda: console().print(words, style="red")))

    assert result.stdout == words + "\n"


def test_what_the_database_holds_does_not_steer_the_terminal() -> None:
    assert printable("Maths\x1b]0;owned\x07\nሰኞ") == "Maths ]0;owned  ሰኞ"


@pytest.mark.parametrize(
    "arguments", [["setup"], ["worker"], ["beat"], ["call", "tasks.planning.tick"], ["status"]]
)
def test_an_unreadable_setting_is_one_line_of_any_command(
    arguments: list[str], tmp_path: Path
) -> None:
    done = celery(*arguments, folder=tmp_path, SITE_TIMEZONE="Addis")

    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"{UNREADABLE}\n")


@pytest.mark.parametrize("command", ["setup", "worker"])
def test_a_file_of_settings_that_is_no_text_is_one_line(command: str, tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"SITE_TIMEZONE=\xff")

    done = celery(command, folder=tmp_path)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Error: .env cannot be read")
    assert done.stderr.count("\n") == 1


def test_an_unreachable_server_is_one_line_of_the_command_line() -> None:
    done = celery("setup", DATABASE_URL="postgresql://user:secret@127.0.0.1:1/site")

    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == (
        "Error: PostgreSQL at 127.0.0.1, database site, cannot be reached: Connection refused."
        " Check DATABASE_URL.\n"
    )


def test_a_broker_that_is_away_is_one_line_of_celerys_own_call_too() -> None:
    done = celery("call", "tasks.planning.expand", REDIS_URL="redis://127.0.0.1:1/0")

    assert (done.returncode, done.stdout) == (3, "")
    assert re.fullmatch(
        r"Error: the broker cannot be reached: .*refused\. Check REDIS_URL\.\n", done.stderr
    )


def test_the_workers_commands_are_commands_of_celery() -> None:
    assert isinstance(celery_command.commands["setup"], WorkerCommand)


@click.command(cls=WorkerCommand)
@click.option("--as-of", type=INSTANT)
@click.option("--day", type=DAY)
@click.option("--session", type=ROW_ID)
def echo_inputs(as_of: datetime | None, day: date | None, session: int | None) -> None:
    for given in (as_of, day, session):
        click.echo(given)


def command_of(work: Callable[[], object]) -> click.Command:
    return WorkerCommand("work", callback=work)


def ended_by(error: BaseException) -> Result:
    def end() -> None:
        raise error

    return invoke(command_of(end))


def ended_in_the_database(conn: Connection, statement: str) -> Result:
    return invoke(command_of(lambda: conn.execute(text(statement))))


def invoke(command: click.Command, *arguments: str, **environment: str) -> Result:
    return CliRunner(env=environment).invoke(command, list(arguments))
