"""`celery -A tasks setup`: installation and upgrade of the worker in the site's database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tasks.commands.worker_command import (
    WORDS,
    ExitCode,
    WorkerCommand,
    json_document,
    printable,
    timed,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tasks.admin.setup import Granted, Installed
    from tasks.commands.documents import SetupDocument


@click.command(cls=WorkerCommand)
@click.option(
    "--with-site-tables",
    is_flag=True,
    help="First create the site's own tables, in an empty database for development.",
)
@click.option(
    "--role",
    type=WORDS,
    metavar="NAME",
    help="Also create this role for the worker, grant it what it needs, and print the SQL.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_context
def setup(context: click.Context, with_site_tables: bool, role: str | None, as_json: bool) -> None:
    """Check the site's tables and bring the schema session_worker up to date.

    Safe to repeat. Where a needed table or column is missing or of another type, it lists them and
    changes nothing. It decides by the rows whose ids tutor_id and student_id hold, and reports it;
    where that is in doubt it asks, and exits 1. It inserts the next row of the newest rule, rolls
    it back, and notes what the site's tables would refuse.

    With --role the worker can run as a role that owns nothing: repeat it after an upgrade, as new
    tables need new rights. Where the user of DATABASE_URL may not grant, the SQL is printed for
    somebody who may, and the exit code is 1.

    Example: celery -A tasks setup --role session_worker
    """
    from scheduler.settings import load_settings
    from tasks.admin.setup import grant_role, install, install_with_site_tables
    from tasks.database import engine

    work = install_with_site_tables if with_site_tables else install
    settings = load_settings()
    with timed("Setting up"):
        installed = work(engine(settings), settings)
    granted = grant_role(engine(settings), role) if role else None
    click.echo(
        json_document(document(installed, granted)) if as_json else words(installed, granted)
    )
    failed = [*errors(installed, granted)]
    for error in failed:
        click.echo(f"Error: {printable(error)}", err=True)
    if failed:
        context.exit(ExitCode.PARTLY)


def errors(installed: Installed, granted: Granted | None) -> Iterator[str]:
    if installed.doubt is not None:
        yield f"{installed.doubt}. Nothing is sent until then."
    if granted is not None and granted.refusal is not None:
        yield (
            f"the role {granted.name} could not be given its rights: {granted.refusal}. Have the"
            " statements above run by an owner of the tables who may create roles."
        )


def document(installed: Installed, granted: Granted | None) -> SetupDocument:
    return {
        "role": granted,
        "site_tables": installed.site_tables,
        "migration": {"from": installed.migrated_from, "to": installed.migrated_to},
        "notes": installed.notes,
    }


def words(installed: Installed, granted: Granted | None) -> str:
    lines = [*site_table_words(installed), migration_words(installed)]
    lines += [f"Note: {note.detail}." for note in installed.notes]
    lines += role_words(granted) if granted is not None else ()
    lines += site_words() if granted is not None else ()
    lines += next_words(installed)
    return "\n".join(printable(line) for line in lines)


def site_words() -> Iterator[str]:
    from models.rights import OF_THE_SITE

    yield (
        "The role of the site's backend, if it has one of its own, needs these for preferences,"
        " absences, answers, the inbox and calendars (docs/preferences.md); `site` is its name:"
    )
    # As comments: whoever pastes all lines runs those that are complete.
    yield from (f"-- {statement}" for statement in OF_THE_SITE)


def next_words(installed: Installed) -> Iterator[str]:
    """The way on; what is in doubt has to be answered first."""
    if installed.doubt is not None:
        return
    if installed.migrated_from is None:
        yield (
            "Next: `celery -A tasks doctor` shows what is left to do; then start"
            " `celery -A tasks worker --queues planning,delivery` and `celery -A tasks beat`."
        )
    elif installed.migrated_from != installed.migrated_to:
        yield "Next: restart the workers, beat and web; then `celery -A tasks doctor`."
    else:
        yield "Next: `celery -A tasks doctor` shows what is left to do."


def role_words(granted: Granted) -> Iterator[str]:
    if not granted.statements:
        yield f"The role {granted.name} has all the rights that a worker needs."
    elif granted.refusal is None:
        yield f"The role {granted.name} was given its rights:"
    yield from (f"{statement};" for statement in granted.statements)
    if any(statement.startswith("CREATE ROLE") for statement in granted.statements):
        yield f"It has no password yet: in psql, \\password {granted.name}"
    for excess in granted.excess:
        yield f"Note: the role {granted.name} {excess}, which no worker needs."


def site_table_words(installed: Installed) -> list[str]:
    if not installed.site_tables:
        return []
    return [f"Created the site's tables: {', '.join(installed.site_tables)}."]


def migration_words(installed: Installed) -> str:
    before, after = installed.migrated_from, installed.migrated_to
    if before is None:
        return f"Created the schema session_worker (migration {after})."
    if before == after:
        return f"The schema session_worker is up to date (migration {after})."
    return f"Brought the schema session_worker from migration {before} to {after}."
