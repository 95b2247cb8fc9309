"""The commands and the SQL of docs/how-to.md, run section by section on a site with such rows."""

import re
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import click
import pytest
from sqlalchemy import Connection, text

from tasks.failures.lines import ExitCode
from tests.builders import a_student, a_tutor, a_user, an_anchor
from tests.command_line import Commands
from tests.scheduler.ledger.rows import a_batch, a_delivery
from tests.test_deploy import command_named

PAGE = Path(__file__).parents[1] / "docs" / "how-to.md"
SECTION = re.compile(r"^## (.*?)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```(sh|sql)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SECTIONS = [(title, words) for title, words in SECTION.findall(PAGE.read_text())]
CELERY = ["celery", "-A", "tasks"]
# These run until they are stopped: their words alone are read.
RUN_ON = {"worker", "beat", "web"}
# These say the same in each section, and take a second: run once, later their words alone are read.
RUN_ONCE = {"doctor"}
# A doctor finds, rightly, that this installation has neither beat nor a broker.
MAY_FIND = {"doctor"}
# A gateway of one's own: nothing leaves, as OUTBOX is log.
SETTINGS = {
    "OUTBOX": "log",
    "CHANNEL_EMAIL": "mailto://user:secret@mail.example?from=a@site.example&to={email}",
    "CHANNEL_SMS": "jsons://gateway.example/send?:to={phone}",
}


HAVE_RUN: list[list[str]] = []
NEXT_ID = text("SELECT setval(pg_get_serial_sequence(:table, 'id'), :last)")


@pytest.fixture
def site(conn: Connection, database: str) -> Commands:
    """A site with the ids that the page names: session 42 of tutor 12 begins tomorrow at noon."""
    tutor = a_tutor(conn, id=12, user_id=a_user(conn, id=7, phone="0911223344"))
    a_tutor(conn, id=13)
    student = a_student(conn)
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    an_anchor(
        conn, id=42, tutor_id=tutor, student_id=student, session_date=tomorrow,
        start_time=time(12), end_time=time(13), notification_enabled=True,
    )  # fmt: skip
    for table, next_id in {"held_batch": 3, "delivery": 17, "absence": 7}.items():
        conn.execute(NEXT_ID, {"table": f"session_worker.{table}", "last": next_id - 1})
    a_delivery(conn, session_id=42, state="unknown", channel="sms", attempts=1)
    for lead in (30, 31):
        a_delivery(conn, session_id=42, lead_minutes=lead, state="held", batch=a_batch(conn))
    commands = Commands(conn, database)
    commands.environment |= SETTINGS
    return commands


@pytest.mark.parametrize(("title", "words"), SECTIONS, ids=[title for title, _ in SECTIONS])
def test_what_a_section_shows_can_be_run(site: Commands, title: str, words: str) -> None:
    digest = ""
    for kind, statement in steps_of(words):
        if kind == "sql":
            assert site.conn.execute(text(statement)).rowcount > 0, statement
            continue
        said = run(site, shlex.split(statement.replace("DIGEST", digest)))
        digest = found[1] if (found := re.search(r"^Digest: (\S+)$", said, re.M)) else digest


def steps_of(words: str) -> Iterator[tuple[str, str]]:
    """Each command and each statement, in their order."""
    for kind, block in BLOCK.findall(words):
        parts = block.splitlines() if kind == "sh" else block.split(";\n")
        yield from ((kind, part) for part in parts if part.strip())


def run(site: Commands, words: list[str]) -> str:
    """What the command prints. Fails where it does not end as the page lets one expect."""
    assert words[:3] == CELERY
    name, *rest = words[3:]
    command = command_named(name)
    if name in RUN_ON or (name in RUN_ONCE and words in HAVE_RUN):
        command.make_parser(click.Context(command)).parse_args(rest)
        return ""
    HAVE_RUN.append(words)
    result = site.run(command, *rest)
    expected = {ExitCode.DONE, ExitCode.PARTLY} if name in MAY_FIND else {ExitCode.DONE}
    assert result.exit_code in expected, f"{name} {rest}: {result.output}"
    return result.stdout


def test_every_section_of_the_list_is_there_and_shows_a_command() -> None:
    listed = re.findall(r"\]\(#([a-z-]+)\)", PAGE.read_text().partition("\n## ")[0])

    assert [anchor(title) for title, _ in SECTIONS] == listed
    assert [title for title, words in SECTIONS if not BLOCK.search(words)] == []


def anchor(title: str) -> str:
    """As GitHub makes it."""
    return re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-")
