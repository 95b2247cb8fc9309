"""Observations that are possible of an HTTP request, from connecting to the answer (RFC 9110)."""

from enum import Enum

from tasks.channels.outcome import About
from tasks.channels.verdict import Verdict, for_good, for_now, sent, unknown

CREDENTIALS = "check the credentials in the channel's URL"
PROXY = "check the proxy's credentials"
MOVED = "set the channel's URL to the new address"


class WebSeen(Enum):
    """Observations in the order of a request's progress. Before its last byte is sent, nothing was
    handed over."""

    NOT_TAKEN = for_good("the plugin does not take this address", About.PERSON)
    NOT_TRIED = for_good("the plugin refuses the message before any contact")
    BROKEN_LIBRARY = for_now("an error of the library before any contact", About.LATER)
    NO_NAME = for_now("the service's name, or the proxy's, is not resolved")
    REFUSED = for_now("connection refused, or no way to the service or the proxy")
    CONNECT_TIMEOUT = for_now("no connection within the time-out")
    TLS_REFUSED = for_now("TLS refused, or a certificate that is not trusted")
    PROXY_REFUSED = for_now("the proxy does not open a way to the service")
    CUT_BEFORE = for_now("connection cut before the request had left whole")
    TIMEOUT_BEFORE = for_now("time-out before the request had left whole")
    CUT_AFTER = unknown("connection cut after the request, without an answer")
    TIMEOUT_AFTER = unknown("no answer within the time-out")
    GARBLED = unknown("an answer that is not HTTP")
    ACCEPTED = sent("2xx")
    REFUSED_PERSON = for_good("a refusal of this person in the body", About.PERSON)
    REFUSED_MESSAGE = for_good("a refusal of this message in the body", About.MESSAGE)
    REFUSED_CHANNEL = for_good("a refusal of the login or the sender in the body", About.CHANNEL)
    REFUSED_NOW = for_now("a refusal in the body that may pass", About.BUSY)
    UNREADABLE = unknown("2xx, and a body that says neither yes nor no, or is cut short")
    PARTLY = unknown("2xx to a part of the message, and not to the rest")
    PROCESSED_ELSEWHERE = unknown("303: taken, and the answer lies at another address")
    MOVED = for_good("any other 3xx; redirects are not followed", About.CHANNEL, MOVED)
    UNAUTHORIZED = for_good("401", About.CHANNEL, CREDENTIALS)
    FORBIDDEN = for_good("403", About.CHANNEL, CREDENTIALS)
    GONE = for_good("404 or 410")
    UNPAID = for_now("402, or a refusal for want of balance in the body", About.CHANNEL)
    PROXY_LOGIN = for_good("407", About.CHANNEL, PROXY)
    TOO_EARLY = for_now("408, 409, 421, 423 or 425", About.LATER)
    TOO_MANY = for_now("429", About.BUSY)
    NOT_SO = for_good("any other 4xx")
    BUSY = unknown("503 without the service's own refusal in the body")
    BROKEN = unknown("any other 5xx without the service's own refusal in the body")

    @property
    def verdict(self) -> Verdict:
        return self.value


HONOURS_RETRY_AFTER = {WebSeen.TOO_MANY, WebSeen.BUSY}

BY_STATUS = {
    303: WebSeen.PROCESSED_ELSEWHERE,
    401: WebSeen.UNAUTHORIZED,
    402: WebSeen.UNPAID,
    403: WebSeen.FORBIDDEN,
    404: WebSeen.GONE,
    407: WebSeen.PROXY_LOGIN,
    408: WebSeen.TOO_EARLY,
    409: WebSeen.TOO_EARLY,
    410: WebSeen.GONE,
    421: WebSeen.TOO_EARLY,
    423: WebSeen.TOO_EARLY,
    425: WebSeen.TOO_EARLY,
    429: WebSeen.TOO_MANY,
    503: WebSeen.BUSY,
}
BY_HUNDREDS = {2: WebSeen.ACCEPTED, 3: WebSeen.MOVED, 4: WebSeen.NOT_SO, 5: WebSeen.BROKEN}


def seen_by_status(status: int) -> WebSeen:
    """The observation for a status code alone. A code of no known class is indecisive."""
    return BY_STATUS.get(status) or BY_HUNDREDS.get(status // 100, WebSeen.GARBLED)
