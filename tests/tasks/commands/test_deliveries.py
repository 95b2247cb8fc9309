"""`deliveries` and its subcommands: keys, words, and refusals."""

import json

import pytest
from sqlalchemy import Connection, text

from tasks.commands.deliveries import deliveries
from tests.builders import a_session
from tests.command_line import Commands, celery
from tests.scheduler.ledger.rows import KEY, NOW, START, a_batch, a_delivery, an_attempt, row_of

UNANSWERED = {"state": "held", "reason": "no_answer", "channel": "sms"}
LATER = {"starts_at": START.replace(year=2036)}


def state_of(conn: Connection, delivery: int) -> str:
    conn.commit()
    return str(row_of(conn, delivery).state)


def test_a_document_has_exactly_the_keys_that_scripts_rely_on(commands: Commands) -> None:
    one = a_delivery(commands.conn, state="sent", channel="email", sent_at=NOW, attempts=1)

    assert commands.document(deliveries) == {
        "version": 1,
        "deliveries": [
            {
                "id": one,
                "session_id": 1,
                "starts_at": "2026-12-01T11:00:00+00:00",
                "kind": "reminder",
                "lead_minutes": 60,
                "person_id": 7,
                "role": "tutor",
                "state": "sent",
                "reason": None,
                "channel": "email",
                "batch": None,
                "outbox": None,
                "source": None,
                "receipt": None,
                "due_at": "2026-12-01T10:00:00+00:00",
                "sent_at": "2026-12-01T09:00:00+00:00",
                "attempts": 1,
            }
        ],
    }


def test_what_is_null_is_null(commands: Commands) -> None:
    a_delivery(commands.conn, person_id=None, recipient="student:3", role="student")

    [one] = commands.document(deliveries)["deliveries"]

    nulls = {key for key, value in one.items() if value is None}
    of_the_way = {"channel", "batch", "outbox", "source", "receipt"}
    assert nulls == {"person_id", "reason", "sent_at"} | of_the_way


def test_options_narrow_the_list(commands: Commands) -> None:
    a_delivery(commands.conn)
    held = a_delivery(commands.conn, lead_minutes=30, **UNANSWERED)

    def listed(*options: str) -> list[int]:
        return [each["id"] for each in commands.document(deliveries, *options)["deliveries"]]

    assert listed("--state", "held", "--state", "UNKNOWN") == [held]
    assert listed("--session", "1", "--person", "7", "--limit", "1") == [held]
    assert listed("--since", "2026-12-01T13:00:01") == []


def test_a_table_is_in_words_and_in_local_time(commands: Commands) -> None:
    a_delivery(commands.conn, state="unreachable", reason="no_email")

    printed = commands.run(deliveries).stdout

    assert "reminder 1 h before the start" in printed
    assert "Tue 2026-12-01 14:00" in printed
    assert "no e-mail address" in printed


def test_an_empty_ledger_is_said_in_a_word(commands: Commands) -> None:
    session = a_session(commands.conn)

    assert commands.run(deliveries, "--session", str(session)).stdout == "No deliveries.\n"


def test_a_table_that_was_cut_says_so(commands: Commands) -> None:
    for lead in range(3):
        a_delivery(commands.conn, lead_minutes=lead)

    assert "The newest 2: --limit shows more" in commands.run(deliveries, "--limit", "2").stdout


WRONG = [
    (["--session", "999"], "there is no session 999"),
    (["--person", "999"], "there is no person 999"),
    (["--state", "lost"], "'lost' is not one of"),
    (["--since", "soon"], "'soon' is no date and time"),
    (["--limit", "0"], "0 is not in the range"),
    (["pause", "--channel", "fax"], "'fax' is no channel: write email, sms"),
    (["resume", "--channel", "fax"], "'fax' is no channel"),
    (["retry"], "Give the ids of deliveries, or --failed with --since INSTANT."),
    (["retry", "--failed"], "Give the ids of deliveries, or --failed with --since INSTANT."),
    (["retry", "1", "--since", "2026-12-01"], "Give the ids of deliveries, or --failed with"),
    (["retry", "999"], "there is no delivery 999"),
    (["retry", "x"], "'x' is not a valid integer"),
    (["settle", "999", "--sent"], "there is no delivery 999"),
    (["settle", "1"], "either --sent or --not-sent"),
    (["settle", "1", "--sent", "--not-sent"], "either --sent or --not-sent"),
    (["release"], "Missing option '--batch'"),
    (["release", "--batch", "999"], "there is no held batch 999"),
    (["drop", "--batch", "999"], "there is no held batch 999"),
    (["undo"], "No such command 'undo'"),
]


@pytest.mark.parametrize(("arguments", "words"), WRONG)
def test_wrong_input_is_one_line_and_exit_code_2(
    commands: Commands, arguments: list[str], words: str
) -> None:
    result = commands.run(deliveries, *arguments)

    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_pause_stands_until_it_is_lifted(commands: Commands) -> None:
    paused = commands.document(deliveries, "pause", "--channel", "SMS", "--reason", "down")
    commands.conn.commit()
    standing = commands.conn.execute(text("SELECT channel, reason FROM session_worker.pause")).all()

    lifted = commands.document(deliveries, "resume")

    assert [(each["channel"], each["reason"]) for each in paused["paused"]] == [("sms", "down")]
    assert standing == [("sms", "down")]
    assert [each["channel"] for each in lifted["resumed"]] == ["sms"]
    assert (lifted["version"], lifted["paused"]) == (1, [])


def test_pausing_and_resuming_say_so_in_words(commands: Commands) -> None:
    pause = ["pause", "--channel", "email"]

    said = [commands.run(deliveries, *words).stdout for words in
            (pause, ["pause"], ["resume"], ["resume"])]  # fmt: skip

    assert said == [
        "The channel email is paused. `celery -A tasks deliveries resume` ends it.\n",
        "Every channel is paused. `celery -A tasks deliveries resume` ends it.\n",
        "Every channel is no longer paused.\nThe channel email is no longer paused.\n",
        "Nothing was paused.\n",
    ]


def test_one_channel_is_not_resumed_while_all_are_paused(commands: Commands) -> None:
    commands.run(deliveries, "pause")

    result = commands.run(deliveries, "resume", "--channel", "sms")

    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert "every channel is paused, not sms alone" in result.stderr


def test_retry_takes_several_ids_and_names_what_moved(commands: Commands) -> None:
    ids = [a_delivery(commands.conn, state="failed", lead_minutes=n, **LATER) for n in (1, 2)]

    moved = commands.document(deliveries, "retry", *map(str, ids))

    assert moved == {"version": 1, "deliveries": ids}
    assert [state_of(commands.conn, each) for each in ids] == ["planned", "planned"]


def test_retry_takes_all_that_failed_since_an_instant(commands: Commands) -> None:
    failed = a_delivery(commands.conn, state="failed", **LATER)
    words = ["retry", "--failed", "--since", "2026-01-01"]

    assert commands.document(deliveries, *words)["deliveries"] == [failed]
    assert "No message due since then" in commands.run(deliveries, *words).stdout


@pytest.mark.parametrize(("how", "state"), [("--sent", "sent"), ("--not-sent", "failed")])
def test_settle_says_how_it_was(commands: Commands, how: str, state: str) -> None:
    group = [a_delivery(commands.conn, session_id=n, student_id=n, message_key=KEY, **UNANSWERED)
             for n in (1, 2)]  # fmt: skip

    result = commands.run(deliveries, "settle", str(group[0]), how)

    assert result.stdout == (
        f"2 deliveries are settled as {'sent' if state == 'sent' else 'not sent'}:"
        f" {group[0]}, {group[1]}.\n"
    )
    assert [state_of(commands.conn, each) for each in group] == [state, state]


@pytest.mark.parametrize(("act", "state"), [("release", "planned"), ("drop", "obsolete")])
def test_a_batch_is_decided_on_as_a_whole(commands: Commands, act: str, state: str) -> None:
    batch = a_batch(commands.conn)
    one = a_delivery(commands.conn, state="held", reason="flood", batch=batch)

    result = commands.run(deliveries, act, "--batch", str(batch))

    assert result.exit_code == 0
    assert result.stdout.startswith("One delivery is ")
    assert state_of(commands.conn, one) == state
    assert commands.run(deliveries, act, "--batch", str(batch)).exit_code == 2


def test_a_person_who_reads_over_the_shoulder_sees_no_password(commands: Commands) -> None:
    url = "postgresql://user:s3cret@127.0.0.1:1/site"

    result = commands.run(deliveries, DATABASE_URL=url)

    assert result.exit_code == 3
    assert "s3cret" not in result.stderr


def test_the_command_line_lists_the_ledger(conn: Connection, database: str) -> None:
    an_attempt(conn, a_delivery(conn))
    conn.commit()

    done = celery("deliveries", "--json", DATABASE_URL=database)

    assert (done.returncode, done.stderr) == (0, "")
    assert len(json.loads(done.stdout)["deliveries"]) == 1
