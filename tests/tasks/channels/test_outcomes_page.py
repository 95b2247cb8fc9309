"""docs/outcomes.md agrees with the code, and is complete."""

from collections.abc import Iterable
from enum import Enum
from pathlib import Path

import pytest

from tasks.channels.mail.smtp_outcomes import MailSeen
from tasks.channels.outcome import Result
from tasks.channels.verdict import Verdict
from tasks.channels.web.seen import BY_STATUS, HONOURS_RETRY_AFTER, WebSeen, seen_by_status

PAGE = Path(__file__).parents[3] / "docs" / "outcomes.md"


def row(seen: Enum) -> str:
    """A line of the table, as the page must have it."""
    verdict: Verdict = seen.value
    wait = ", after the wait that Retry-After asks for" if seen in HONOURS_RETRY_AFTER else ""
    becomes = {
        Result.SENT: "`sent`",
        Result.UNKNOWN: f"`unknown`{wait}",
        Result.FAILED: "`failed` for good" if verdict.final else f"`failed` for now{wait}",
    }[verdict.result]
    about = "" if verdict.result is Result.SENT else verdict.about
    return f"| {verdict.seen} | {becomes} | {about} |"


def section(title: str) -> list[str]:
    text = PAGE.read_text(encoding="utf-8")
    after = text.partition(f"## {title}\n")[2].partition("\n## ")[0]
    return [line for line in after.splitlines() if line.startswith("| ") and "---" not in line][1:]


@pytest.mark.parametrize(("title", "all_seen"), [("E-mail", MailSeen), ("HTTP", WebSeen)])
def test_the_page_has_what_can_be_seen_in_the_codes_order(
    title: str, all_seen: Iterable[Enum]
) -> None:
    assert section(title) == [row(seen) for seen in all_seen]


def test_each_thing_seen_has_words_of_its_own() -> None:
    """Members of an enum with equal values would silently become one."""
    for kind in (MailSeen, WebSeen):
        assert len(kind.__members__) == len(list(kind))


@pytest.mark.parametrize("status", sorted(BY_STATUS))
def test_a_status_with_a_rule_of_its_own_stands_in_its_row(status: int) -> None:
    assert str(status) in seen_by_status(status).value.seen
