"""`celery -A tasks expand`: fill the coming weeks once."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

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
    from scheduler.expansion import ExpansionReport
    from tasks.commands.documents import ExpandDocument


@click.command(cls=WorkerCommand)
@click.option("--as-of", type=INSTANT, help="Run as if it were this instant.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_context
def expand(context: click.Context, as_of: datetime | None, as_json: bool) -> None:
    """Fill the coming weeks once, and show what changed.

    Safe to repeat: a run with nothing to do writes nothing. Exits 1 only where a series failed.

    Example: celery -A tasks expand --as-of 2026-09-01T07:00
    """
    from scheduler.expansion import expand as expand_once
    from scheduler.settings import load_settings
    from tasks.database import engine, engine_now
    from tasks.failures.series import lines_about

    settings = load_settings()
    database = engine(settings)
    with counted("Series") as tell:
        report = expand_once(database, settings, as_of or engine_now(database), tell)
    lines = lines_about(report.failed, database)
    click.echo(json_document(document(report))) if as_json else show(report)
    for line in lines:
        click.echo(f"Error: {printable(line)}", err=True)
    context.exit(ExitCode.PARTLY if report.failed else ExitCode.DONE)


def document(report: ExpansionReport) -> ExpandDocument:
    return {
        "as_of": report.as_of,
        "series": report.series,
        "occurrences": report.occurrences,
        "rows": report.rows,
        "findings": report.findings,
    }


def show(report: ExpansionReport) -> None:
    from rich.table import Table

    out = console()
    rows = report.rows
    if rows.inserted or rows.updated or rows.cancelled or report.failed:
        out.print(f"Wrote {rows.inserted} rows, changed {rows.updated},"
                  f" cancelled {rows.cancelled}.")  # fmt: skip
    else:
        out.print("Nothing to do: every date of every rule has its row or its reason.")
    out.print(f"Series: {in_words(report.series)}.")
    out.print(f"Dates to come: {in_words(report.occurrences)}.")
    if report.findings:
        table = Table("Session", "Finding", "Detail", box=None, header_style="bold")
        for one in report.findings:
            table.add_row(str(one.session_id), one.code, printable(one.detail))
        out.print(table)


def in_words(counts: dict[str, int]) -> str:
    """'3 created, 1 conflict', without zeros."""
    return ", ".join(f"{count} {state}" for state, count in counts.items() if count) or "none"
