"""Judgement of a message from what was observed of its requests."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from tasks.channels.outcome import Result
from tasks.channels.redaction import one_line
from tasks.channels.web.exchange import Exchange
from tasks.channels.web.seen import WebSeen
from tasks.channels.web.services.body import first, has_tags, is_page, plain_text, structure
from tasks.channels.web.services.service_words import Reader, Reading, Stance

SNIPPET = 120
# A body with more characters than this is not shown as an error text.
LONGEST_WORDS = 300


@dataclass(frozen=True, slots=True)
class Heard:
    """The requests of one message in order, and the plugin's verdict: `pleased`, and its log lines.

    `reader` reads the service's answers; None where only the status counts. `broke`: the plugin
    raised an exception. `any_request_tells`: every request carries the message.
    """

    reader: Reader | None
    exchanges: Sequence[Exchange]
    pleased: bool
    complaints: Sequence[str] = ()
    broke: bool = False
    any_request_tells: bool = False


@dataclass(frozen=True, slots=True)
class Judgement:
    """Outcome of a message. `words` may still hold addresses or secrets: clean them before showing.
    `moved_to`: the new id of the chat."""

    seen: WebSeen
    words: str
    wait: timedelta | None = None
    provider_id: str | None = None
    moved_to: str | None = None


def judge(heard: Heard) -> Judgement:
    """Judge a message by its transport, and by the body where the service refuses in it."""
    told = [each for each in heard.exchanges if heard.any_request_tells or each.carries_message]
    if not told:
        return never_told(heard)
    judged = [judge_one(heard, each) for each in told]
    unanswered = [each for each in judged if result_of(each) is Result.UNKNOWN]
    accepted = [each for each in judged if result_of(each) is Result.SENT]
    if unanswered:
        return unanswered[0]
    if accepted and len(accepted) < len(judged) and not heard.pleased:
        return Judgement(WebSeen.PARTLY, answer_words(told[-1]))
    return accepted[-1] if accepted else judged[-1]


def result_of(judgement: Judgement) -> Result:
    return judgement.seen.verdict.result


def never_told(heard: Heard) -> Judgement:
    """Judge a message that was never sent: it failed, whatever the auxiliary requests brought."""
    complaint = heard.complaints[-1] if heard.complaints else "nothing was sent"
    if not heard.exchanges or heard.exchanges[-1].accepted:
        seen = WebSeen.BROKEN_LIBRARY if heard.broke else WebSeen.NOT_TRIED
        return Judgement(seen, complaint)
    last = heard.exchanges[-1]
    beside = by_status(last)
    # OAuth refuses a login with 400 (RFC 6749, 5.2).
    if last.is_login and beside.seen in (WebSeen.NOT_SO, WebSeen.GONE):
        return Judgement(WebSeen.REFUSED_CHANNEL, beside.words)
    lost = result_of(beside) is Result.UNKNOWN
    return Judgement(WebSeen.CUT_BEFORE, beside.words) if lost else beside


def judge_one(heard: Heard, exchange: Exchange) -> Judgement:
    if heard.reader is None or exchange.status is None:
        return by_status(exchange)
    reading = heard.reader.read(exchange.body, exchange.status) if exchange.whole else None
    if exchange.accepted:
        return within_2xx(heard, exchange, reading)
    if reading is not None and reading.stance is Stance.NO and exchange.status >= 400:
        return refused(exchange, reading)
    return by_status(exchange)


def by_status(exchange: Exchange) -> Judgement:
    return Judgement(exchange.seen, answer_words(exchange), exchange.wait)


def refused(exchange: Exchange, reading: Reading) -> Judgement:
    """Judge a refusal by the service's reason; where the body gives none, by the error status."""
    seen = reading.refusal
    if seen in (None, WebSeen.REFUSED_MESSAGE):
        if exchange.status is not None and 400 <= exchange.status < 500:
            seen = exchange.seen
        elif seen is None or not exchange.accepted:
            seen = WebSeen.REFUSED_NOW
    return Judgement(seen, words_of(exchange, reading), reading.wait or exchange.wait)


def within_2xx(heard: Heard, exchange: Exchange, reading: Reading | None) -> Judgement:
    """Judge a 2xx, whose body may hold a refusal.

    Where the service is not known to confirm in the body, its plugin decides: every plugin takes
    200 for success, so one that reports an error has read a refusal; another 2xx may merely be
    missing from its list. An HTML page is no service's answer to a program.
    """
    if reading is None:
        return Judgement(WebSeen.UNREADABLE, f"{status_words(exchange)}: the answer broke off")
    if reading.stance is Stance.NO:
        return refused(exchange, reading)
    if reading.stance is Stance.PARTLY:
        return Judgement(WebSeen.PARTLY, words_of(exchange, reading))
    if reading.stance is Stance.NEITHER and is_page(exchange.body) and not heard.any_request_tells:
        return Judgement(WebSeen.UNREADABLE, answer_words(exchange))
    said_yes = reading.stance is Stance.YES or not (heard.reader and heard.reader.tells)
    if said_yes and heard.pleased:
        words = words_of(exchange, reading)
        return Judgement(WebSeen.ACCEPTED, words, provider_id=reading.provider_id)
    if said_yes and exchange.status == 200 and reading.stance is Stance.NEITHER:
        return Judgement(WebSeen.REFUSED_NOW, answer_words(exchange))
    return Judgement(WebSeen.UNREADABLE, answer_words(exchange))


def words_of(exchange: Exchange, reading: Reading) -> str:
    if not reading.words:
        return status_words(exchange) if exchange.accepted else answer_words(exchange)
    said = one_line(reading.words)[:SNIPPET]
    return f"{exchange.status} {said}" if exchange.accepted else f"{status_words(exchange)}: {said}"


def status_words(exchange: Exchange) -> str:
    return f"{exchange.status} {exchange.reason}".strip()


def answer_words(exchange: Exchange) -> str:
    """The service's answer in short, or the system's error text where there was none."""
    if exchange.status is None:
        return f"{exchange.host}: {exchange.words or 'connection cut'}"
    said = message_in(exchange)
    return f"{status_words(exchange)}: {said}" if said else status_words(exchange)


def message_in(exchange: Exchange) -> str:
    """The readable text of a body: a structured answer's message, or a short text without tags,
    whatever its content type; never an HTML page."""
    said = first(structure(exchange.body), *MESSAGES)
    if said:
        return one_line(said)[:SNIPPET]
    text = one_line(plain_text(exchange.body))
    empty = text in ("", "{}", "[]", "null")
    return "" if empty or has_tags(text) or len(text) > LONGEST_WORDS else text[:SNIPPET]


# The most informative first.
MESSAGES = (
    "description",
    "detail",
    "message",
    "error.message",
    "error_description",
    "error",
    "errors.0.message",
    "errors.0",
    "title",
    "reason",
)
