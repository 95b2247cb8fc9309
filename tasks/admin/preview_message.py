"""Preview of a message as it would be sent now; nothing is sent or written."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from uuid import uuid4

from sqlalchemy import Engine

from models.catalog import read_catalog
from scheduler.message import Kind, Message
from scheduler.reminders.read.claimed import Facts
from scheduler.reminders.read.preview import Wanted, preview_facts
from scheduler.settings import ChannelName, Role, Settings
from tasks.delivery.message import link_of
from tasks.messages.letter import Letter
from tasks.messages.render import Words, render, words_of
from tasks.messages.segments import segments

# Stands for the key of somebody who never got a link; of the same length.
SAMPLE_KEY = "0" * 12


@dataclass(frozen=True, slots=True)
class Look:
    """Options of the preview. Without a language it is the person's own."""

    channel: ChannelName
    language: str | None
    now: datetime


@dataclass(frozen=True, slots=True)
class Shown:
    """One person's message. `withheld`: reason why it would not be sent now, or None; `sms`: the
    number of SMS that it takes."""

    person_id: int | None
    role: Role
    name: str | None
    language: str
    withheld: str | None
    letter: Letter
    sms: int | None


def preview_messages(
    engine: Engine, settings: Settings, wanted: Wanted, look: Look
) -> tuple[Shown, ...]:
    """Previews, one for each person in the role, as a student may have two parents.

    Raises NothingToShow, and InvalidSetting where a template cannot be used.
    """
    words = words_of(settings)
    with engine.connect() as conn:
        facts = preview_facts(conn, read_catalog(conn), settings, wanted, look.now)
    rows = sorted(facts, key=lambda each: (each.recipient_key, each.starts_at, each.session_id))
    by_person = groupby(rows, key=lambda each: each.recipient_key)
    return tuple(
        shown(list(theirs), wanted, look, words, settings.mute_url) for _, theirs in by_person
    )


def shown(rows: Sequence[Facts], wanted: Wanted, look: Look, words: Words, mute_url: str) -> Shown:
    chosen = next(row for row in rows if row.session_id == wanted.session_id)
    named = [row for row in rows if row is chosen or row.untrue is None]
    link = link_of(mute_url, chosen.mute_key or SAMPLE_KEY)
    message = replace(message_of(chosen, named, look), mute_url=link)
    letter = render(message, look.channel, words)
    return Shown(
        person_id=chosen.recipient.person_id,
        role=chosen.recipient.role,
        name=chosen.recipient.name,
        language=words.tongue(message.recipient.preferences.language, message.kind).code,
        withheld=withheld(chosen, look.now),
        letter=letter,
        sms=segments(letter.text) if look.channel is ChannelName.SMS else None,
    )


def withheld(facts: Facts, now: datetime) -> str | None:
    """Reason why it would not be sent now, or None. A notice's change is taken as true."""
    untrue = None if facts.kind is Kind.NOTICE else facts.untrue
    return "begun" if facts.too_late_at <= now else untrue or facts.barred


def message_of(chosen: Facts, named: Sequence[Facts], look: Look) -> Message:
    recipient = chosen.recipient
    language = look.language or recipient.preferences.language
    return Message(
        kind=chosen.kind,
        recipient=replace(recipient, preferences=replace(recipient.preferences, language=language)),
        lessons=tuple(row.lesson for row in named),
        lead=timedelta(minutes=chosen.lead_minutes),
        key=uuid4(),
        at=look.now,
        now=look.now,
    )
