"""`absence add`, `list` and `withdraw`: what they write, list and refuse."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from tests.builders import a_session, a_student, an_anchor
from tests.command_line import Commands

DAY = timedelta(days=1)
TODAY = datetime.now(UTC).astimezone(ZoneInfo("Africa/Addis_Ababa")).date()


def in_days(days: int) -> str:
    return (TODAY + days * DAY).isoformat()


@pytest.fixture
def anchor(commands: Commands) -> int:
    """The first session of a daily rule: today, at 14:00. Its rows are made."""
    anchor = an_anchor(commands.conn, session_date=TODAY, session_frequency="daily")
    assert commands.run("expand").exit_code == 0
    return anchor


def tutor_of(commands: Commands, session: int) -> str:
    found = commands.conn.scalar(
        text("SELECT tutor_id FROM tutor_sessions WHERE id = :id"), {"id": session}
    )
    return str(found)


def cancelled(commands: Commands) -> list[date]:
    commands.conn.commit()
    return list(commands.conn.scalars(text(
        "SELECT session_date FROM tutor_sessions WHERE status = 'cancelled' ORDER BY 1"
    )))  # fmt: skip


def acts(document: Any) -> list[tuple[str, str]]:
    return [(each["date"], each["action"]) for each in document["sessions"]]


def test_a_dry_run_lists_what_the_command_then_does(commands: Commands, anchor: int) -> None:
    by_hand = a_session(commands.conn, session_date=TODAY + 3 * DAY, start_time=time(8),
                        end_time=time(9), tutor_id=int(tutor_of(commands, anchor)))  # fmt: skip
    given = ("add", in_days(2), in_days(3), "--tutor", tutor_of(commands, anchor))

    shown = commands.document("absence", *given, "--dry-run")

    assert (shown["id"], shown["dry_run"]) == (None, True)
    assert acts(shown) == [(in_days(2), "cancel"), (in_days(3), "stay"), (in_days(3), "cancel")]
    stays = shown["sessions"][1]
    assert (stays["session_id"], stays["why"]) == (by_hand, "no rule made it")
    assert cancelled(commands) == []
    assert commands.document("absence", "list")["absences"] == []

    done = commands.document("absence", *given)

    assert (done["sessions"], done["rows"]) == (shown["sessions"], shown["rows"])
    assert done["rows"] == {"inserted": 0, "updated": 0, "cancelled": 2}
    assert cancelled(commands) == [TODAY + 2 * DAY, TODAY + 3 * DAY]
    [line] = commands.document("absence", "list")["absences"]
    assert (line["id"], line["left_out"], line["staying"]) == (done["id"], 2, [by_hand])


def test_a_withdrawal_schedules_the_sessions_again(commands: Commands, anchor: int) -> None:
    number = str(commands.document("absence", "add", in_days(2), "--everybody")["id"])

    shown = commands.document("absence", "withdraw", number, "--dry-run")
    assert acts(shown) == [(in_days(2), "restore")]
    assert cancelled(commands) == [TODAY + 2 * DAY]

    assert commands.document("absence", "withdraw", number)["rows"]["updated"] == 1
    assert cancelled(commands) == []
    assert commands.document("absence", "list")["absences"] == []
    [line] = commands.document("absence", "list", "--all")["absences"]
    assert line["withdrawn_at"] is not None

    again = commands.run("absence", "withdraw", number)
    assert (again.exit_code, again.stderr.count("\n")) == (2, 1)
    assert f"absence {number} was withdrawn before" in again.stderr


def test_a_dry_run_lists_a_row_that_a_person_placed_where_it_is_the_only_one(
    commands: Commands, anchor: int
) -> None:
    placed = commands.conn.scalar(
        text("""
            UPDATE tutor_sessions SET start_time = '09:00', end_time = '10:00'
             WHERE session_date = :day RETURNING id"""),
        {"day": TODAY + 2 * DAY},
    )

    shown = commands.document("absence", "add", in_days(2), "--everybody", "--dry-run")

    assert [(one["session_id"], one["why"]) for one in shown["sessions"]] == [
        (placed, "a person placed it")
    ]


def test_a_package_is_made_up_and_the_list_says_so(commands: Commands) -> None:
    an_anchor(commands.conn, session_date=TODAY, session_frequency="daily",
              recurring_pattern={"count": 5})  # fmt: skip
    commands.run("expand")

    shown = commands.document("absence", "add", in_days(2), "--everybody", "--dry-run")

    assert acts(shown) == [(in_days(2), "cancel"), (in_days(5), "insert")]


def test_hours_and_reason_are_kept(commands: Commands, anchor: int) -> None:
    given = ("--from", "12:00", "--until", "24:00", "--reason", "staff meeting")
    commands.run("absence", "add", in_days(1), "--everybody", *given)

    [line] = commands.document("absence", "list")["absences"]
    assert (line["from_time"], line["until_time"]) == ("12:00:00", None)
    assert line["reason"] == "staff meeting"
    assert "staff meeting" in commands.run("absence", "list").stdout


def test_what_was_done_is_said_in_words(commands: Commands, anchor: int) -> None:
    said = commands.run("absence", "add", in_days(1), in_days(2), "--everybody").stdout
    assert said.startswith("Absence 1 is entered: 2 sessions cancelled.")
    said = commands.run("absence", "withdraw", "1").stdout
    assert said.startswith("Absence 1 is withdrawn: 2 sessions scheduled again.")


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (["2036-12-14"], "say who is absent: one of --tutor, --student and --everybody."),
        (["2036-12-14", "--everybody", "--tutor", "1"], "say who is absent"),
        (["2036-12-14", "2036-12-13", "--everybody"], "is before the first"),
        (["2036-12-14", "--everybody", "--from", "12:00", "--until", "12:00"], "not later"),
        (["2036-12-14", "--everybody", "--until", "0:00"], "is no time of day"),
        (["14.12.2036", "--everybody"], "14.12.2036"),
        (["2036-12-14", "--tutor", "99"], "there is no tutor 99: give an id as tutor_sessions"),
        (["2036-12-14", "--student", "99"], "there is no student 99: give an id as tutor_sess"),
    ],
)
def test_what_cannot_be_entered_is_refused_in_one_line(
    commands: Commands, given: list[str], line: str
) -> None:
    refused = commands.run("absence", "add", *given)

    assert (refused.exit_code, refused.stderr.count("\n")) == (2, 1)
    assert line in refused.stderr
    assert commands.document("absence", "list", "--all")["absences"] == []


def test_an_absence_that_is_not_there_is_refused(commands: Commands) -> None:
    refused = commands.run("absence", "withdraw", "7")

    assert (refused.exit_code, refused.stderr) == (
        2, "Error: there is no absence 7: `celery -A tasks absence list` shows them.\n",
    )  # fmt: skip


def test_a_student_without_sessions_may_be_absent(commands: Commands) -> None:
    student = a_student(commands.conn)
    done = commands.document("absence", "add", in_days(1), "--student", str(student))
    assert done["sessions"] == []
