"""Redaction of a provider's words for the ledger: one short line without addresses and secrets."""

import re
from collections.abc import Iterable
from urllib.parse import unquote

LONGEST = 200
MASK = "…"

# The host of a URL is kept; its path may contain a token.
LINK = re.compile(r"(?P<host>\bhttps?://[^\s/?#@]+)[/?#][^\s\"'<>]*")
EMAIL = re.compile(r"[^\s<>\"',;:()\[\]{}]+@[^\s<>\"',;:()\[\]{}]+")
# Seven digits and more: phone numbers, chat ids, account numbers. Not an IPv4 address.
DIGITS = re.compile(r"(?<![\w.])(?!(?:\d{1,3}\.){3}\d{1,3}\b)\+?\(?\d(?:[\s().-]{0,2}\d){6,}")
TOKEN = re.compile(r"[A-Za-z0-9_+/=-]{28,}")
SHORTEST_SECRET = 4


def fit(words: str, secrets: Iterable[str] = ()) -> str:
    """The words as one line of at most 200 characters, with private parts replaced by `…`.

    `secrets`: literals that must not appear, such as the parts of a channel's URL and the
    recipient's name and address.
    """
    line = one_line(words)
    for secret in sorted(set(secrets), key=len, reverse=True):
        if len(secret) >= SHORTEST_SECRET:
            line = re.sub(re.escape(secret), MASK, line, flags=re.IGNORECASE)
    line = LINK.sub(rf"\g<host>/{MASK}", line)
    for private in (EMAIL, TOKEN, DIGITS):
        line = private.sub(MASK, line)
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + MASK


def one_line(words: str, kept: str = "") -> str:
    """One line: runs of white space and unprintable characters, except `kept`, become one space."""
    printable = "".join(c if c.isprintable() or c in kept else " " for c in words)
    return " ".join(printable.split())


# Parts of a URL that are no secrets: a host, a word of a path, a placeholder.
PLAIN = re.compile(r"(?i:[a-z0-9-]+(\.[a-z0-9-]+)+)|\d{1,5}|[a-z_-]{1,16}|\{\w+\}")
PUBLIC_PARAMETERS = {"from", "name", "to", "mode", "method", "format", "priority", "overflow"}


def secrets_of(url: str) -> frozenset[str]:
    """The parts of a channel's URL that may be a user, a password or a token.

    These are all parts before an @, in the path and in the query, except plain words in the latter
    two; both decoded and as written.
    """
    place, _, query = url.partition("://")[2].partition("?")
    user, _, path = place.rpartition("@")
    words = [part for part in re.split(r"[/:]", path) if not PLAIN.fullmatch(part)]
    pairs = [pair.partition("=") for pair in query.split("&")]
    values = [value for name, _, value in pairs if name not in PUBLIC_PARAMETERS]
    parts = {*user.split(":"), *words, *values} - {""}
    return frozenset(parts | {unquote(part) for part in parts})


def masked_address(address: str) -> str:
    """An address shortened so that only its owner recognises it: `ab…@e….et`, `+251…44`."""
    name, at, domain = address.partition("@")
    if not at:
        return f"{address[:4]}{MASK}{address[-2:]}" if len(address) > 8 else MASK
    first, dot, last = domain.rpartition(".")
    return f"{name[:2]}{MASK}@{first[:1]}{MASK}{dot}{last}"
