"""`celery -A tasks preview-message SESSION`: a message as it would be sent now."""

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
    from collections.abc import Sequence

    from scheduler.message import Kind
    from scheduler.reminders.read.preview import Wanted
    from scheduler.settings import Role, Settings
    from tasks.admin.preview_message import Look, Shown
    from tasks.commands.documents import MessageDocument, PreviewMessageDocument

# Written out, as their enums would slow down `celery --help`; a test compares them.
KINDS = ("alarm", "reminder", "moved", "cancelled", "restored", "reassigned", "agenda",
         "escalation", "follow_up")  # fmt: skip
ROLES = ("tutor", "student", "parent")
CHANNELS = ("email", "sms", "telegram", "push", "webhook")
LANGUAGES = {"en": "English", "am": "Amharic", "om": "Afaan Oromo", "ti": "Tigrinya"}


@click.command(cls=WorkerCommand)
@click.argument("session_id", metavar="SESSION", type=ROW_ID)
@click.option("--kind", type=click.Choice(KINDS), default="reminder", show_default=True)
@click.option("--role", type=click.Choice(ROLES), help="By default the settings' first recipient.")
@click.option("--lang", type=click.Choice([*LANGUAGES]), help="By default the person's own.")
@click.option("--channel", type=click.Choice(CHANNELS), default="email", show_default=True)
@click.option("--as-of", type=INSTANT, help="Look as if it were this instant.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document, with HTML and files.")
def preview_message(
    session_id: int,
    kind: str,
    role: str | None,
    lang: str | None,
    channel: str,
    as_of: datetime | None,
    as_json: bool,
) -> None:
    """Show a message about a session as it would be sent now. Sends and writes nothing.

    A move is shown as one from the day after, and a replacement as if the other person of the
    session were new.

    Example: celery -A tasks preview-message 42 --lang am --channel sms
    """
    from scheduler.reminders.read.preview import Occasion, Wanted
    from scheduler.settings import ChannelName, load_settings
    from tasks.admin.preview_message import Look, preview_messages
    from tasks.database import engine, engine_now

    settings = load_settings()
    occasion = Occasion(kind)
    wanted = Wanted(session_id, occasion, role_of(role, occasion.kind, settings))
    database = engine(settings)
    look = Look(ChannelName(channel), lang, as_of or engine_now(database))
    found = preview_messages(database, settings, wanted, look)
    click.echo(json_document(document(found, wanted, look))) if as_json else show(found, look)


def role_of(asked: str | None, kind: Kind, settings: Settings) -> Role:
    """The first recipient of such a message in the settings; the agenda is only for tutors."""
    from scheduler.message import Kind
    from scheduler.settings import Role

    if asked is not None:
        return Role(asked)
    named: dict[Kind, Sequence[Role]] = {
        Kind.ALARM: settings.alarm_recipients,
        Kind.AGENDA: (),
        Kind.FOLLOW_UP: (),
        Kind.ESCALATION: (settings.escalate.role,) if settings.escalate else (Role.PARENT,),
    }
    return next(iter(named.get(kind, settings.reminder_recipients)), Role.TUTOR)


def document(found: Sequence[Shown], wanted: Wanted, look: Look) -> PreviewMessageDocument:
    return {
        "session_id": wanted.session_id,
        "as_of": look.now,
        "kind": wanted.occasion,
        "channel": look.channel,
        "messages": [message(one) for one in found],
    }


def message(one: Shown) -> MessageDocument:
    letter = one.letter
    return {
        "person_id": one.person_id,
        "role": one.role,
        "language": one.language,
        "withheld": one.withheld,
        "title": letter.title,
        "text": letter.text,
        "html": letter.html,
        "data": letter.data,
        "sms": one.sms,
        "attachments": [
            {"name": each.name, "mime_type": each.mime_type, "content": each.content.decode()}
            for each in letter.attachments
        ],
    }


def show(found: Sequence[Shown], look: Look) -> None:
    out = console()
    for one in found:
        name = printable(one.name or "nobody by name")
        out.print(f"To {name} ({one.role}), by {look.channel}, in {LANGUAGES[one.language]}.")
        if one.withheld:
            out.print(f"It would not be sent now: {one.withheld.replace('_', ' ')}.")
        if one.sms is not None:
            out.print(f"It takes {one.sms} SMS.")
        else:
            out.print(f"\n{printable(one.letter.title)}", soft_wrap=True)
        out.print()
        for line in one.letter.text.splitlines():
            out.print(printable(line), soft_wrap=True)
        for each in one.letter.attachments:
            out.print(f"\nWith it: {each.name} ({each.mime_type}).")
