"""`celery -A tasks setup`: make the worker at home in the site's database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tasks.commands.worker_command import ExitCode, WorkerCommand, json_document, printable

if TYPE_CHECKING:
    from tasks.admin.setup import Installed


@click.command(cls=WorkerCommand)
@click.option(
    "--with-site-tables",
    is_flag=True,
    help="First create the site's own tables, in an empty database for development.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_context
def setup(context: click.Context, with_site_tables: bool, as_json: bool) -> None:
    """Check the site's tables and bring the schema session_worker up to date.

    Safe to repeat. Where a table or a column that the worker needs is missing or of another kind,
    it says which and changes nothing. It judges by the rows whose ids tutor_id and student_id hold,
    and says so; where they can be read in two ways it asks, and exits 1. It tries the next row of
    the newest rule, rolls it back, and notes what the site's tables would refuse.

    Example: celery -A tasks setup
    """
    from scheduler.settings import load_settings
    from tasks.admin.setup import install, install_with_site_tables
    from tasks.database import engine

    work = install_with_site_tables if with_site_tables else install
    settings = load_settings()
    installed = work(engine(settings), settings)
    click.echo(document(installed) if as_json else words(installed))
    if installed.doubt is not None:
        click.echo(f"Error: {printable(installed.doubt)}. Nothing is sent until then.", err=True)
        context.exit(ExitCode.PARTLY)


def document(installed: Installed) -> str:
    return json_document(
        {
            "site_tables": installed.site_tables,
            "migration": {"from": installed.migrated_from, "to": installed.migrated_to},
            "notes": installed.notes,
        }
    )


def words(installed: Installed) -> str:
    lines = [*site_table_words(installed), migration_words(installed)]
    lines += [f"Note: {note.detail}." for note in installed.notes]
    return "\n".join(printable(line) for line in lines)


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
