"""`celery -A tasks series`: list of the series, and ending or reopening one by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tasks.commands.worker_command import (
    ROW_ID,
    WorkerCommand,
    WorkerGroup,
    console,
    json_document,
    printable,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scheduler.expansion.admin.series import SeriesLine
    from tasks.commands.documents import SeriesDocument, SeriesEndDocument, SeriesReopenDocument


@click.group(cls=WorkerGroup, invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_context
def series(context: click.Context, as_json: bool) -> None:
    """List the series: state, next date, rows to come and conflicts.

    Example: celery -A tasks series
    """
    if context.invoked_subcommand is not None:
        return
    from scheduler.database_clock import database_now
    from scheduler.expansion.admin.series import list_series
    from scheduler.settings import load_settings
    from tasks.database import engine

    settings = load_settings()
    with engine(settings).connect() as conn:
        found = list_series(conn, database_now(conn).astimezone(settings.zone).date())
    document: SeriesDocument = {"series": found}
    click.echo(json_document(document)) if as_json else show(found)


def show(found: Sequence[SeriesLine]) -> None:
    from rich.table import Table

    if not found:
        console().print("No series yet: `celery -A tasks expand` reads the rules.")
        return
    table = Table(
        "Session", "State", "Subject", "Tutor", "Student", "Next", "Rows", "Behind", "Conflicts",
        "Reason",
        box=None, header_style="bold",
    )  # fmt: skip
    for one in found:
        table.add_row(
            str(one.session_id), one.state, printable(one.subject or ""), str(one.tutor_id),
            str(one.student_id), one.next_date.isoformat() if one.next_date else "",
            str(one.rows_to_come), str(one.could_not_follow or ""), str(one.conflicts),
            printable(one.reason or ""),
        )  # fmt: skip
    console().print(table)


@series.command(cls=WorkerCommand)
@click.argument("session_id", metavar="SESSION", type=ROW_ID)
@click.option("--cancel-future", is_flag=True, help="Cancel coming rows that no person placed.")
@click.option("--dry-run", is_flag=True, help="Show what would be cancelled, and write nothing.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def end(session_id: int, cancel_future: bool, dry_run: bool, as_json: bool) -> None:
    """End the series of SESSION: no new rows from today on. Existing rows stay.

    Example: celery -A tasks series end 42 --cancel-future
    """
    from scheduler.expansion.admin.series import end_series, end_series_and_cancel, rehearse_end
    from scheduler.settings import load_settings
    from tasks.database import engine, engine_now

    settings = load_settings()
    database = engine(settings)
    if dry_run and not cancel_future:
        raise click.UsageError("--dry-run needs --cancel-future: without it no row is written.")
    act = end_series_and_cancel if cancel_future else end_series
    act = rehearse_end if dry_run else act
    rows = act(database, settings, engine_now(database), session_id)
    if as_json:
        document: SeriesEndDocument = {
            "session_id": session_id,
            "state": "ended",
            "dry_run": dry_run,
            "rows": rows,
        }
        click.echo(json_document(document))
    elif dry_run:
        console().print(f"Would end series {session_id} and cancel {rows.cancelled} rows.")
    else:
        console().print(f"Series {session_id} is ended; {rows.cancelled} rows cancelled.")


@series.command(cls=WorkerCommand)
@click.argument("session_id", metavar="SESSION", type=ROW_ID)
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def reopen(session_id: int, as_json: bool) -> None:
    """Continue the series of SESSION, which an admin ended.

    The next expansion fills its dates from today on, and restores rows that ending it cancelled.

    Example: celery -A tasks series reopen 42
    """
    from scheduler.expansion.admin.series import reopen_series
    from scheduler.settings import load_settings
    from tasks.database import engine

    reopen_series(engine(load_settings()), session_id)
    if as_json:
        document: SeriesReopenDocument = {"session_id": session_id, "state": "active"}
        click.echo(json_document(document))
    else:
        console().print(f"Series {session_id} continues with the next expansion.")
