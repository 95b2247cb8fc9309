"""`celery -A tasks remind`: send what is due, once."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from tasks.commands.worker_command import INSTANT, ExitCode, WorkerCommand, json_document

if TYPE_CHECKING:
    from tasks.admin.remind import RemindReport


@click.command(cls=WorkerCommand)
@click.option("--as-of", type=INSTANT, help="Run as if it were this instant.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_context
def remind(context: click.Context, as_of: datetime | None, as_json: bool) -> None:
    """Plan the reminders and alarms that are due, and send them, without workers.

    Safe to repeat and to run beside workers: nobody is told twice. Exits 1 where messages failed
    or were never answered; those that may do later are tried again by the next run, or by the
    workers.

    Example: celery -A tasks remind --as-of 2026-12-01T13:45
    """
    from scheduler.settings import load_settings
    from tasks.admin.remind import remind as remind_once
    from tasks.database import engine
    from tasks.delivery.tools import tools_of

    settings = load_settings()
    report = remind_once(tools_of(engine(settings), settings), as_of)
    click.echo(json_document(document(report)) if as_json else words(report))
    partly = report.failed or report.unanswered
    context.exit(ExitCode.PARTLY if partly else ExitCode.DONE)


COUNTS = {
    "planned": "newly due",
    "sent": "sent",
    "failed": "failed",
    "expired": "too late",
    "obsolete": "no longer to be sent",
    "unreachable": "without a way to the person",
}


def document(report: RemindReport) -> dict[str, Any]:
    return {"as_of": report.as_of} | {name: getattr(report, name) for name in COUNTS}


def words(report: RemindReport) -> str:
    counts = {name: getattr(report, name) for name in COUNTS}
    said = [f"{count} {COUNTS[name]}" for name, count in counts.items() if count]
    if report.unanswered:
        said.append(f"{report.unanswered} never answered (`deliveries` tells which)")
    return f"Messages: {', '.join(said)}." if said else "Nothing is due."
