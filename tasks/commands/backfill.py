"""`celery -A tasks backfill FROM UNTIL`: fill the dates that an admin names, past ones too."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import click

from tasks.commands.expand import in_words
from tasks.commands.worker_command import (
    DAY,
    ROW_ID,
    ExitCode,
    WorkerCommand,
    console,
    counted,
    json_document,
    printable,
    timed,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Engine

    from scheduler.expansion.admin.backfill import BackfillReport, Progress
    from scheduler.settings import Settings
    from tasks.commands.documents import BackfillDocument


@dataclass(frozen=True, slots=True)
class Wish:
    """The command's options, in one value."""

    first: date | None
    last: date | None
    tutor: int | None
    session: int | None
    expect: str | None
    resume: int | None
    refill_deleted: bool
    dry_run: bool
    inline: bool


@click.command(cls=WorkerCommand)
@click.argument("first", metavar="FROM", type=DAY, required=False)
@click.argument("last", metavar="UNTIL", type=DAY, required=False)
@click.option("--tutor", type=ROW_ID, help="Only this tutor's series (tutor_sessions.tutor_id).")
@click.option("--session", type=ROW_ID, help="Only the series of this session.")
@click.option("--refill-deleted", is_flag=True, help="Also fill dates whose rows were deleted.")
@click.option("--dry-run", is_flag=True, help="Show what would be made, and write nothing.")
@click.option("--expect", metavar="DIGEST", help="Stop unless a dry run would print DIGEST.")
@click.option("--resume", type=ROW_ID, metavar="ID", help="Continue a backfill that stopped.")
@click.option("--inline", is_flag=True, help="Fill in this process, without workers.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_context
def backfill(context: click.Context, /, as_json: bool, **options: object) -> None:
    """Fill the dates FROM … UNTIL, both inclusive, of every rule.

    Dates without a row get one. Existing rows are not changed, and no reminders are sent for past
    dates. Ctrl-C stops it; --resume continues it. Exits 1 where a part failed, and lists it.

    Example: celery -A tasks backfill 2026-09-01 2026-12-31 --dry-run
    """
    from scheduler.settings import load_settings
    from tasks.database import engine
    from tasks.failures.series import lines_about

    wish = checked(Wish(**options))  # type: ignore[arg-type]  # click has converted them
    settings = load_settings()
    database = engine(settings)
    report = fill(wish, database, settings)
    lines = lines_about(report.failed, database)
    click.echo(json_document(document(report))) if as_json else show(report)
    for line in lines:
        click.echo(f"Error: {printable(line)}", err=True)
    context.exit(ExitCode.PARTLY if report.failed else ExitCode.DONE)


def checked(wish: Wish) -> Wish:
    if wish.resume is None and (wish.first is None or wish.last is None):
        raise click.UsageError("Give FROM and UNTIL as dates: 2026-09-01 2026-12-31.")
    named = (wish.first, wish.last, wish.tutor, wish.session, wish.expect)
    alone = any(value is not None for value in named) or wish.dry_run or wish.refill_deleted
    if wish.resume is not None and alone:
        raise click.UsageError("--resume continues the dates of its backfill: give no dates.")
    return wish


def fill(wish: Wish, database: Engine, settings: Settings) -> BackfillReport:
    """Run the backfill from its start, or from where it stopped. Returns its report."""
    from scheduler.expansion.admin.backfill import Deleted, Extent, rehearse
    from tasks.admin import backfill
    from tasks.database import engine_now

    if wish.resume is not None:
        extent = backfill.resume(database, wish.resume)
    elif wish.first is not None and wish.last is not None:
        deleted = Deleted.REFILL if wish.refill_deleted else Deleted.STAY
        extent = Extent(wish.first, wish.last, wish.tutor, wish.session, deleted)
    with timed("Comparing dates"):
        rehearsed = rehearse(database, settings, engine_now(database), extent)
    backfill.check_digest(rehearsed, wish.expect)
    if wish.dry_run:
        return rehearsed
    backfill_id = wish.resume or backfill.begin(database, extent)
    click.echo(
        f"Backfill {backfill_id}. To continue it if it is stopped:"
        f" celery -A tasks backfill --resume {backfill_id}", err=True,
    )  # fmt: skip
    filling = backfill.fill_inline if wish.inline else backfill.fill_with_workers
    with backfill.stopped_on_error(database, backfill_id):
        show_progress(filling(database, settings, backfill_id))
    return backfill.report(database, backfill_id, rehearsed.digest)


def show_progress(steps: Iterable[Progress]) -> None:
    with counted("Chunks") as tell:
        for step in steps:
            tell(step.done + step.failed, step.total)


def document(report: BackfillReport) -> BackfillDocument:
    return {
        "id": report.id,
        "from": report.extent.first,
        "until": report.extent.last,
        "dry_run": report.id is None,
        "digest": report.digest,
        "occurrences": report.occurrences,
        "rows": report.rows,
        "failed": report.failed,
    }


def show(report: BackfillReport) -> None:
    out = console()
    would = "Would write" if report.id is None else "Wrote"
    out.print(f"{would} {report.rows.inserted} rows from {report.extent.first}"
              f" to {report.extent.last}.")  # fmt: skip
    out.print(f"Dates: {in_words(report.occurrences)}.")
    out.print(f"Digest: {report.digest}")
