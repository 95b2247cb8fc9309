"""Number of SMS for a text, in GSM 7-bit (3GPP TS 23.038, 6.2.1) if possible, else in UCS-2.

One character outside the GSM alphabet puts the whole text into UCS-2: 70 places in place of 160.
"""

import re
from dataclasses import dataclass

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    "ÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENDED = frozenset("^{}\\[~]|€")  # sent with an escape: two places

# Typographic characters outside the alphabet, and their replacements in it.
PLAIN = str.maketrans({
    "–": "-", "—": "-", "‘": "'", "’": "'", "“": '"', "”": '"', "…": "...", "→": ">",
    "•": "-", "·": ".", "`": "'", "×": "x", "\u00a0": " ", "\u202f": " ",
    "\ufe0e": None, "\ufe0f": None,
})  # fmt: skip
# Emoji and their modifiers would cost a second SMS without telling anything.
PICTURES = re.compile("[\u2190-\u2bff\U0001f000-\U0001faff\u20e3\u200d]+")


def plain(text: str) -> str:
    """The text with typographic characters replaced and emoji removed, as they would make it
    UCS-2."""
    return PICTURES.sub("", text.translate(PLAIN))


def segments(text: str) -> int:
    """Number of SMS for the text; 1 for an empty one."""
    return len(parts(text))


def excess(text: str, within: int) -> int:
    """Number of places by which the text exceeds this many SMS; 0 or less if it fits."""
    if within == 1:
        letters, alphabet = places(text), room(text)
        return sum(letters) - alphabet.single
    taken = parts(text)
    return sum(taken[within:]) if len(taken) > within else 0


@dataclass(frozen=True, slots=True)
class Room:
    """Places in an SMS that is alone, and in each of several (3GPP TS 23.040, 9.2.3.24.1)."""

    single: int
    each: int


GSM, UCS2 = Room(160, 153), Room(70, 67)


def room(text: str) -> Room:
    return GSM if in_gsm_alphabet(text) else UCS2


def places(text: str) -> list[int]:
    """The places of each character: 2 with an escape or as a surrogate pair, else 1."""
    if room(text) is GSM:
        return [2 if letter in EXTENDED else 1 for letter in text]
    return [2 if ord(letter) > LAST_OF_UCS2 else 1 for letter in text]


LAST_OF_UCS2 = 0xFFFF


def parts(text: str) -> list[int]:
    """The places used in each SMS of the text. A character of two places is not split between two
    SMS: the last place of the first stays empty."""
    letters, alphabet = places(text), room(text)
    if sum(letters) <= alphabet.single:
        return [sum(letters)]
    taken = [0]
    for letter in letters:
        if taken[-1] + letter > alphabet.each:
            taken.append(0)
        taken[-1] += letter
    return taken


def in_gsm_alphabet(text: str) -> bool:
    """True if all characters are in the GSM alphabet or its extension (3GPP TS 23.038)."""
    return all(letter in BASIC or letter in EXTENDED for letter in text)
