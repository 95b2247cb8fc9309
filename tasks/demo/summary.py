"""Summary of the demo as a value, as JSON and as text."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from typing_extensions import TypedDict  # pydantic reads typing's own from Python 3.12 on

from tasks.demo.mailbox import Mail
from tasks.demo.observations import ConflictSeen, MessageSeen, Observations, RuleSeen

MOST_CONFLICTS = 5


@dataclass(frozen=True, slots=True)
class Summary:
    """`seconds`: from the first server's start to the last mail. `standing`: sessions that the
    site had."""

    seconds: float
    standing: int
    seen: Observations

    @property
    def unreadable(self) -> tuple[RuleSeen, ...]:
        return tuple(rule for rule in self.seen.rules if rule.state == "unreadable")

    @property
    def not_reached(self) -> tuple[MessageSeen, ...]:
        return tuple(each for each in self.seen.messages if each.state == "unreachable")

    @property
    def series(self) -> Mapping[str, int]:
        """Rules by state."""
        return Counter(rule.state or "unread" for rule in self.seen.rules)


class UnreadableRule(TypedDict):
    session_id: int
    reason: str | None


class NotReached(TypedDict):
    person: str
    role: str
    kind: str
    reason: str | None


class DemoDocument(TypedDict):
    """`seconds`: the whole demo. `sessions`: those that the site had before. `series`: its rules by
    state. `not_reached`: people without a way to them."""

    seconds: float
    sessions: int
    series: Mapping[str, int]
    rows: Mapping[str, int]
    conflicts: Sequence[ConflictSeen]
    unreadable: Sequence[UnreadableRule]
    mails: Sequence[Mail]
    not_reached: Sequence[NotReached]


def document(summary: Summary) -> DemoDocument:
    """The JSON document of the demo's summary."""
    return {
        "seconds": round(summary.seconds, 1),
        "sessions": summary.standing,
        "series": dict(summary.series),
        "rows": {"inserted": summary.seen.rows},
        "conflicts": summary.seen.conflicts,
        "unreadable": [
            {"session_id": rule.session_id, "reason": rule.reason} for rule in summary.unreadable
        ],
        "mails": summary.seen.mails,
        "not_reached": [
            {"person": each.person, "role": each.role, "kind": each.kind, "reason": each.reason}
            for each in summary.not_reached
        ],
    }


def words(summary: Summary) -> Iterator[str]:
    """Line by line, for a person."""
    seen = summary.seen
    states = ", ".join(f"{count} {state}" for state, count in sorted(summary.series.items()))
    yield f"The site had {summary.standing} sessions; {len(seen.rules)} carry a rule: {states}."
    yield f"Rows made from rules: {seen.rows}."
    yield f"Dates without a row, as something stands in the way: {len(seen.conflicts)}"
    yield from indented(conflict_words(seen.conflicts))
    yield f"Rules that cannot be read: {len(summary.unreadable)}"
    yield from indented(f"session {rule.session_id}: {rule.reason}" for rule in summary.unreadable)
    yield f"Mails caught: {len(seen.mails)}"
    yield from indented(mail_words(mail) for mail in seen.mails)
    yield f"Not reached: {len(summary.not_reached)}"
    yield from indented(map(not_reached_words, summary.not_reached))
    yield f"All of it in {summary.seconds:.0f} seconds."


def indented(lines: Iterator[str]) -> Iterator[str]:
    return (f"    {line}" for line in lines)


def conflict_words(conflicts: tuple[ConflictSeen, ...]) -> Iterator[str]:
    for conflict in conflicts[:MOST_CONFLICTS]:
        yield f"{conflict.day} for session {conflict.session_id}: session {conflict.blocked_by}"
    if len(conflicts) > MOST_CONFLICTS:
        yield f"and {len(conflicts) - MOST_CONFLICTS} more"


def mail_words(mail: Mail) -> str:
    """A mail as one line."""
    return f"to {mail.recipient}: {mail.subject}"


def not_reached_words(message: MessageSeen) -> str:
    return f"{message.person} ({message.role}), {message.kind}: {message.reason}"
