"""Enhanced status codes of mail systems (RFC 3463), and those that say that an address is dead."""

import re

# No such mailbox, domain or address, one that was given up or moved away, and Postfix's for a
# domain that is not there. Others may pass, also 5.2.2 (full) and 5.7.x (policy).
DEAD = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1", "5.4.4"})
AFTER_REPLY = re.compile(r"\b[245]\d\d[ -]([245]\.\d{1,3}\.\d{1,3})\b")


def code_in(words: str) -> str | None:
    """The enhanced code behind an SMTP reply's: '5.1.1' of '550 5.1.1 no such user'."""
    found = AFTER_REPLY.search(words)
    return found[1] if found else None


def is_dead(code: str | None) -> bool:
    """True where the code says that the address will never take a mail again."""
    return code in DEAD
