"""`celery -A tasks absence`: enter, list and withdraw absences by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tasks.commands.inputs import CLOCK
from tasks.commands.worker_command import (
    DAY,
    ROW_ID,
    WORDS,
    ExitCode,
    WorkerCommand,
    WorkerGroup,
    console,
    json_document,
    printable,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, time

    from sqlalchemy import Engine

    from scheduler.expansion.admin.absences import AbsenceLine, Effect
    from tasks.commands.documents import AbsencesDocument

SHOWN = 50  # sessions that a table names; `--json` names all


@click.group(cls=WorkerGroup)
def absence() -> None:
    """Enter, list and withdraw absences of a tutor, a student or everybody.

    Example: celery -A tasks absence list
    """


@absence.command(cls=WorkerCommand)
@click.argument("first", type=DAY)
@click.argument("last", type=DAY, required=False)
@click.option("--tutor", type=ROW_ID, help="The tutor's id, as tutor_sessions.tutor_id holds it.")
@click.option("--student", type=ROW_ID, help="The student's id, as tutor_sessions.student_id.")
@click.option("--everybody", is_flag=True, help="A holiday of the school's own.")
@click.option("--from", "from_time", type=CLOCK, help="Each day from this time on: 12:00.")
@click.option("--until", "until_time", type=CLOCK, help="Each day until this time: 12:00, 24:00.")
@click.option("--reason", type=WORDS, default="", help="Shown to admins.")
@click.option("--dry-run", is_flag=True, help="List what it would touch, and write nothing.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_context
def add(
    context: click.Context,
    first: date,
    last: date | None,
    tutor: int | None,
    student: int | None,
    everybody: bool,
    from_time: time | None,
    until_time: time | None,
    reason: str,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Enter an absence from FIRST to LAST, both inclusive, or on FIRST alone.

    Cancels the coming sessions that rules made and nobody placed; lists those that stay.

    Example: celery -A tasks absence add 2026-12-14 2026-12-18 --tutor 12 --reason conference
    """
    from scheduler.expansion.admin.absences import NewAbsence, add_absence, rehearse_absence
    from scheduler.settings import load_settings
    from tasks.database import engine, engine_now

    if [tutor is not None, student is not None, everybody].count(True) != 1:
        raise click.UsageError("say who is absent: one of --tutor, --student and --everybody.")
    if last is not None and last < first:
        raise click.UsageError(f"the last day, {last}, is before the first, {first}.")
    new = NewAbsence(tutor, student, first, last or first, from_time, until_time, reason)
    if new.is_empty:
        raise click.UsageError("--until is not later than --from.")
    settings = load_settings()
    database = engine(settings)
    act = rehearse_absence if dry_run else add_absence
    effect = act(database, settings, engine_now(database), new)
    opening = "Would enter the absence" if dry_run else f"Absence {effect.id} is entered"
    report(context, database, effect, opening, as_json=as_json)


@absence.command(cls=WorkerCommand)
@click.argument("number", metavar="ABSENCE", type=ROW_ID)
@click.option("--dry-run", is_flag=True, help="List what it would touch, and write nothing.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_context
def withdraw(context: click.Context, number: int, dry_run: bool, as_json: bool) -> None:
    """Withdraw ABSENCE: the sessions that it cancelled are scheduled again.

    Example: celery -A tasks absence withdraw 7
    """
    from scheduler.expansion.admin.absences import rehearse_withdrawal, withdraw_absence
    from scheduler.settings import load_settings
    from tasks.database import engine, engine_now

    settings = load_settings()
    database = engine(settings)
    act = rehearse_withdrawal if dry_run else withdraw_absence
    effect = act(database, settings, engine_now(database), number)
    opening = f"Would withdraw absence {number}" if dry_run else f"Absence {number} is withdrawn"
    report(context, database, effect, opening, as_json=as_json)


def report(
    context: click.Context, database: Engine, effect: Effect, opening: str, *, as_json: bool
) -> None:
    from tasks.failures.series import lines_about

    click.echo(json_document(effect)) if as_json else show_effect(effect, opening)
    for line in lines_about(effect.failed, database):
        click.echo(f"Error: {printable(line)}", err=True)
    context.exit(ExitCode.PARTLY if effect.failed else ExitCode.DONE)


def show_effect(effect: Effect, opening: str) -> None:
    from rich.table import Table

    from scheduler.words import many

    rows, out = effect.rows, console()
    stay = sum(one.action == "stay" for one in effect.sessions)
    done = [
        f"{many(count, 'session')} {what}"
        for count, what in (
            (rows.cancelled, "cancelled"), (rows.updated, "scheduled again"),
            (rows.inserted, "made"), (stay, "left to people"),
        )
        if count
    ]  # fmt: skip
    out.print(f"{opening}: {', '.join(done) or 'no coming session is touched'}.")
    if not effect.sessions:
        return
    table = Table(
        "Date", "Start", "Session", "Tutor", "Student", "What", "Why", box=None,
        header_style="bold",
    )  # fmt: skip
    for one in effect.sessions[:SHOWN]:
        table.add_row(
            one.date.isoformat(), f"{one.start_time:%H:%M}", str(one.session_id or "new"),
            str(one.tutor_id), str(one.student_id), ACTIONS[one.action], one.why or "",
        )  # fmt: skip
    out.print(table)
    if len(effect.sessions) > SHOWN:
        out.print(f"and {len(effect.sessions) - SHOWN} more: --json lists them all.")


ACTIONS = {
    "cancel": "cancelled",
    "restore": "scheduled again",
    "insert": "made",
    "stay": "stays",
}


@absence.command("list", cls=WorkerCommand)
@click.option("--all", "all_of_them", is_flag=True, help="Past and withdrawn ones too.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def list_(all_of_them: bool, as_json: bool) -> None:
    """List the absences that stand and are not past, with the sessions that stay in spite of them.

    Example: celery -A tasks absence list --all
    """
    from scheduler.expansion.admin.absences import list_absences
    from scheduler.settings import load_settings
    from tasks.database import engine, engine_now

    settings = load_settings()
    database = engine(settings)
    now = engine_now(database)
    since = None if all_of_them else now.astimezone(settings.zone).date()
    found = list_absences(database, settings, now, since)
    document: AbsencesDocument = {"absences": found}
    click.echo(json_document(document)) if as_json else show(found)


def show(found: Sequence[AbsenceLine]) -> None:
    from rich.table import Table

    if not found:
        console().print("No absences: `celery -A tasks absence add` enters one.")
        return
    table = Table(
        "Absence", "Who", "Days", "Hours", "Reason", "Left out", "Stay", box=None,
        header_style="bold",
    )  # fmt: skip
    for one in found:
        table.add_row(
            str(one.id), who(one), days(one), hours(one), printable(one.reason),
            str(one.left_out), ", ".join(map(str, one.staying)),
        )  # fmt: skip
    console().print(table)


def who(one: AbsenceLine) -> str:
    if one.tutor_id is not None:
        return f"tutor {one.tutor_id}"
    return "everybody" if one.student_id is None else f"student {one.student_id}"


def days(one: AbsenceLine) -> str:
    last = "" if one.last_day == one.first_day else f" to {one.last_day}"
    return f"{one.first_day}{last}{', withdrawn' if one.withdrawn_at else ''}"


def hours(one: AbsenceLine) -> str:
    parts = [f"from {one.from_time:%H:%M}"] if one.from_time else []
    parts += [f"until {one.until_time:%H:%M}"] if one.until_time else []
    return " ".join(parts)
