"""Buttons under an alarm in a chat, and the bot's short answers, in each language.

The data of a button holds at most 64 bytes (https://core.telegram.org/bots/api#inlinekeyboardbutton).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from scheduler.languages import language_of

SNOOZE_MINUTES = 5


@dataclass(frozen=True, slots=True)
class Button:
    """A button: acknowledge a delivery, or with minutes snooze it."""

    delivery: int
    minutes: int
    label: str = ""

    @property
    def data(self) -> str:
        return f"snooze:{self.delivery}:{self.minutes}" if self.minutes else f"seen:{self.delivery}"


DATA = re.compile(
    r"(seen:(?P<seen>\d{1,18})|snooze:(?P<later>\d{1,18}):(?P<minutes>\d{1,3}))", re.A
)
LONGEST_SNOOZE = 120


def read_button(data: str) -> Button | None:
    """The button of this data; None where it is none of ours."""
    found = DATA.fullmatch(data)
    if found is None:
        return None
    minutes = int(found["minutes"] or 0)
    if found["later"] and not 1 <= minutes <= LONGEST_SNOOZE:
        return None
    return Button(int(found["seen"] or found["later"]), minutes)


@dataclass(frozen=True, slots=True)
class ChatWords:
    """`seen`, `later`: labels of the buttons, `{minutes}` in the second. The others are answers of
    the bot: to a press, to /start with a word, with a bad one, alone, and to /stop."""

    seen: str
    later: str
    noted: str
    snoozed: str
    too_late: str
    not_theirs: str
    linked: str
    no_invitation: str
    again: str
    stopped: str
    not_linked: str


# No native reader has seen the words but the English (docs/templates.md).
CHAT_WORDS: Mapping[str, ChatWords] = MappingProxyType({
    "en": ChatWords(
        seen="I have seen it",
        later="Again in {minutes} minutes",
        noted="Noted.",
        snoozed="I will tell you again in {minutes} minutes.",
        too_late="It begins before that.",
        not_theirs="This message was not for you.",
        linked="Your messages about lessons come here now. To end that, send /stop.",
        no_invitation="This link is no longer valid: get a new one on the site.",
        again="Your messages about lessons come here. To end that, send /stop.",
        stopped="No more messages come here. To begin again, get a link on the site.",
        not_linked="No messages come here. To begin, get a link on the site.",
    ),
    "am": ChatWords(
        seen="አይቼዋለሁ",
        later="ከ{minutes} ደቂቃ በኋላ እንደገና",
        noted="ተመዝግቧል።",
        snoozed="ከ{minutes} ደቂቃ በኋላ እንደገና አስታውስዎታለሁ።",
        too_late="ከዚያ በፊት ይጀምራል።",
        not_theirs="ይህ መልእክት ለእርስዎ አልነበረም።",
        linked="ስለ ትምህርት የሚላኩ መልእክቶች ከአሁን ጀምሮ እዚህ ይደርሱዎታል። ለማቆም /stop ይላኩ።",
        no_invitation="ይህ ሊንክ ከእንግዲህ አይሠራም፤ አዲስ ሊንክ ከድረ ገጹ ይውሰዱ።",
        again="ስለ ትምህርት የሚላኩ መልእክቶች እዚህ ይደርሱዎታል። ለማቆም /stop ይላኩ።",
        stopped="ከእንግዲህ መልእክት እዚህ አይመጣም። እንደገና ለመጀመር ሊንክ ከድረ ገጹ ይውሰዱ።",
        not_linked="መልእክት እዚህ አይመጣም። ለመጀመር ሊንክ ከድረ ገጹ ይውሰዱ።",
    ),
    "om": ChatWords(
        seen="Argeera",
        later="Daqiiqaa {minutes} booda irra deebi'i",
        noted="Galmaa'eera.",
        snoozed="Daqiiqaa {minutes} booda irra deebi'ee sin yaadachiisa.",
        too_late="Sana dura jalqaba.",
        not_theirs="Ergaan kun kan keessan hin turre.",
        linked="Ergaan waa'ee barnootaa amma irraa eegalee asitti isin ga'a. Dhaabuuf /stop ergaa.",
        no_invitation="Liinkiin kun hin hojjetu: kan haaraa marsariitii irraa fudhadhaa.",
        again="Ergaan waa'ee barnootaa asitti isin ga'a. Dhaabuuf /stop ergaa.",
        stopped="Ergaan asitti hin dhufu. Jalqabuuf marsariitii irraa liinkii fudhadhaa.",
        not_linked="Ergaan asitti hin dhufu. Jalqabuuf marsariitii irraa liinkii fudhadhaa.",
    ),
    "ti": ChatWords(
        seen="ርእየዮ ኣለኹ",
        later="ድሕሪ {minutes} ደቒቕ እንደገና",
        noted="ተመዝጊቡ።",
        snoozed="ድሕሪ {minutes} ደቒቕ እንደገና ከዘኻኽረኩም እየ።",
        too_late="ቅድሚኡ ይጅምር።",
        not_theirs="እዚ መልእኽቲ ንዓኹም ኣይነበረን።",
        linked="ብዛዕባ ትምህርቲ ዝለኣኽ መልእኽቲ ካብ ሕጂ ጀሚሩ ናብዚ ይመጽእ። ንምቁራጽ /stop ስደዱ።",
        no_invitation="እዚ ሊንክ ድሕሪ ሕጂ ኣይሰርሕን፤ ሓድሽ ሊንክ ካብቲ መርበብ ሓበሬታ ውሰዱ።",
        again="ብዛዕባ ትምህርቲ ዝለኣኽ መልእኽቲ ናብዚ ይመጽእ። ንምቁራጽ /stop ስደዱ።",
        stopped="ድሕሪ ሕጂ መልእኽቲ ናብዚ ኣይመጽእን። እንደገና ንምጅማር ሊንክ ካብቲ መርበብ ሓበሬታ ውሰዱ።",
        not_linked="መልእኽቲ ናብዚ ኣይመጽእን። ንምጅማር ሊንክ ካብቲ መርበብ ሓበሬታ ውሰዱ።",
    ),
})  # fmt: skip


def chat_words(wish: str | None, otherwise: str) -> ChatWords:
    """The words in the language wished, else in the setting's `otherwise`, else in English."""
    for language in (wish, otherwise):
        if language and (code := language_of(language)):
            return CHAT_WORDS[code]
    return CHAT_WORDS["en"]


def buttons_of(language: str, delivery: int) -> tuple[Button, ...]:
    """The buttons under an alarm. `language`: a code of ours."""
    words = CHAT_WORDS[language]
    later = words.later.format(minutes=SNOOZE_MINUTES)
    return (Button(delivery, 0, words.seen), Button(delivery, SNOOZE_MINUTES, later))
