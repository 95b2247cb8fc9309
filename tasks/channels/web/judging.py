"""What became of a message, from all that was seen of its requests."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from tasks.channels.outcome import Result
from tasks.channels.web.exchange import Exchange
from tasks.channels.web.refusals import STATUS_DECIDES, refusal_within, wait_of
from tasks.channels.web.verdicts import WebSeen
from tasks.channels.words import one_line

SNIPPET = 120


@dataclass(frozen=True, slots=True)
class Heard:
    """One message's requests in order, and the plugin's own opinion: `pleased`, and what it
    complained of. `schema` is the plugin's, as in `atalk://`."""

    schema: str
    exchanges: Sequence[Exchange]
    pleased: bool
    complaints: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Judgement:
    """`words` are not yet fit to be shown."""

    seen: WebSeen
    words: str
    wait: timedelta | None = None


def judge(heard: Heard) -> Judgement:
    """The transport decides; the plugin is believed where it reads a refusal in a body."""
    told = [each for each in heard.exchanges if carries_message(heard, each)]
    unanswered = [each for each in told if each.seen.verdict.result is Result.UNKNOWN]
    accepted = [each for each in told if each.accepted]
    if not told:
        return never_told(heard)
    if unanswered:
        return plainly(unanswered[0])
    if not accepted:
        return plainly(told[-1])
    if heard.pleased:
        return taken(heard, told[-1])
    if len(accepted) < len(told):
        return Judgement(WebSeen.PARTLY, answer_words(told[-1]))
    return refused_within(heard, told[-1])


def carries_message(heard: Heard, exchange: Exchange) -> bool:
    """A webhook may be asked with GET; elsewhere a GET or a login is asked beside."""
    return heard.schema in STATUS_DECIDES or exchange.carries_message


def never_told(heard: Heard) -> Judgement:
    """Nothing of the message left: it failed, whatever became of the plugin's question beside."""
    complaint = heard.complaints[-1] if heard.complaints else "nothing was sent"
    if not heard.exchanges or heard.exchanges[-1].accepted:
        return Judgement(WebSeen.NOT_TRIED, complaint)
    beside = plainly(heard.exchanges[-1])
    lost = beside.seen.verdict.result is Result.UNKNOWN
    return Judgement(WebSeen.CUT_BEFORE, beside.words) if lost else beside


def plainly(exchange: Exchange) -> Judgement:
    return Judgement(exchange.seen, answer_words(exchange), wait_of(exchange))


def taken(heard: Heard, exchange: Exchange) -> Judgement:
    """A body cut short could have held a refusal, except where the status is all there is."""
    certain = exchange.whole or heard.schema in STATUS_DECIDES
    seen = WebSeen.ACCEPTED if certain else WebSeen.UNREADABLE
    return Judgement(seen, f"{exchange.status} {exchange.reason}".strip())


def refused_within(heard: Heard, exchange: Exchange) -> Judgement:
    seen, words = refusal_within(heard.schema, exchange)
    return Judgement(seen, f"{exchange.status} {words}" if words else answer_words(exchange))


def answer_words(exchange: Exchange) -> str:
    """The service's answer in short, or the system's words where there was none."""
    if exchange.status is None:
        return f"{exchange.host}: {exchange.words or 'connection cut'}"
    head = f"{exchange.status} {exchange.reason}".strip()
    snippet = one_line(exchange.body.decode("utf-8", "replace"))[:SNIPPET]
    page = "html" in exchange.headers.get("Content-Type", "") or snippet.startswith("<")
    return f"{head}: {snippet}" if snippet not in ("", "{}") and not page else head
