"""What services put into bodies: a refusal into that of a 2xx, a wait into that of a 429."""

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from apprise.plugins.africas_talking import AFRICAS_TALKING_RECIPIENT_OK

from tasks.channels.web.exchange import Exchange
from tasks.channels.web.seen import WebSeen

Reading = tuple[WebSeen, str]


# Africa's Talking answers 201 with a code for each number.
# https://developers.africastalking.com/docs/sms/sending/bulk
PASSES = {401, 405, 407, 500, 501, 502}  # risk hold, balance, routes, their own errors


def africas_talking(exchange: Exchange) -> Reading:
    """One number was asked for, so one entry tells; without any the message above them does."""
    data = member(parsed(exchange.body), "SMSMessageData")
    if data is None:
        return WebSeen.UNREADABLE, "the answer is not Africa's Talking's"
    entries = member(data, "Recipients")
    entry = entries[0] if isinstance(entries, list) and entries else None
    if entry is None:
        return WebSeen.REFUSED_WITHIN_FOR_GOOD, str(member(data, "Message") or "")
    code = member(entry, "statusCode")
    words = f"{member(entry, 'status')} (statusCode {code})"
    if code in AFRICAS_TALKING_RECIPIENT_OK:
        return WebSeen.ACCEPTED, words
    seen = WebSeen.REFUSED_WITHIN_FOR_NOW if code in PASSES else WebSeen.REFUSED_WITHIN_FOR_GOOD
    return seen, words


READERS: Mapping[str, Callable[[Exchange], Reading]] = {"atalk": africas_talking}

# A 2xx of these is all they ever say.
STATUS_DECIDES = {"json", "jsons", "form", "forms", "xml", "xmls"}


def wait_of(exchange: Exchange) -> timedelta | None:
    """The wait that the answer asks for. Telegram puts it into the body (`parameters`)."""
    if exchange.wait is not None or exchange.seen is not WebSeen.TOO_MANY:
        return exchange.wait
    seconds = member(member(parsed(exchange.body), "parameters"), "retry_after")
    return timedelta(seconds=min(seconds, 604_800)) if isinstance(seconds, int) else None


def member(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None
