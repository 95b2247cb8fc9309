"""Outcome of one try of a message, as the transport saw it (promise 3)."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Result(StrEnum):
    SENT = "sent"  # the provider accepted it
    FAILED = "failed"  # refused, or never handed over: trying again cannot double it
    UNKNOWN = "unknown"  # handed over and never answered: it may have arrived


class About(StrEnum):
    """Whose trouble a failed or unanswered try is: it says for whom the same try is in vain."""

    PERSON = "person"  # the address: nothing of this channel reaches this person
    MESSAGE = "message"  # these words, or this try alone
    CHANNEL = "channel"  # login, sender, balance, set-up: an admin's to mend, for every message
    TRANSPORT = "transport"  # connection, time-out, a server that is busy: it passes
    LATER = "later"  # this try alone, by a service that is there: greylisting, 450 to RCPT
    BUSY = "busy"  # a service that is there and takes no more for now: 429


@dataclass(frozen=True, slots=True)
class Outcome:
    """`final`: a failure that trying the same channel again will not mend (550, 404, 401).
    `wait`: the provider's Retry-After. `about` has no meaning where the message was sent.
    `provider_id`: what the provider calls the message it took.
    `words`: the provider's answer or the error, without addresses, tokens or passwords, at most
    200 characters."""

    result: Result
    words: str
    final: bool = False
    wait: timedelta | None = None
    about: About = About.MESSAGE
    provider_id: str | None = None
