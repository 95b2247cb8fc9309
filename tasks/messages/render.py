"""Rendering of messages: choice of template and language, and cutting to the channel's size.

`words_of` loads the templates once; `render` is then called for each attempt of each message.
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType

from scheduler.languages import LANGUAGES, language_of
from scheduler.message import Kind, Message
from scheduler.settings import ChannelName, InvalidSetting, Settings
from tasks.messages.amharic import Amharic
from tasks.messages.calendar import Calendar, invitations
from tasks.messages.chat_buttons import Button, buttons_of
from tasks.messages.clean_message import clean_message, named
from tasks.messages.clean_text import TITLE_LENGTH, one_line, title_line
from tasks.messages.english import English
from tasks.messages.letter import Letter
from tasks.messages.moment import Tongue
from tasks.messages.oromo import Oromo
from tasks.messages.page import Page, page_of
from tasks.messages.rehearsal import MARKUP, rehearsals
from tasks.messages.segments import excess, plain, segments
from tasks.messages.shorten import fitted, shortest
from tasks.messages.template_set import (
    REFERENCE,
    TemplateSet,
    complaint,
    files,
    template_set_of,
    whole_kinds,
)
from tasks.messages.tigrinya import Tigrinya
from tasks.messages.webhook_data import facts_of

TONGUES: Mapping[str, Tongue] = MappingProxyType(
    {tongue.code: tongue for tongue in (English(), Amharic(), Oromo(), Tigrinya())}
)
PARTS = {
    ChannelName.EMAIL: "email.txt",
    ChannelName.SMS: "sms.txt",
    ChannelName.TELEGRAM: "short.txt",
    ChannelName.PUSH: "short.txt",
    ChannelName.WEBHOOK: "webhook.txt",
}
# The line with the link to stop all messages, of each language.
MUTE = {
    ChannelName.EMAIL: "mute/email.txt",
    ChannelName.SMS: "mute/sms.txt",
    ChannelName.TELEGRAM: "mute/short.txt",
    ChannelName.PUSH: "mute/short.txt",
}
HEADED = {"email.txt", "email.html", "webhook.txt"}
BLANK_LINES = re.compile(r"\n{3,}")

Write = Callable[[str, Page], str]


@dataclass(frozen=True, slots=True)
class Words:
    """All templates, compiled, and the settings of calendar files. One per process is enough."""

    template_set: TemplateSet
    calendar: Calendar
    language: str  # for people without a language of their own
    whole: Collection[tuple[str, str]]  # languages and the kinds of which they have all templates

    def tongue(self, wish: str, kind: Kind) -> Tongue:
        """The language of a whole message: the person's, else LANGUAGE's, else English; the first
        that has all templates of this kind (docs/templates.md)."""
        for language in (language_of(wish), self.language):
            if language and (language, kind) in self.whole:
                return TONGUES[language]
        return TONGUES[REFERENCE]


def words_of(settings: Settings, organizer: str = "") -> Words:
    """`organizer`: the address that mails come from; without it calendar files name none.

    Raises InvalidSetting where LANGUAGE or a template in TEMPLATES cannot be used."""
    language = language_of(settings.language)
    if language is None:
        raise InvalidSetting(
            f"LANGUAGE: {settings.language!r} is not spoken here: set {' or '.join(LANGUAGES)}."
        )
    template_set = template_set_of(settings.templates)
    calendar = Calendar(settings.zone, organizer, settings.calendar_method)
    words = Words(template_set, calendar, language, whole_kinds())
    if settings.templates:
        rehearse(replace(words, template_set=template_set.without_spare), settings.templates)
    return words


def rehearse(words: Words, folder: str) -> None:
    """Render every kind on every channel once, in every language that the folder touches, to find
    errors before any message."""
    for message, channel in rehearsals(touched(Path(folder))):
        try:
            letter = render(message, channel, words)
        except Exception as error:
            raise InvalidSetting(f"TEMPLATES: {complaint(error, Path(folder))}") from error
        if MARKUP in (letter.html or ""):
            language, kind = message.recipient.preferences.language, message.kind
            raise InvalidSetting(
                f"TEMPLATES: {folder}: {language}/{kind}/email.html puts a value into HTML without"
                f" escaping it: include no .txt there, and no |safe."
            )


def touched(folder: Path) -> Collection[str]:
    """The languages with a template in the folder; all where one is beside them (_layout.html)."""
    found = {name.partition("/")[0] for name in files(folder)}
    return found if found <= set(TONGUES) else TONGUES


def render(message: Message, channel: ChannelName, words: Words) -> Letter:
    """The message rendered for this channel.

    Raises ValueError for a message without lessons.
    """
    message = clean_message(message)
    tongue = words.tongue(message.recipient.preferences.language, message.kind)
    page = page_of(message, tongue)
    write = writer(words.template_set, page)
    mail = channel is ChannelName.EMAIL
    return Letter(
        title=title_of(page, write),
        text=text_of(page, channel, write),
        html=html_of(page, write) if mail else None,
        attachments=invitations(named(message, tongue.session), words.calendar) if mail else (),
        urgent=message.kind in (Kind.ALARM, Kind.ESCALATION),
        data=facts_of(message) if channel is ChannelName.WEBHOOK else None,
        minutes_left=minutes_left(message),
        mute_url=message.mute_url,
        buttons=buttons_for(message, channel, tongue.code),
    )


def buttons_for(message: Message, channel: ChannelName, language: str) -> tuple[Button, ...]:
    """The buttons of an alarm in a Telegram chat that the person linked: there the worker reads
    what is pressed. Any of the message's deliveries answers for all."""
    theirs = channel is ChannelName.TELEGRAM and channel in message.recipient.linked
    if not theirs or message.kind is not Kind.ALARM:
        return ()
    return buttons_of(language, message.lessons[0].delivery_id)


def minutes_left(message: Message) -> int:
    """Minutes to the next start in the future, rounded up; 0 if there is none."""
    coming = [each.starts_at for each in message.lessons if each.starts_at > message.now]
    return -(-(min(coming) - message.now) // timedelta(minutes=1)) if coming else 0


def writer(template_set: TemplateSet, page: Page) -> Write:
    """Renders one part of a message, of its kind or of the language. E-mails and the webhook may
    use the headline: it is a template of its own, so that HTML escapes it like a value."""
    folder = f"{page.language}/{page.kind}"

    def write(part: str, page: Page) -> str:
        context = page.context
        if part in HEADED:
            context["headline"] = one_line(
                template_set.write(f"{folder}/headline.txt", page.context)
            )
        name = part if "/" in part else f"{page.kind}/{part}"
        return template_set.write(f"{page.language}/{name}", context)

    return write


def title_of(page: Page, write: Write) -> str:
    title = fitted(
        page,
        lambda page: one_line(write("title.txt", page)),
        lambda text: len(text) - TITLE_LENGTH,
    )
    return title_line(title)


def text_of(page: Page, channel: ChannelName, write: Write) -> str:
    """The text with the link to stop all messages below it, also below an admin's template; the
    webhook's program has the link in its data."""
    if channel is ChannelName.SMS:
        return sms_of(page, write)
    text = write(PARTS[channel], page)
    if channel is ChannelName.WEBHOOK:
        return one_line(text)
    return tidy(f"{text}\n\n{write(MUTE[channel], page)}" if page.mute_url else text)


def html_of(page: Page, write: Write) -> str:
    return "\n".join(line for line in write("email.html", page).splitlines() if line.strip())


def sms_of(page: Page, write: Write) -> str:
    """The fullest text in as few SMS as the shortest text takes: one, if time and link allow it."""

    def sms(page: Page) -> str:
        text = write("sms.txt", page)
        if page.mute_url:
            text += "\n" + write(MUTE[ChannelName.SMS], page)
        lines = (one_line(line) for line in plain(text).splitlines())
        return "\n".join(line for line in lines if line)

    least = segments(sms(shortest(page)))
    return fitted(page, sms, lambda text: excess(text, least))


def tidy(text: str) -> str:
    """The text without the spaces and empty lines that missing values leave."""
    lines = (one_line(line) for line in text.splitlines())
    return BLANK_LINES.sub("\n\n", "\n".join(lines)).strip()
