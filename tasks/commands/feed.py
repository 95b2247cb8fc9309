"""`celery -A tasks feed`: tokens of a person's calendar feed."""

from __future__ import annotations

import click

from tasks.commands.worker_command import WorkerCommand, console, json_document


@click.command(cls=WorkerCommand)
@click.argument("person", type=click.IntRange(min=1))
@click.option("--make", is_flag=True, help="Make a token, and show it this once.")
@click.option("--revoke", type=click.IntRange(min=1), help="End the token with this number.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def feed(person: int, make: bool, revoke: int | None, as_json: bool) -> None:
    """List, make or revoke tokens of PERSON's calendar feed.

    PERSON is an id of the table users. `celery -A tasks web` serves the person's sessions (a
    parent's: the children's) to whoever has a token, at /calendar/TOKEN.ics, for calendar programs
    to subscribe to. A token is stored as a hash, so that it is shown once; one that was lost is
    revoked, and another made. The list shows when each was used last.

    Example: celery -A tasks feed 42 --make
    """
    from scheduler.ledger.feed_tokens import make_token, revoke_token, tokens_of
    from scheduler.settings import load_settings
    from tasks.database import engine

    with engine(load_settings()).begin() as conn:
        if revoke is not None:
            revoke_token(conn, person, revoke)
        token = make_token(conn, person) if make else None
        tokens = tokens_of(conn, person)
    if as_json:
        click.echo(json_document({"person_id": person, "token": token, "tokens": tokens}))
        return
    for each in tokens:
        state = f"revoked {each.revoked_at:%Y-%m-%d}" if each.revoked_at else "open"
        used = f"used {each.used_at:%Y-%m-%d %H:%M} UTC" if each.used_at else "never used"
        console().print(f"{each.id}: made {each.made_at:%Y-%m-%d}, {used}, {state}")
    if token is not None:
        click.echo(f"/calendar/{token}.ics")
    elif not tokens:
        console().print(f"Person {person} has no feed: --make makes one.")
