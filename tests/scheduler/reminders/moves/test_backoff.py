"""Waiting times before the next try of a failed message."""

from datetime import timedelta

import pytest

from scheduler.reminders.moves.backoff import LONGEST, retry_at
from tests.scheduler.reminders.passes import at

NOW = at("12:00")
FAR = at("12:00", 5)
EVEN = 21  # an id whose spread is nothing


@pytest.mark.parametrize(
    ("attempts", "seconds"), [(1, 15), (2, 30), (3, 60), (4, 120), (7, 900), (100, 900)]
)
def test_waits_double_up_to_a_quarter_of_an_hour(attempts: int, seconds: int) -> None:
    assert retry_at(NOW, attempts, EVEN, FAR, None) == NOW + timedelta(seconds=seconds)


def test_messages_that_failed_together_are_spread_by_up_to_a_fifth() -> None:
    waits = {retry_at(NOW, 7, id_, FAR, None) - NOW for id_ in range(1000)}

    assert len(waits) == 21
    assert LONGEST <= min(waits) <= max(waits) <= LONGEST * 1.2


def test_a_providers_wait_is_honoured() -> None:
    assert retry_at(NOW, 1, EVEN, FAR, timedelta(hours=1)) == NOW + timedelta(hours=1)


def test_no_wait_leads_beyond_the_start() -> None:
    assert retry_at(NOW, 1, EVEN, at("12:00:05"), None) == at("12:00:05")
