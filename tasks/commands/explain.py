"""`celery -A tasks explain SESSION`: the story of its messages, and reasons for missing ones."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import click

from tasks.commands.worker_command import (
    ROW_ID,
    WorkerCommand,
    console,
    json_document,
    printable,
)

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from rich.table import Table

    from scheduler.ledger.story import Explanation, PersonStory


@click.command(cls=WorkerCommand)
@click.argument("session_id", metavar="SESSION", type=ROW_ID)
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def explain(session_id: int, as_json: bool) -> None:
    """Show each message of a session's people: planned, tried, sent, or why not.

    Writes nothing. A deleted session is shown as long as the ledger has its messages.

    Example: celery -A tasks explain 42
    """
    from scheduler.settings import load_settings
    from tasks.admin.explain import explain_session
    from tasks.database import engine, engine_now

    settings = load_settings()
    now = engine_now(engine(settings))
    found = explain_session(settings, now, session_id)
    click.echo(json_document(found)) if as_json else show(found, now, settings.zone)


def show(found: Explanation, now: datetime, zone: ZoneInfo) -> None:
    out = console()
    if not found.people:
        out.print(f"Session {found.session_id} has no people: its tutor and student do not exist.")
    for person in found.people:
        who = "without a user" if person.person_id is None else f"person {person.person_id}"
        out.print(f"{person.role.capitalize()}, {who}", style="bold")
        out.print(table_of(person, now, zone))


def table_of(person: PersonStory, now: datetime, zone: ZoneInfo) -> Table:
    from rich.table import Table

    from scheduler.words import relative

    table = Table("At", "", "What", "Detail", box=None, header_style="bold")
    for event in person.story:
        at = f"{event.at.astimezone(zone):%a %Y-%m-%d %H:%M:%S}"
        what = event.what.replace("_", " ")
        table.add_row(at, relative(event.at, now), what, printable(event.detail))
    return table
