"""`celery -A tasks doctor`: faults of the installation, and their cures."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from tasks.commands.doctor_watch import STYLES, watch
from tasks.commands.worker_command import (
    ExitCode,
    WorkerCommand,
    console,
    json_document,
    printable,
    timed,
)

if TYPE_CHECKING:
    from scheduler.settings import Settings
    from tasks.admin.doctor import Examination


@click.command(cls=WorkerCommand)
@click.option(
    "--adopt-database",
    is_flag=True,
    help="First make this database the ledger's own, and release messages held because it was not.",
)
@click.option("--watch", "watching", is_flag=True, help="Look again and again, until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_context
def doctor(context: click.Context, adopt_database: bool, watching: bool, as_json: bool) -> None:
    """Show what is wrong with the installation, and how to cure it.

    Writes nothing, except with --adopt-database. Exits 1 where there is an error, 3 where
    PostgreSQL cannot be reached.

    With --watch a terminal shows the present findings in place; in a pipe each change is one block
    of lines. A server that is away is shown and waited for.

    Example: celery -A tasks doctor --watch
    """
    from scheduler.settings import load_settings
    from tasks.admin.doctor import examine

    if watching and as_json:
        raise click.UsageError("--watch shows text: leave --json or --watch out.")
    settings = load_settings()
    released = adopt(settings) if adopt_database else None
    if watching:
        watch(lambda: examine(settings, datetime.now(UTC)), lambda: datetime.now(settings.zone))
    with timed("Examining"):
        examination = examine(settings, datetime.now(UTC))
    click.echo(json_document(examination)) if as_json else show(examination, released)
    context.exit(ExitCode.DONE if examination.ok else ExitCode.PARTLY)


def adopt(settings: Settings) -> int:
    """Adopt the database. Returns the number of messages that are planned again."""
    from scheduler.reminders.moves.adoption import adopt_database
    from tasks.database import engine

    with engine(settings).begin() as conn:
        return len(adopt_database(conn, datetime.now(UTC)))


def show(examination: Examination, released: int | None) -> None:
    out = console()
    if released is not None:
        out.print(f"This database is the ledger's now; {released} held messages are planned again.")
    for finding in examination.findings:
        severity = finding.severity.value
        out.print(f"{severity}: {printable(finding.detail)}", style=STYLES[severity])
        out.print(f"  {printable(finding.cure)}")
    out.print(verdict(examination))


def verdict(examination: Examination) -> str:
    if not examination.ok:
        return "Something is wrong: see the errors above."
    looked_at = any(finding.severity == "warning" for finding in examination.findings)
    return "Nothing is broken: see the warnings above." if looked_at else "All is well."
