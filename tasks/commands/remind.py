"""`celery -A tasks remind`: send due messages once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from tasks.commands.worker_command import (
    INSTANT,
    ExitCode,
    WorkerCommand,
    console,
    counted,
    json_document,
    printable,
)

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from tasks.admin.remind import Left, RemindReport
    from tasks.admin.remind_rehearsal import Foreseen, Rehearsal
    from tasks.commands.documents import RemindDocument, RemindRehearsalDocument


@click.command(cls=WorkerCommand)
@click.option("--as-of", type=INSTANT, help="Run as if it were this instant.")
@click.option("--dry-run", is_flag=True, help="Show messages and recipients; send nothing.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_context
def remind(context: click.Context, as_of: datetime | None, dry_run: bool, as_json: bool) -> None:
    """Plan the reminders and alarms that are due, and send them, without workers.

    Safe to repeat and to run beside workers: nobody gets a message twice. Ctrl-C stops it: messages
    that were begun are finished, the others released. Exits 1 where it was stopped, or where
    messages failed or were never answered; the next run, or the workers, try again those that may
    succeed later.

    Example: celery -A tasks remind --as-of 2026-12-01T13:45 --dry-run
    """
    from scheduler.settings import load_settings
    from tasks.admin.remind import remind as remind_once
    from tasks.admin.remind_rehearsal import rehearse
    from tasks.database import engine
    from tasks.delivery.tools import tools_of

    settings = load_settings()
    tools = tools_of(engine(settings), settings)
    if dry_run:
        rehearsal = rehearse(tools, as_of)
        if as_json:
            click.echo(json_document(rehearsed(rehearsal)))
        else:
            show(rehearsal, settings.zone)
        return
    with counted("Messages") as tell:
        report = remind_once(tools, as_of, tell)
    click.echo(json_document(document(report)) if as_json else words(report))
    if report.left is not None:
        click.echo(stopped(report.left), err=True)
    partly = report.failed or report.unanswered or report.left
    context.exit(ExitCode.PARTLY if partly else ExitCode.DONE)


COUNTS = {
    "planned": "newly due",
    "sent": "sent",
    "failed": "failed",
    "expired": "too late",
    "obsolete": "no longer to be sent",
    "unreachable": "without a way to the person",
}


def document(report: RemindReport) -> RemindDocument:
    return {
        "as_of": report.as_of,
        "planned": report.planned,
        "sent": report.sent,
        "failed": report.failed,
        "expired": report.expired,
        "obsolete": report.obsolete,
        "unreachable": report.unreachable,
    }


def rehearsed(rehearsal: Rehearsal) -> RemindRehearsalDocument:
    return {
        **document(rehearsal.report),
        "dry_run": True,
        "held": rehearsal.held,
        "messages": rehearsal.messages,
    }


def words(report: RemindReport) -> str:
    said = counts(report)
    if report.unanswered:
        said.append(f"{report.unanswered} never answered (see `deliveries`)")
    return f"Messages: {', '.join(said)}." if said else "Nothing is due."


def counts(report: RemindReport) -> list[str]:
    found = {name: getattr(report, name) for name in COUNTS}
    return [f"{count} {COUNTS[name]}" for name, count in found.items() if count]


def stopped(left: Left) -> str:
    return (
        f"Stopped: {left.released} messages that were claimed and not begun are released, and"
        f" {left.due} are due; the next run or the workers send them."
    )


def show(rehearsal: Rehearsal, zone: ZoneInfo) -> None:
    said = counts(rehearsal.report)
    if rehearsal.held:
        said.append(f"{rehearsal.held} held, as too many at once")
    if rehearsal.messages:
        console().print(table(rehearsal.messages, zone))
    if said or rehearsal.messages:
        console().print(f"A run would count: {', '.join(said) or 'nothing'}.")
    else:
        console().print("Nothing is due.")
    console().print("A dry run: nothing was sent or written.")


def table(messages: Sequence[Foreseen], zone: ZoneInfo) -> Any:
    from rich.table import Table

    from scheduler.words import local, reason

    columns = ("Message", "Role", "Person", "Sessions", "Starts", "Would be", "Reason", "Channel")
    shown = Table(*columns, box=None, header_style="bold")
    for one in messages:
        shown.add_row(
            one.kind, one.role, "" if one.person_id is None else str(one.person_id),
            ", ".join(map(str, one.sessions)), local(one.starts_at, zone), one.state,
            printable(reason(one.reason)), one.channel or "",
        )  # fmt: skip
    return shown
