"""Number of SMS that a text takes: GSM 7-bit (3GPP TS 23.038, 6.2.1) where its alphabet does, else
UCS-2.

One letter outside the alphabet makes the whole text UCS-2 and more than halves its room.
"""

import re
from dataclasses import dataclass

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    "ÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENDED = frozenset("^{}\\[~]|€")  # an escape before each: two places

# Typography that the alphabet lacks, as it has it.
PLAIN = str.maketrans({
    "–": "-", "—": "-", "‘": "'", "’": "'", "“": '"', "”": '"', "…": "...", "→": ">",
    "•": "-", "·": ".", "`": "'", "×": "x", "\u00a0": " ", "\u202f": " ",
    "\ufe0e": None, "\ufe0f": None,
})  # fmt: skip
# Pictures and their modifiers cost a second SMS and tell nothing.
PICTURES = re.compile("[\u2190-\u2bff\U0001f000-\U0001faff\u20e3\u200d]+")


def plain(text: str) -> str:
    """The text without typography and pictures that would make an English SMS UCS-2."""
    return PICTURES.sub("", text.translate(PLAIN))


def segments(text: str) -> int:
    """How many SMS the text takes; 1 for an empty one."""
    return len(parts(text))


def excess(text: str, within: int) -> int:
    """Places more than fit in so many SMS; 0 or less where it fits."""
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
    """How many places each letter takes: an escape and a surrogate pair are two."""
    if room(text) is GSM:
        return [2 if letter in EXTENDED else 1 for letter in text]
    return [2 if ord(letter) > LAST_OF_UCS2 else 1 for letter in text]


LAST_OF_UCS2 = 0xFFFF


def parts(text: str) -> list[int]:
    """The places taken in each SMS of the text. A letter of two places is never split between two:
    the last place of a part stays empty before it."""
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
    """True where all letters are in the GSM alphabet or its extension (3GPP TS 23.038)."""
    return all(letter in BASIC or letter in EXTENDED for letter in text)
