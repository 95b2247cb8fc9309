"""`celery -A tasks preview SESSION`: the dates of a rule, with reasons."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import click

from tasks.commands.worker_command import (
    INSTANT,
    ROW_ID,
    WorkerCommand,
    console,
    json_document,
    printable,
)

if TYPE_CHECKING:
    from scheduler.expansion.admin.preview import Preview


@click.command(cls=WorkerCommand)
@click.argument("session_id", metavar="SESSION", type=ROW_ID)
@click.option("--as-of", type=INSTANT, help="Look as if it were this instant.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def preview(session_id: int, as_of: datetime | None, as_json: bool) -> None:
    """Show the coming dates of a session's rule, and why each is as it is. Writes nothing.

    SESSION is the id of a session that carries the rule, or was made by it.

    Example: celery -A tasks preview 42
    """
    from scheduler.expansion.admin.preview import preview as preview_of
    from scheduler.settings import load_settings
    from tasks.database import engine, engine_now

    settings = load_settings()
    database = engine(settings)
    found = preview_of(database, settings, as_of or engine_now(database), session_id)
    click.echo(json_document(found)) if as_json else show(found)


def show(found: Preview) -> None:
    from rich.table import Table

    out = console()
    out.print(f"Session {found.session_id}: {printable(found.rule)}.")
    table = Table("Date", "Day", "State", "Why", box=None, header_style="bold")
    for one in found.dates:
        table.add_row(one.date.isoformat(), f"{one.date:%a}", one.state, printable(one.why))
    out.print(table if found.dates else "No dates in the coming weeks.")
