"""Prepared answers of a sink, by recipient."""

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Generic, TypeVar

Answer = TypeVar("Answer")


@dataclass(slots=True)
class Rule(Generic[Answer]):
    """An answer for the questions that fit; `left` times, or for good where that is None."""

    fits: Callable[[str, str], bool]
    answer: Answer
    left: int | None


@dataclass(slots=True)
class Script(Generic[Answer]):
    """Answers in the order they were given; the newest rule that fits and is not used up counts.

    A question is a verb (`RCPT`, `POST`) and what it is about (an address, a path).
    """

    rules: list[Rule[Answer]] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def add(self, verb: str, about: str | None, answer: Answer, times: int | None) -> None:
        def fits(asked: str, subject: str) -> bool:
            return asked == verb and about in (None, subject)

        with self.lock:
            self.rules.insert(0, Rule(fits, answer, times))

    def answer_to(self, verb: str, about: str, default: Answer) -> Answer:
        with self.lock:
            for rule in self.rules:
                if rule.left != 0 and rule.fits(verb, about):
                    rule.left = None if rule.left is None else rule.left - 1
                    return rule.answer
        return default

    def clear(self) -> None:
        with self.lock:
            self.rules.clear()
