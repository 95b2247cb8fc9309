"""How many SMS a text is: GSM 7-bit (3GPP TS 23.038, 6.2.1) where its alphabet does, else UCS-2.

One letter outside the alphabet makes the whole text UCS-2 and more than halves its room.
"""

import re

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
    places, single, each = room(text)
    return 1 if places <= single else -(-places // each)


def excess(text: str, within: int) -> int:
    """Places more than fit in so many SMS; 0 or less where it fits."""
    places, single, each = room(text)
    return places - (single if within == 1 else within * each)


def in_gsm_alphabet(text: str) -> bool:
    return all(letter in BASIC or letter in EXTENDED for letter in text)


def room(text: str) -> tuple[int, int, int]:
    """Places the text takes, those of a single SMS, and those of each in a row of several."""
    extended = sum(letter in EXTENDED for letter in text)
    if in_gsm_alphabet(text):
        return len(text) + extended, 160, 153
    return len(text.encode("utf-16-be")) // 2, 70, 67
