"""`celery -A tasks export`: export of the ledger's data about one person."""

from __future__ import annotations

import json

import click

from tasks.commands.worker_command import PERSON, WorkerCommand, json_document, timed


@click.command(cls=WorkerCommand)
@click.argument("person", type=PERSON)
@click.option("--json", "as_json", is_flag=True, help="One JSON document, on one line.")
def export(person: str, as_json: bool) -> None:
    """Write what the worker keeps about PERSON: preferences, absences, messages, tries and moves.

    PERSON is an id of the table users, or student:ID, tutor:ID, parent:ID (a profile's id) for
    somebody without an account. The rows are written as they are stored. Data in the site's own
    tables is not included.

    Example: celery -A tasks export 42 > person-42.json
    """
    from scheduler.ledger.personal_data import export as export_person
    from scheduler.settings import load_settings
    from tasks.database import engine

    with timed("Reading"), engine(load_settings()).connect() as conn:
        document = json_document(export_person(conn, person))
    click.echo(document if as_json else json.dumps(json.loads(document), indent=2))
