"""`celery -A tasks deliveries`: the ledger of messages, and an admin's decisions about them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from scheduler.reminders.moves.state import State
from tasks.commands.worker_command import (
    INSTANT,
    ROW_ID,
    WORDS,
    WorkerCommand,
    WorkerGroup,
    console,
    json_document,
    printable,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from scheduler.ledger.listing import DeliveryLine, Wanted
    from scheduler.reminders.channel_pauses import Pause
    from scheduler.settings import Settings
    from tasks.commands.documents import (
        DeliveriesDocument,
        MovedDocument,
        PauseDocument,
        ResumeDocument,
    )

# Limit of the table; the JSON document has all.
TABLE_LIMIT = 100

Result = TypeVar("Result")


class Channel(click.ParamType):  # type: ignore[type-arg]  # generic only in newer releases
    """A channel's name, as in the settings CHANNEL_EMAIL, CHANNEL_SMS …"""

    name = "channel"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from scheduler.settings import ChannelName  # slow to import

        names = [channel.value for channel in ChannelName]
        if (given := str(value).strip().lower()) not in names:
            self.fail(f"{value!r} is no channel: write {', '.join(names)}", param, ctx)
        return given


CHANNEL = Channel()
STATE = click.Choice([state.value for state in State], case_sensitive=False)
DELIVERY_IDS = click.argument("ids", metavar="ID…", type=ROW_ID, nargs=-1, required=True)
BATCH = click.option("--batch", type=ROW_ID, required=True, help="The batch that holds them.")
JSON = click.option("--json", "as_json", is_flag=True, help="One JSON document.")


@click.group(cls=WorkerGroup, invoke_without_command=True)
@click.option("--session", "session_id", type=ROW_ID, help="Only of this session.")
@click.option("--person", "person_id", type=ROW_ID, help="Only to this person (users.id).")
@click.option(
    "--state", "states", type=STATE, multiple=True, help="Only in this state; may be repeated."
)
@click.option("--since", type=INSTANT, help="Only messages due then or later.")
@click.option(
    "--limit",
    type=click.IntRange(1, 10_000_000),
    help=f"Number of the newest to show; by default {TABLE_LIMIT} in a table, all in JSON.",
)
@JSON
@click.pass_context
def deliveries(context: click.Context, /, as_json: bool, **asked: Any) -> None:
    """List the messages of the ledger, in the order in which they are due.

    Example: celery -A tasks deliveries --session 42
    """
    if context.invoked_subcommand is not None:
        return
    from scheduler.ledger.listing import Wanted, list_deliveries

    limit = asked.pop("limit") or (None if as_json else TABLE_LIMIT)
    states = tuple(State(state) for state in asked.pop("states"))
    wanted = Wanted(**asked, states=states, limit=limit)
    found, settings = in_ledger(lambda conn, _: list_deliveries(conn, wanted))
    document: DeliveriesDocument = {"deliveries": found}
    click.echo(json_document(document)) if as_json else show(found, wanted, settings)


def in_ledger(work: Callable[[Connection, datetime], Result]) -> tuple[Result, Settings]:
    """Run `work` in one transaction with the database's present instant."""
    from scheduler.database_clock import database_now
    from scheduler.settings import load_settings
    from tasks.database import engine

    settings = load_settings()
    with engine(settings).begin() as conn:
        return work(conn, database_now(conn)), settings


def show(found: Sequence[DeliveryLine], wanted: Wanted, settings: Settings) -> None:
    from rich.table import Table

    from scheduler.words import label, local, reason

    if not found:
        console().print("No deliveries.")
        return
    table = Table(
        "ID", "Session", "Starts", "Message", "Role", "Person", "State", "Reason", "Channel",
        "Batch", "Due", "Sent", "Tries", box=None, header_style="bold",
    )  # fmt: skip
    for one in found:
        table.add_row(
            str(one.id), str(one.session_id), local(one.starts_at, settings.zone),
            label(one.kind, one.lead_minutes), one.role, blank(one.person_id), with_receipt(one),
            printable(reason(one.reason)), one.channel or "", blank(one.batch),
            local(one.due_at, settings.zone),
            local(one.sent_at, settings.zone) if one.sent_at else "", str(one.attempts),
        )  # fmt: skip
    console().print(table)
    if len(found) == wanted.limit:
        console().print(f"The newest {len(found)}: --limit shows more, --since and --state less.")


def with_receipt(one: DeliveryLine) -> str:
    return one.state if one.receipt is None else f"{one.state}, {one.receipt}"


def blank(number: int | None) -> str:
    return "" if number is None else str(number)


@deliveries.command(cls=WorkerCommand)
@click.option("--channel", type=CHANNEL, help="Only this channel; without it: every one.")
@click.option("--reason", type=WORDS, help="The reason, shown by doctor and explain.")
@JSON
def pause(channel: str | None, reason: str | None, as_json: bool) -> None:
    """Stop all messages, or those of one channel, within two seconds and until `resume`.

    Messages that fall due in the meantime wait in the ledger, also after restarts. Where one
    channel is paused, a message whose session begins within the hour goes by the person's next one.

    Example: celery -A tasks deliveries pause --channel sms --reason "provider down"
    """
    from scheduler.reminders.channel_pauses import EVERY_CHANNEL, pauses
    from scheduler.reminders.channel_pauses import pause as pause_channel

    def work(conn: Connection, now: datetime) -> Sequence[Pause]:
        pause_channel(conn, channel or EVERY_CHANNEL, reason, now)
        return pauses(conn)

    standing, _ = in_ledger(work)
    if as_json:
        document: PauseDocument = {"paused": standing}
        click.echo(json_document(document))
    else:
        console().print(f"{named(channel)} paused. `celery -A tasks deliveries resume` ends it.")


@deliveries.command(cls=WorkerCommand)
@click.option("--channel", type=CHANNEL, help="Only this channel; without it: all paused ones.")
@JSON
def resume(channel: str | None, as_json: bool) -> None:
    """End a pause: messages that are still true are sent, soonest start first.

    Example: celery -A tasks deliveries resume
    """
    from scheduler.reminders.channel_pauses import EVERY_CHANNEL, pauses, resume_all
    from scheduler.reminders.channel_pauses import resume as resume_channel

    def work(conn: Connection, now: datetime) -> tuple[Sequence[Pause], Sequence[Pause]]:
        lifted = resume_channel(conn, channel, now) if channel else resume_all(conn, now)
        return lifted, pauses(conn)

    (lifted, standing), _ = in_ledger(work)
    if as_json:
        document: ResumeDocument = {"resumed": lifted, "paused": standing}
        click.echo(json_document(document))
    elif lifted:
        for each in lifted:
            name = named(None if each.channel == EVERY_CHANNEL else each.channel)
            console().print(f"{name} no longer paused.")
    else:
        console().print("Nothing was paused.")


def named(channel: str | None) -> str:
    return f"The channel {channel} is" if channel else "Every channel is"


@deliveries.command(cls=WorkerCommand)
@click.argument("ids", metavar="[ID…]", type=ROW_ID, nargs=-1)
@click.option("--failed", is_flag=True, help="All that failed for good; with --since.")
@click.option("--since", type=INSTANT, help="With --failed: only those due then or later.")
@JSON
def retry(ids: tuple[int, ...], failed: bool, since: datetime | None, as_json: bool) -> None:
    """Send messages again that failed, were never answered, or were unreachable.

    Rows of one message are sent together. If one of the ids cannot be retried, none is. After an
    outage, --failed --since retries all that failed since then and whose session has not begun.

    Example: celery -A tasks deliveries retry --failed --since 2026-12-01T08:00
    """
    from scheduler.reminders.moves.admin import retry as retry_deliveries
    from scheduler.reminders.moves.admin import retry_failed

    if bool(ids) == failed or failed != (since is not None):
        raise click.UsageError("Give the ids of deliveries, or --failed with --since INSTANT.")
    moved, _ = in_ledger(
        lambda conn, now: retry_failed(conn, since, now) if since else
        retry_deliveries(conn, ids, now)
    )  # fmt: skip
    if failed and not moved and not as_json:
        console().print("No message due since then has failed for good and can still be sent.")
        return
    say(moved, "sent again as soon as a worker is free", as_json)


@deliveries.command(cls=WorkerCommand)
@DELIVERY_IDS
@click.option("--sent", is_flag=True, help="It was sent.")
@click.option("--not-sent", is_flag=True, help="It was not; `retry` sends it again.")
@JSON
def settle(ids: tuple[int, ...], sent: bool, not_sent: bool, as_json: bool) -> None:
    """Record if messages that were never answered were sent, as the provider's page shows.

    Rows of one message are settled together. If one of the ids cannot be settled, none is.

    Example: celery -A tasks deliveries settle 17 --sent
    """
    from scheduler.reminders.moves.admin import settle_not_sent, settle_sent

    if sent == not_sent:
        raise click.UsageError("Give either --sent or --not-sent.")
    act = settle_sent if sent else settle_not_sent
    moved, _ = in_ledger(lambda conn, now: act(conn, ids, now))
    say(moved, "settled as sent" if sent else "settled as not sent", as_json)


@deliveries.command(cls=WorkerCommand)
@BATCH
@JSON
def release(batch: int, as_json: bool) -> None:
    """Send the messages of a held batch that are still true and whose session has not begun.

    `celery -A tasks doctor` lists the held batches.

    Example: celery -A tasks deliveries release --batch 3
    """
    from scheduler.reminders.moves.admin import release_batch

    moved, _ = in_ledger(lambda conn, now: release_batch(conn, batch, now))
    say(moved, "planned again; those whose session has begun expire", as_json)


@deliveries.command(cls=WorkerCommand)
@BATCH
@JSON
def drop(batch: int, as_json: bool) -> None:
    """Drop the messages of a held batch: they are never sent.

    Example: celery -A tasks deliveries drop --batch 3
    """
    from scheduler.reminders.moves.admin import drop_batch

    moved, _ = in_ledger(lambda conn, now: drop_batch(conn, batch, now))
    say(moved, "dropped", as_json)


@deliveries.command(cls=WorkerCommand)
@click.argument("given", metavar="ADDRESS|PERSON", type=WORDS)
@JSON
def revive(given: str, as_json: bool) -> None:
    """Use an address again that refused for good, bounced, or opted out.

    ADDRESS is an e-mail address, a phone number that begins with 0 or +, telegram:CHAT or
    push:TOKEN. PERSON is an id of the table users, or student:ID, tutor:ID, parent:ID; all
    addresses that died by messages to them are meant. One that the site changes needs no revival.

    Example: celery -A tasks deliveries revive 0911223344
    """
    from scheduler.settings import load_settings
    from scheduler.words import many
    from tasks.admin.revival import revive_given

    settings = load_settings()
    revived, _ = in_ledger(lambda conn, now: revive_given(conn, settings, given, now))
    if as_json:
        click.echo(json_document(revived))
        return
    if not revived.addresses:
        console().print("No such address was dead.")
        return
    again = "addresses" if revived.addresses > 1 else "address"
    console().print(f"{revived.addresses} {again} can be used again.")
    if revived.unreachable:
        ids = " ".join(map(str, revived.unreachable))
        console().print(
            f"{many(len(revived.unreachable), 'message')} about sessions to come had no way:"
            f" celery -A tasks deliveries retry {ids}"
        )


# EX_TEMPFAIL of sysexits.h: a mail system hands the mail over again later. With any other code it
# loses the bounce, or freezes it.
TRY_AGAIN = 75


@deliveries.command(cls=WorkerCommand)
@click.pass_context
def bounce(context: click.Context) -> None:
    """Read a mail on standard input, as a mail system's pipe hands it over: did one of ours come
    back?

    A bounce of a message that the worker sent makes it undelivered: before the start it goes by the
    person's next channel, and an address that is gone is not used again. Everything else changes
    nothing. The exit code is 0 for whatever was read, and 75 where the database or the broker is
    away, so that the mail system tries again. docs/bounces.md has the pipe's set-up.

    Example: celery -A tasks deliveries bounce < bounce.eml
    """
    from tasks.channels.mail.bounce import LONGEST

    given = sys.stdin.buffer
    raw = given.read(LONGEST)
    while given.read(1 << 20):  # a pipe that is left unread fails in some mail systems
        pass
    try:
        from scheduler.settings import load_settings
        from tasks.admin.bounces import take_bounce

        words = take_bounce(load_settings(), raw)
    except Exception as error:  # noqa: BLE001 (whatever is wrong here, the mail must come again)
        click.echo(f"Error: {line_of(error)}", err=True)
        context.exit(TRY_AGAIN)
    click.echo(words)


def line_of(error: Exception) -> str:
    """The error in one line, as the other commands would show it."""
    from tasks.failures.known import failure_of  # slow to import

    failure = failure_of(error)
    lines = (str(error),) if failure is None else failure.lines
    return printable(" ".join(" ".join(lines).split())) or type(error).__name__


def say(moved: Collection[int], words: str, as_json: bool) -> None:
    """Print the deliveries that moved, and their new state."""
    if as_json:
        document: MovedDocument = {"deliveries": sorted(moved)}
        click.echo(json_document(document))
        return
    if not moved:
        console().print("No message of the batch was still held.")
        return
    many = f"{len(moved)} deliveries are" if len(moved) > 1 else "One delivery is"
    console().print(f"{many} {words}: {', '.join(str(id_) for id_ in sorted(moved))}.")
