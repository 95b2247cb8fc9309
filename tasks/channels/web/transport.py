"""Transport of messages by any Apprise plugin that speaks HTTP."""

import threading
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from apprise import NotifyFormat, NotifyType, OverflowMode
from apprise.conversion import convert_between
from apprise.plugins.base import NotifyBase
from apprise.plugins.custom_json import NotifyJSON

from scheduler.settings import ChannelName
from tasks.channels.handover import CalledOff
from tasks.channels.outcome import Outcome
from tasks.channels.plugins import listening, load, private_parts
from tasks.channels.redaction import fit, secrets_of
from tasks.channels.template import SAMPLE, Template
from tasks.channels.web.attachment import letter_files
from tasks.channels.web.carrier import Carrier
from tasks.channels.web.judgement import Heard, Judgement, judge
from tasks.channels.web.seen import WebSeen
from tasks.channels.web.services import GATEWAYS, reader_of
from tasks.channels.web.services.chat import supergroup_in
from tasks.channels.web.services.own_word import OwnWord
from tasks.channels.web.services.plain_no import PLAIN_NO
from tasks.channels.web.services.service_words import Reader
from tasks.channels.web.services.stop_headers import add_headers, header_fields
from tasks.channels.web.services.unicode import unicode_fields
from tasks.messages.letter import Letter

TELEGRAM = "telegram"
CHAT = "telegram"  # the placeholder of a chat's id
# Plugins kept of a URL that holds a person's own values.
MOST_KEPT = 32


class Kept(threading.local):
    """A thread's plugins by URL."""

    def __init__(self) -> None:
        self.plugins: dict[str, NotifyBase | None] = {}


class WebTransport:
    """Transport of one channel. A plugin is made for each person, as its URL contains the address;
    connections are kept between messages."""

    def __init__(
        self,
        template: Template,
        sample: NotifyBase,
        own_word: OwnWord | None,
        connect: timedelta,
        answer: timedelta,
    ) -> None:
        """`own_word` reads the answers of a gateway described in the settings."""
        self._template = template
        self._gateway = str(sample.schema) in GATEWAYS
        self._reader = own_word or usual_reader(template, sample)
        self._urgent = urgent_template(template, sample)
        self._targets = target_count(sample)
        self._secrets = secrets_of(template.text) | private_parts(sample)
        # Mail services get HTML; a gateway by JSON gets the text, unless its URL asks for HTML.
        asks = "format=html" in template.text or not self._gateway
        self._reads_html = template.channel is ChannelName.EMAIL and asks
        # A chat or push message that is too long would be refused; a long SMS goes out in parts.
        self._cuts = template.channel in CUT_TO_FIT and "overflow=" not in template.text
        self._carrier = Carrier(connect, answer)
        self._kept = Kept()

    def send(self, letter: Letter, values: Mapping[str, str], key: UUID, at: datetime) -> Outcome:
        """Send the letter to one person; `values` fill the URL's placeholders. To a group that has
        a new id, the same at once to that: the old one took nothing."""
        outcome = self._try(letter, values, at)
        if outcome.moved_to is None or CHAT not in values:
            return outcome
        again = self._try(letter, {**values, CHAT: outcome.moved_to}, at)
        return replace(again, moved_to=outcome.moved_to)

    def _try(self, letter: Letter, values: Mapping[str, str], at: datetime) -> Outcome:
        template = self._urgent if letter.urgent else self._template
        plugin = self._plugin(template.url(values))
        if plugin is None or target_count(plugin) != self._targets:
            judgement = self._not_taken()
        else:
            add_data(plugin, letter)
            judgement = self._hand_over(plugin, letter, {"X-Message-Date": at.isoformat()})
        return self._outcome(judgement, set(values.values()))

    def close(self) -> None:
        self._carrier.close()

    def _plugin(self, url: str) -> NotifyBase | None:
        """The plugin for the URL. A gateway's keeps nothing of a message, so this thread's next
        message to the same URL uses it again."""
        if not self._gateway:
            return load(url)
        kept = self._kept.plugins
        if url not in kept:
            if len(kept) == MOST_KEPT:
                kept.clear()
            kept[url] = load(url)
        return kept[url]

    def _not_taken(self) -> Judgement:
        """Judge a URL that Apprise refuses: if it accepts the URL with an example address, the
        person's address is at fault, else the channel."""
        if load(self._template.url(SAMPLE)) is None:
            return Judgement(WebSeen.BROKEN_LIBRARY, "the plugin cannot be loaded")
        return Judgement(WebSeen.NOT_TAKEN, "the plugin does not take this address")

    def _hand_over(
        self, plugin: NotifyBase, letter: Letter, headers: Mapping[str, str]
    ) -> Judgement:
        service = service_of(plugin)
        add_headers(service, plugin, letter.stop_headers)
        fields = {
            **unicode_fields(service, letter.text),
            **keyboard(plugin, letter),
            **header_fields(service, letter.stop_headers),
        }
        carrying = self._carrier.carrying(headers, letter.text, fields)
        with listening() as complaints, carrying as exchanges:
            pleased = broke = False
            try:
                pleased = bool(plugin.notify(**self._words_for(plugin, letter)))
            except CalledOff:
                raise
            except Exception as error:  # noqa: BLE001 (plugins raise anything: the exchanges decide)
                broke = True
                complaints.append(type(error).__name__)
        heard = Heard(
            reader=self._reader,
            exchanges=tuple(exchanges),
            pleased=pleased,
            complaints=tuple(complaints),
            broke=broke,
            any_request_tells=self._gateway,
        )
        is_telegram = service_of(plugin) == TELEGRAM and exchanges
        moved_to = supergroup_in(exchanges[-1].body) if is_telegram else None
        return replace(judge(heard), moved_to=moved_to)

    def _words_for(self, plugin: NotifyBase, letter: Letter) -> Mapping[str, object]:
        """Title, body and attachments for the plugin. SMS gets the text only; mail and the site's
        webhook get HTML and files too."""
        channel = self._template.channel
        title = "" if channel is ChannelName.SMS else letter.title
        as_html = self._reads_html and letter.html is not None
        files = channel in TAKES_FILES and plugin.attachment_support
        return {
            **(in_html(plugin, title, letter) if as_html else in_text(plugin, title, letter)),
            "notify_type": NotifyType.WARNING if letter.urgent else NotifyType.INFO,
            "attach": letter_files(letter.attachments) if files else None,
            "overflow": OverflowMode.TRUNCATE if self._cuts else None,
        }

    def _outcome(self, judgement: Judgement, private: set[str]) -> Outcome:
        verdict = judgement.seen.verdict
        advice = f" ({verdict.advice})" if verdict.advice else ""
        words = fit(judgement.words, self._secrets | private)
        outcome = verdict.outcome(fit(words + advice), judgement.wait)
        return replace(outcome, provider_id=judgement.provider_id, moved_to=judgement.moved_to)


def keyboard(plugin: NotifyBase, letter: Letter) -> Mapping[str, object]:
    """The buttons under a message in a chat, one a row
    (https://core.telegram.org/bots/api#inlinekeyboardmarkup)."""
    if not letter.buttons or service_of(plugin) != TELEGRAM:
        return {}
    rows = [[{"text": each.label, "callback_data": each.data}] for each in letter.buttons]
    return {"reply_markup": {"inline_keyboard": rows}}


def service_of(plugin: NotifyBase) -> str:
    """The name of the plugin's module; the same for all its schemes."""
    return type(plugin).__module__.split(".")[2]


def usual_reader(template: Template, sample: NotifyBase) -> Reader | None:
    """Reader of the service's bodies; None for the site's own webhook, where only the status
    counts."""
    if str(sample.schema) not in GATEWAYS:
        return reader_of(service_of(sample))
    return None if template.channel is ChannelName.WEBHOOK else PLAIN_NO


def add_data(plugin: NotifyBase, letter: Letter) -> None:
    """Add the message's facts under "data" for a webhook: deliveries to acknowledge, sessions,
    times."""
    if isinstance(plugin, NotifyJSON) and letter.data is not None:
        plugin.payload_extras["data"] = dict(letter.data)


def in_text(plugin: NotifyBase, title: str, letter: Letter) -> Mapping[str, object]:
    """The text, escaped for a service that reads HTML or Markdown.

    Some plugins (Telegram's) leave escaping to Apprise's outer object, which is not used here.
    """
    form = plugin.resolve_format(NotifyFormat.TEXT)
    body = in_form(form, letter.text)
    if plugin.title_maxlen <= 0:  # the plugin puts it into the body
        title = in_form(form, title)
    return {"title": title, "body": body, "body_format": form}


def in_form(form: NotifyFormat, text: str) -> str:
    return str(convert_between(NotifyFormat.TEXT, form, text))  # type: ignore[no-untyped-call]


def in_html(plugin: NotifyBase, title: str, letter: Letter) -> Mapping[str, object]:
    """The HTML for a mail service that accepts it; else the text."""
    if plugin.resolve_format(NotifyFormat.HTML) is not NotifyFormat.HTML:
        return in_text(plugin, title, letter)
    return {"title": title, "body": letter.html, "body_format": NotifyFormat.HTML}


CUT_TO_FIT = {ChannelName.TELEGRAM, ChannelName.PUSH}
TAKES_FILES = {ChannelName.EMAIL, ChannelName.WEBHOOK}


def target_count(plugin: NotifyBase) -> tuple[int, int]:
    """Number of the plugin's recipients: a person's data must not add one."""
    return len(plugin), len(getattr(plugin, "targets", None) or ())


def urgent_template(template: Template, sample: NotifyBase) -> Template:
    """The template with `priority=high`, where the service knows it and the URL leaves it open."""
    if "priority" not in type(sample).template_args or "priority=" in template.text:
        return template
    mark = "&" if "?" in template.text else "?"
    text = f"{template.text}{mark}priority=high"
    urgent = replace(template, text=text)
    return urgent if load(urgent.url(SAMPLE)) is not None else template
