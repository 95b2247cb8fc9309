"""Pauses of channels, and their end."""

import pytest
from sqlalchemy import Connection

from scheduler.reminders.channel_pauses import (
    EVERY_CHANNEL,
    pause,
    paused_channels,
    pauses,
    resume,
    resume_all,
)
from scheduler.reminders.moves.refusal import LedgerRefusal
from tests.scheduler.ledger.rows import HOUR, MINUTE, NOW, a_delivery, row_of


def test_a_paused_channel_is_one_that_workers_see(conn: Connection) -> None:
    pause(conn, "sms", "the provider is down", NOW)

    assert paused_channels(conn) == {"sms"}


def test_pausing_twice_keeps_the_beginning_and_takes_the_newer_reason(conn: Connection) -> None:
    pause(conn, "sms", "first", NOW)

    again = pause(conn, "sms", "second", NOW + HOUR)

    assert (again.paused_at, again.reason) == (NOW, "second")
    assert pause(conn, "sms", None, NOW + HOUR).reason == "second"


def test_one_channel_resumes_and_the_others_stay_paused(conn: Connection) -> None:
    pause(conn, "sms", None, NOW)
    pause(conn, "email", None, NOW)

    lifted = resume(conn, "sms", NOW)

    assert [each.channel for each in lifted] == ["sms"]
    assert [each.channel for each in pauses(conn)] == ["email"]


def test_resuming_all_lifts_also_what_was_paused_by_name(conn: Connection) -> None:
    pause(conn, EVERY_CHANNEL, None, NOW)
    pause(conn, "email", None, NOW)

    assert {each.channel for each in resume_all(conn, NOW)} == {"*", "email"}
    assert pauses(conn) == []


def test_one_channel_of_all_that_are_paused_is_not_resumed_alone(conn: Connection) -> None:
    pause(conn, EVERY_CHANNEL, None, NOW)

    with pytest.raises(LedgerRefusal, match="every channel is paused, not sms alone"):
        resume(conn, "sms", NOW)

    assert paused_channels(conn) == {"*"}


def test_resuming_what_was_not_paused_lifts_nothing(conn: Connection) -> None:
    assert resume(conn, "sms", NOW) == []
    assert resume_all(conn, NOW) == []


def test_what_waited_for_the_pause_is_due_at_once(conn: Connection) -> None:
    waited = a_delivery(conn, reason="paused", send_after=NOW + MINUTE)
    rated = a_delivery(conn, reason="rate", send_after=NOW + MINUTE, lead_minutes=30)

    resume_all(conn, NOW)

    assert row_of(conn, waited).send_after == NOW
    assert row_of(conn, rated).send_after == NOW + MINUTE
