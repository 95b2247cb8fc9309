"""Cleaning of the site's texts to one visible line: no control characters, no reordering, no
excess.

Texts that people typed into the site appear in mail subjects, SMS and HTML. The templates escape
them (HTML is autoescaped); this module removes what escaping does not make safe.
"""

import re
from unicodedata import combining, normalize
from urllib.parse import urlsplit

ELLIPSIS = "…"
ISOLATE, END_ISOLATE = "\u2068", "\u2069"

TITLE_LENGTH = 120
SUBJECT_LENGTH = 80
TOPIC_LENGTH = 200
NAME_LENGTH = 80
PLACE_LENGTH = 160
LINK_LENGTH = 1000
ROOM_FOR_SPACES = 20  # characters read per character kept; the rest is not read

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
# Format characters (Cf): direction overrides, zero-width spaces, tags, soft hyphens. The two
# joiners stay: emoji and Persian words need them. Lone surrogates cannot be encoded at all.
INVISIBLE = re.compile(
    "[\u00ad\u0600-\u0605\u061c\u06dd\u070f\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e0fff\ud800-\udfff]"
)
MARK = "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u20d0-\u20ff]"
STACKED_MARKS = re.compile(f"({MARK}{{3}}){MARK}+")
RIGHT_TO_LEFT = re.compile(
    "[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]"
)
JOINING = "\u200c\u200d\ufe0e\ufe0f\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff"

SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
DOT_IN_A_WORD = re.compile(r"(?<=\w)\.(?=\w)")
ADDRESS = re.compile(r"[^\s\"'<>\\^`{|}]+")
BARE_HOST = re.compile(r"[\w-]+(\.[\w-]+)*\.[a-z]{2,}(:\d+)?(/.*)?", re.IGNORECASE)


def clean(text: str | None, limit: int) -> str:
    """One line of visible text, at most `limit` characters; '' for None.

    Text that runs from right to left is put in an isolate (Unicode UAX 9, FSI … PDI; two
    characters more), so that it cannot reorder the time or the link beside it.
    """
    if not text:
        return ""
    text = text[: limit * ROOM_FOR_SPACES]
    if text.isascii() and text.isprintable():
        return cut(" ".join(text.split()), limit)
    line = cut(visible(text), limit)
    return f"{ISOLATE}{line}{END_ISOLATE}" if RIGHT_TO_LEFT.search(line) else line


def visible(text: str) -> str:
    """The text without invisible characters, its white space as single spaces, in NFC."""
    seen = INVISIBLE.sub("", CONTROL.sub(" ", text))
    return " ".join(STACKED_MARKS.sub(r"\1", normalize("NFC", seen)).split())


def cut(line: str, limit: int) -> str:
    """At most `limit` characters; a cut text ends in '…', and no letter loses its combining
    marks."""
    if len(line) <= limit:
        return line
    if line.endswith(END_ISOLATE):
        return f"{ISOLATE}{cut(line[1:-1], limit)}{END_ISOLATE}"
    end = max(limit - 1, 0)
    while end and (combining(line[end]) or line[end] in JOINING or line[end - 1] == "\u200d"):
        end -= 1
    return line[:end].rstrip() + ELLIPSIS


def clean_name(text: str | None) -> str:
    """A person's name without anything that phones and mail programs turn into a link, as people
    choose their names freely: 'http://evil.example' gives 'evil. example'."""
    name = clean(text, NAME_LENGTH)
    return DOT_IN_A_WORD.sub(". ", SCHEME.sub("", name)) if "." in name or ":" in name else name


def clean_link(text: str | None) -> str:
    """A meeting link as text, whole or ''; text that is no URL ('Zoom 123 456') is cleaned like a
    place."""
    link = (text or "").strip()
    if not ADDRESS.fullmatch(link) or INVISIBLE.search(link) or CONTROL.search(link):
        return clean(link, PLACE_LENGTH)
    return link if len(link) <= LINK_LENGTH else ""


def href(link: str) -> str:
    """The target for a link in HTML: http and https URLs only, '' for all else (javascript: …)."""
    if not ADDRESS.fullmatch(link):
        return ""
    if BARE_HOST.fullmatch(link):
        return f"https://{link}"
    try:
        parts = urlsplit(link)
    except ValueError:
        return ""
    return link if parts.scheme.lower() in ("http", "https") and parts.hostname else ""


def one_line(text: str) -> str:
    """The text with each run of white space as one space."""
    return " ".join(text.split())


def title_line(text: str) -> str:
    """One line for a mail subject, at most 120 characters.

    Python's EmailMessage decodes an encoded word in a subject ('=?utf-8?q?=0AX?=') into real header
    text, so '=?' gets a space.
    """
    return cut(one_line(text).replace("=?", "= ?"), TITLE_LENGTH)
