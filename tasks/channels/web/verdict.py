"""What became of a message, from all that was seen of its requests."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from tasks.channels.outcome import Result
from tasks.channels.redaction import one_line
from tasks.channels.web.bodies import READERS, STATUS_DECIDES, member, parsed, wait_of
from tasks.channels.web.exchange import Exchange
from tasks.channels.web.seen import WebSeen

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
    if len(accepted) < len(told) and not heard.pleased:
        return Judgement(WebSeen.PARTLY, answer_words(told[-1]))
    return read_answer(heard, accepted[-1])


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


def read_answer(heard: Heard, exchange: Exchange) -> Judgement:
    """A 2xx, in whose body a refusal may stand, except where the status is all there is.

    Of services without a reader of their own: a 200 is what every plugin takes for success, so one
    that is not pleased has read a refusal; another 2xx may simply not be on its list.
    """
    if not exchange.whole and heard.schema not in STATUS_DECIDES:
        return Judgement(WebSeen.UNREADABLE, f"{status_words(exchange)}: the answer broke off")
    if heard.schema in READERS:
        seen, words = READERS[heard.schema](exchange)
        sure = heard.pleased or seen is not WebSeen.ACCEPTED
        return Judgement(seen if sure else WebSeen.UNREADABLE, f"{exchange.status} {words}")
    if heard.pleased:
        return Judgement(WebSeen.ACCEPTED, status_words(exchange))
    refused = exchange.status == 200
    seen = WebSeen.REFUSED_WITHIN_FOR_NOW if refused else WebSeen.UNREADABLE
    return Judgement(seen, answer_words(exchange))


def status_words(exchange: Exchange) -> str:
    return f"{exchange.status} {exchange.reason}".strip()


def answer_words(exchange: Exchange) -> str:
    """The service's answer in short, or the system's words where there was none."""
    if exchange.status is None:
        return f"{exchange.host}: {exchange.words or 'connection cut'}"
    said = message_in(exchange)
    return f"{status_words(exchange)}: {said}" if said else status_words(exchange)


def message_in(exchange: Exchange) -> str:
    """What a body says to people: a JSON answer's message, a short text; not a page of HTML."""
    answer = parsed(exchange.body)
    for name in MESSAGES:
        if isinstance(said := member(answer, name), str) and said.strip():
            return one_line(said)[:SNIPPET]
    text = one_line(exchange.body.decode("utf-8", "replace"))[:SNIPPET]
    page = "html" in exchange.headers.get("Content-Type", "") or text.startswith("<")
    return "" if page or text in ("{}", "[]", "null") else text


# In the order of how much they say.
MESSAGES = ("description", "detail", "message", "error_description", "error", "title", "reason")
