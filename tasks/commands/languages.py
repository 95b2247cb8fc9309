"""`celery -A tasks languages`: the languages of messages, and the templates missing in each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tasks.commands.worker_command import ExitCode, WorkerCommand, console, json_document

if TYPE_CHECKING:
    from tasks.commands.documents import LanguagesDocument


@click.command(cls=WorkerCommand)
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_context
def languages(context: click.Context, as_json: bool) -> None:
    """List the languages of messages, and the templates of English that are missing in each.

    Where a template of a message is missing, the whole message is in LANGUAGE or in English, never
    mixed. Exits 1 where one is missing.

    Example: celery -A tasks languages
    """
    from rich.table import Table

    from tasks.admin.languages import spoken

    found = spoken()
    if as_json:
        document: LanguagesDocument = {"languages": found}
        click.echo(json_document(document))
    else:
        table = Table("", "Language", "Missing", "Also written", box=None, header_style="bold")
        for one in found:
            missing = ", ".join(one.missing) or "nothing"
            table.add_row(one.code, one.name, missing, ", ".join(one.spellings))
        console().print(table)
    context.exit(ExitCode.PARTLY if any(one.missing for one in found) else ExitCode.DONE)
