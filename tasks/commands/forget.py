"""`celery -A tasks forget`: removal of one person's words and addresses from the ledger."""

from __future__ import annotations

import click

from tasks.commands.worker_command import (
    PERSON,
    ExitCode,
    WorkerCommand,
    console,
    json_document,
    timed,
)


@click.command(cls=WorkerCommand)
@click.argument("person", type=PERSON)
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_context
def forget(context: click.Context, person: str, as_json: bool) -> None:
    """Remove the words and addresses that the worker keeps about PERSON.

    PERSON is an id of the table users, or student:ID, tutor:ID, parent:ID (a profile's id) for
    somebody without an account. That a message was sent, and when, stays; what it said, what the
    provider answered, the name in messages to others, the copies in the site's inbox, the addresses
    in the person's preferences and the reasons of their absences go. A person who is muted stays
    muted. Messages about sessions that are still to come keep their words, as a cancellation must
    name what was told: then the exit code is 1. The site's own tables are the site's: delete the
    person there first, or new messages name them again.

    Example: celery -A tasks forget 42
    """
    from scheduler.database_clock import database_now
    from scheduler.ledger.personal_data import forget as forget_person
    from scheduler.settings import load_settings
    from scheduler.words import many
    from tasks.database import engine

    settings = load_settings()
    with timed("Removing"), engine(settings).begin() as conn:
        forgotten = forget_person(conn, person, database_now(conn), settings.site_timezone)
    if as_json:
        click.echo(json_document(forgotten))
    else:
        console().print(
            f"Removed the words of {many(forgotten.deliveries, 'message')} to {person}, the name"
            f" from {forgotten.names} to others, the addresses of"
            f" {many(forgotten.addresses, 'preference')}, and the reasons of"
            f" {many(forgotten.absences, 'absence')}."
        )
    if forgotten.kept:
        click.echo(
            f"Error: {many(forgotten.kept, 'message')} about sessions to come kept: cancel those"
            f" sessions, or run `celery -A tasks forget {person}` again after them.",
            err=True,
        )
        context.exit(ExitCode.PARTLY)
