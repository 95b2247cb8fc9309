"""Refusals in the bodies of services that are not described here.

Recognised are the common forms (success is false, or there is an error) and the texts of known
gateways. Nothing counts as a yes. The common forms do not count under 5xx, as proxies use them too.
"""

from collections.abc import Iterator
from typing import Any

from tasks.channels.web.services.body import first, structure
from tasks.channels.web.services.plain_gateways import known_refusal
from tasks.channels.web.services.service_words import Reading, Stance

WRAPPERS = ("result", "response", "data", "results")
FALSE_OF = ("ok", "success", "successful", "accepted")
STATES = ("status", "state", "result", "acknowledge", "type")
REFUSED = {"error", "err", "fail", "failed", "failure", "rejected", "refused", "invalid"}
ERRORS = ("error", "errors", "error_message", "errorMessage", "error_text")
CODES = ("errcode", "error_code", "errorCode")
NO_ERROR = {"", "0", "none", "null", "false", "no", "ok", "success"}
WORDS = (
    "message",
    "msg",
    "description",
    "errmsg",
    "error",
    "error.message",
    "errors.0",
    "error_text",
)


class PlainNo:
    """Reader that recognises refusals only."""

    @property
    def tells(self) -> bool:
        return False

    def read(self, body: bytes, status: int) -> Reading:
        value = structure(body) if status < 500 else None
        for answer in answers_in(value):
            if says_no(answer):
                return Reading(Stance.NO, first(answer, *WORDS, *CODES))
        return known_refusal(body, status) or Reading(Stance.NEITHER)


def answers_in(value: Any) -> Iterator[dict[str, Any]]:
    """The mappings that may hold the refusal: the answer, what it wraps, or a list's only item."""
    if isinstance(value, list) and len(value) == 1:
        yield from answers_in(value[0])
    elif isinstance(value, dict):
        yield value
        for name in WRAPPERS:
            if isinstance(value.get(name), dict):
                yield value[name]


def says_no(answer: dict[str, Any]) -> bool:
    return (
        any(answer.get(name) is False for name in FALSE_OF)
        or any(is_refusal(answer.get(name)) for name in STATES)
        or any(is_error(answer.get(name)) for name in ERRORS)
        or any(is_error(answer.get(name)) for name in CODES)
    )


def is_refusal(value: Any) -> bool:
    return isinstance(value, str) and value.strip().lower() in REFUSED


def is_error(value: Any) -> bool:
    if isinstance(value, (str, int, float)):
        return str(value).strip().lower() not in NO_ERROR
    return bool(value)


PLAIN_NO = PlainNo()
