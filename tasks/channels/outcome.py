"""Outcome of one try of a message, as the transport saw it (promise 3)."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Result(StrEnum):
    """Result of a try."""

    SENT = "sent"  # the provider accepted it
    FAILED = "failed"  # refused, or never handed over: trying again cannot double it
    UNKNOWN = "unknown"  # handed over and never answered: it may have arrived


class About(StrEnum):
    """Cause of a failed or unanswered try: for the same cause another try would fail too."""

    PERSON = "person"  # the address: nothing of this channel reaches this person
    MESSAGE = "message"  # these words, or this try alone
    CHANNEL = "channel"  # login, sender, balance, set-up: every message fails until an admin acts
    TRANSPORT = "transport"  # connection, time-out, a server that is busy: it passes
    LATER = "later"  # this try alone, by a service that is up: greylisting, 450 to RCPT
    BUSY = "busy"  # a service that is up and accepts no more for now: 429


@dataclass(frozen=True, slots=True)
class Outcome:
    """Outcome of a try.

    `final`: another try on the same channel would fail again (550, 404, 401). `wait`: the
    provider's Retry-After. `about` is not used where the message was sent. `provider_id`: the
    provider's id of the message. `moved_to`: the new id of the chat. `words`: the
    provider's answer or the error, without addresses, tokens and passwords, at most 200 characters.
    """

    result: Result
    words: str
    final: bool = False
    wait: timedelta | None = None
    about: About = About.MESSAGE
    provider_id: str | None = None
    moved_to: str | None = None
