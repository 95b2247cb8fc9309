"""Receipts of the site's callback for a message that the provider accepted."""

from uuid import UUID

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from tests.scheduler.ledger.rows import a_delivery, an_attempt, row_of

KEY = UUID("0b0f6f3e-0000-4000-8000-00000000000a")


def receipt(conn: Connection, channel: str, id_: str, status: str) -> bool:
    return bool(
        conn.scalar(
            text("SELECT session_worker.receipt(:channel, :id, :status)"),
            {"channel": channel, "id": id_, "status": status},
        )
    )


@pytest.fixture
def sent(conn: Connection) -> int:
    """A message that was sent by SMS."""
    id_ = a_delivery(conn, state="sent", message_key=KEY)
    an_attempt(conn, id_, channel="sms", outcome="sent", message_key=KEY, provider_id="provider-1")
    return id_


@pytest.mark.parametrize("id_", ["provider-1", str(KEY), str(KEY).upper()])
def test_a_receipt_finds_its_message_by_the_providers_id_or_the_workers_key(
    conn: Connection, sent: int, id_: str
) -> None:
    assert receipt(conn, "sms", id_, "delivered")
    assert row_of(conn, sent).receipt == "delivered"


@pytest.mark.parametrize(
    ("statuses", "stands"),
    [
        (["delivered", "undelivered"], "undelivered"),
        (["16", "1"], "undelivered"),
        (["8", "1"], "delivered"),
        (["8"], None),
        ([" Delivered "], "delivered"),
    ],
)
def test_a_part_that_did_not_arrive_wins(
    conn: Connection, sent: int, statuses: list[str], stands: str | None
) -> None:
    for status in statuses:
        receipt(conn, "sms", "provider-1", status)

    assert row_of(conn, sent).receipt == stands


@pytest.mark.parametrize(
    ("channel", "id_"), [("email", "provider-1"), ("sms", "another"), ("sms", "")]
)
def test_a_receipt_of_another_channel_or_id_finds_nothing(
    conn: Connection, sent: int, channel: str, id_: str
) -> None:
    assert not receipt(conn, channel, id_, "delivered")
    assert row_of(conn, sent).receipt is None


def test_a_word_that_is_neither_is_refused(conn: Connection, sent: int) -> None:
    with pytest.raises(DBAPIError, match="receipt: perhaps is neither delivered nor undelivered"):
        receipt(conn, "sms", "provider-1", "perhaps")
