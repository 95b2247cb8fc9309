"""The documents of `--json`, from real runs: keys and types as docs/json.md shows them."""

import os
from collections.abc import Iterator
from datetime import date
from typing import Any

import click
import pytest
from sqlalchemy import Connection

from tests.builders import a_session, a_student, a_tutor, a_user, an_enrolment
from tests.command_line import COMMANDS, Commands
from tests.json_page import (
    DOCUMENTED,
    PAGE,
    example_of,
    examples_on,
    page_of,
    refuse_undocumented,
)
from tests.scheduler.ledger.rows import a_batch, a_delivery, an_attempt

AS_OF = ("--as-of", "2026-12-01T12:59")
SETTINGS = {
    "OUTBOX": "log",
    "CHANNEL_EMAIL": "mailto://u:p@mail.example?from=a@b.example&to={email}",
}


def test_every_document_is_of_its_type(conn: Connection, commands: Commands) -> None:
    printed = dict(documents(conn, commands))

    assert {*printed} == {*DOCUMENTED} - {"demo", "web"}
    for name, text in printed.items():
        refuse_undocumented(name, text)
    if os.environ.get("WRITE_DOCS"):
        examples = {name: example_of(text) for name, text in printed.items()}
        before = examples_on(PAGE.read_text()) if PAGE.exists() else {}
        PAGE.write_text(page_of(before | examples))


def documents(conn: Connection, commands: Commands) -> Iterator[tuple[str, str]]:
    """Command → its output, on a site with a weekly rule and a message in each state."""
    user = a_user(conn, first_name="Hana")
    tutor = a_tutor(conn, user_id=user)
    student = a_student(conn, first_name="Sara")
    an_enrolment(conn, tutor_id=tutor, student_profile_id=student)
    session = a_session(
        conn, tutor_id=tutor, student_id=student, is_recurring=True, notification_enabled=True,
        session_frequency="weekly", recurring_pattern={"days": ["Tuesday"], "colour": "red"},
    )  # fmt: skip
    failed = a_delivery(conn, state="failed", person_id=user, recipient=f"user:{user}")
    unknown = a_delivery(conn, state="unknown", recipient="user:8")
    an_attempt(conn, unknown, outcome="unknown", words="no answer")
    batches = [a_batch(conn), a_batch(conn)]
    for batch in batches:
        a_delivery(conn, state="held", batch=batch, reason="flood", recipient=f"user:{90 + batch}")

    def of(*words: str, names: int = 1) -> tuple[str, str]:
        result = commands.run(*words, "--json", **SETTINGS)
        return " ".join(words[:names]), result.stdout

    yield of("setup", "--role", "session_worker_json")
    yield of("expand", *AS_OF)
    yield of("series")
    a_session(conn, tutor_id=tutor, student_id=student, session_date=date(2037, 12, 15))
    yield of("absence", "add", "2037-12-15", "--tutor", str(tutor), names=2)
    yield of("absence", "list", names=2)
    yield of("absence", "withdraw", "1", names=2)
    yield of("preview", str(session), *AS_OF)
    yield of("audit", *AS_OF)
    yield of("backfill", "2026-12-01", "2026-12-31", "--dry-run")
    rehearsed = commands.run("remind", "--dry-run", *AS_OF, "--json", **SETTINGS)
    yield "remind --dry-run", rehearsed.stdout
    yield of("remind", *AS_OF)
    yield of("deliveries")
    yield of("explain", str(session))
    yield of("languages")
    yield of("feed", str(user), "--make")
    yield of("preview-message", str(session), *AS_OF)
    yield of("doctor")
    yield of("deliveries", "pause", "--channel", "sms", "--reason", "provider down", names=2)
    yield of("deliveries", "resume", names=2)
    yield of("deliveries", "retry", str(failed), names=2)
    yield of("deliveries", "revive", "0911223344", names=2)
    yield of("deliveries", "settle", str(unknown), "--sent", names=2)
    yield of("deliveries", "release", "--batch", str(batches[0]), names=2)
    yield of("deliveries", "drop", "--batch", str(batches[1]), names=2)
    yield of("series", "end", str(session), "--cancel-future", names=2)
    yield of("series", "reopen", str(session), names=2)
    yield of("export", str(user))
    yield of("forget", str(user))


def test_a_key_that_no_type_has_is_found() -> None:
    with pytest.raises(AssertionError):
        refuse_undocumented("series reopen", '{"version":1,"session_id":1,"state":"active","x":1}')


def test_every_command_with_json_has_its_document() -> None:
    ours = [one for one in COMMANDS if "tasks." in one.value]
    with_json = {name for one in ours for name in names_with_json(one.load(), one.name)}

    assert with_json == {name.removesuffix(" --dry-run") for name in DOCUMENTED}


def names_with_json(command: click.Command, name: str) -> Iterator[str]:
    if any("--json" in each.opts for each in command.params):
        yield name
    parts: dict[str, Any] = getattr(command, "commands", {})
    for part, subcommand in parts.items():
        yield from names_with_json(subcommand, f"{name} {part}")
