"""Reader for a site's own gateway, whose yes the settings describe (design, "A gateway's own
word").

CHANNEL_X_ACCEPTED is `path=value` for a JSON or XML answer, else the beginning of a plain one.
CHANNEL_X_ID is a path or a pattern. In both, a value may be a pattern with one group:
`messages.0.status=(0|1)`, `([03]: )`, `Success "([^"]+)"`.
"""

import re
from dataclasses import dataclass
from typing import Any

from scheduler.settings import ChannelSettings, InvalidSetting
from tasks.channels.redaction import one_line
from tasks.channels.web.services.body import find, first, fit_id, plain_text, structure
from tasks.channels.web.services.form import Mark, stance_at, together
from tasks.channels.web.services.plain_gateways import known_refusal
from tasks.channels.web.services.plain_no import PLAIN_NO, WORDS
from tasks.channels.web.services.plain_words import LONGEST_NO, says_no
from tasks.channels.web.services.service_words import Reading, Stance

PATH = r"[\w-]+(?:\.(?:[\w-]+|\*))*"
ACCEPTED = re.compile(rf"(?P<path>{PATH})\s*=\s*(?P<value>.+)", re.DOTALL)
OWN_WORDS = ("description", "detail", "response.errors.0", *WORDS)


@dataclass(frozen=True, slots=True)
class OwnWord:
    """`mark`: the yes of a structured answer; `plain`: the beginning of a plain one that says yes.
    `id_path` and `id_pattern` find the provider's id in a structured and in a plain answer."""

    mark: Mark | None
    plain: re.Pattern[str]
    id_path: str = ""
    id_pattern: re.Pattern[str] | None = None

    @property
    def tells(self) -> bool:
        return True

    def read(self, body: bytes, status: int) -> Reading:
        text, value = plain_text(body), structure(body)
        words = one_line(text)[:LONGEST_NO]
        if isinstance(value, (dict, list)):
            return self.read_structure(body, value, status)
        if self.plain.match(text):
            return Reading(Stance.YES, words, provider_id=self.id_in(text, value))
        if known := known_refusal(body, status):
            return known
        # Other short texts under 5xx may come from a proxy.
        refused = status < 500 and says_no(text)
        return Reading(Stance.NO if refused else Stance.NEITHER, words)

    def read_structure(self, body: bytes, value: Any, status: int) -> Reading:
        found = find(value, self.mark.path) if self.mark else []
        if self.mark is None or not found:
            return PLAIN_NO.read(body, status)  # in another form than that of its yes
        stance = together({stance_at(self.mark, each) for each in found})
        words = first(value, *OWN_WORDS) or f"{self.mark.path} {found[0]}"
        id_ = self.id_in(plain_text(body), value)
        return Reading(stance, words, provider_id=id_)

    def id_in(self, text: str, value: Any) -> str | None:
        if self.id_pattern is not None:
            found = self.id_pattern.search(text)
            return fit_id(found[1] or "") if found else None
        return fit_id(first(value, self.id_path)) if self.id_path else None


def own_word(channel: ChannelSettings) -> OwnWord | None:
    """Reader from the settings of this channel; None without CHANNEL_X_ACCEPTED.

    Raises InvalidSetting where CHANNEL_X_ACCEPTED or CHANNEL_X_ID cannot be read.
    """
    setting = f"CHANNEL_{channel.name.upper()}"
    if channel.id and not channel.accepted:
        raise InvalidSetting(f"{setting}_ID: it needs {setting}_ACCEPTED beside it.")
    if not channel.accepted:
        return None
    mark, plain = accepted_of(f"{setting}_ACCEPTED", channel.accepted)
    if re.fullmatch(PATH, channel.id):
        return OwnWord(mark, plain, id_path=channel.id)
    pattern = pattern_of(f"{setting}_ID", channel.id) if channel.id else None
    return OwnWord(mark, plain, id_pattern=pattern)


def accepted_of(setting: str, text: str) -> tuple[Mark | None, re.Pattern[str]]:
    """Parse CHANNEL_X_ACCEPTED into the mark of a structured answer or the beginning of a plain
    one."""
    if found := ACCEPTED.fullmatch(text.strip()):
        value = value_pattern(setting, found["value"])
        return Mark(found["path"], yes=value), re.compile(re.escape(text.strip()), re.IGNORECASE)
    return None, re.compile(value_pattern(setting, text.strip()), re.IGNORECASE)


def value_pattern(setting: str, text: str) -> str:
    """A pattern if the value has a group, else the value taken literally."""
    return pattern_of(setting, text).pattern if "(" in text else re.escape(text)


def pattern_of(setting: str, text: str) -> re.Pattern[str]:
    try:
        pattern = re.compile(text, re.IGNORECASE)
    except re.error as error:
        raise InvalidSetting(f"{setting}: the pattern cannot be read ({error}).") from None
    if pattern.groups != 1 or pattern.match(""):
        raise InvalidSetting(
            f"{setting}: this is neither a path nor a pattern with one group that something"
            ' must fit: write response.message_id or Success "([^"]+)".'
        )
    return pattern
