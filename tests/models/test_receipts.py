"""Receipts of the site's callback for a message that the provider accepted."""

import re
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Connection, select, text
from sqlalchemy.exc import DBAPIError

from models.catalog import read_catalog
from models.worker import Attempt, Receipt, ReceiptWord
from scheduler.doctor.patient import Patient
from scheduler.doctor.stuck import check_receipt_words
from scheduler.ledger.personal_data import export, forget
from scheduler.ledger.retention import remove_rest
from scheduler.settings import load_settings
from tests.scheduler.ledger.rows import START, a_delivery, an_attempt, row_of

KEY = UUID("0b0f6f3e-0000-4000-8000-00000000000a")
DAY = timedelta(days=1)
DOCS = Path(__file__).parents[2] / "docs"


def receipt(conn: Connection, channel: str, id_: str, status: str | None) -> bool:
    return bool(
        conn.scalar(
            text("SELECT session_worker.receipt(:channel, :id, :status)"),
            {"channel": channel, "id": id_, "status": status},
        )
    )


def recorded(conn: Connection) -> list[tuple[str, str | None]]:
    rows = conn.execute(select(Receipt.status, Receipt.meaning).order_by(Receipt.id))
    return [(row.status, row.meaning) for row in rows]


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
        (["Failed:UserInBlackList"], "undelivered"),
        (["UserInBlackList"], "undelivered"),
        (["delivered:30005"], "delivered"),
        (["partially_delivered"], "undelivered"),
        (["DELIVRD"], "delivered"),
    ],
)
def test_one_part_that_did_not_arrive_makes_the_message_undelivered(
    conn: Connection, sent: int, statuses: list[str], stands: str | None
) -> None:
    for status in statuses:
        receipt(conn, "sms", "provider-1", status)

    assert row_of(conn, sent).receipt == stands


@pytest.mark.parametrize("order", [*permutations(["Sent", "Success", "Failed"])])
def test_the_order_of_receipts_does_not_matter_nor_how_often_each_comes(
    conn: Connection, sent: int, order: tuple[str, ...]
) -> None:
    for status in (*order, *order):
        assert receipt(conn, "sms", "provider-1", status)

    assert row_of(conn, sent).receipt == "undelivered"
    assert len(recorded(conn)) == len(order)


@pytest.mark.parametrize(
    ("channel", "id_"),
    [("email", "provider-1"), ("email", str(KEY)), ("sms", "another"), ("sms", "")],
)
def test_a_receipt_of_another_channel_or_id_finds_nothing(
    conn: Connection, sent: int, channel: str, id_: str
) -> None:
    assert not receipt(conn, channel, id_, "delivered")
    assert row_of(conn, sent).receipt is None
    assert recorded(conn) == []


def test_a_word_that_nobody_knows_is_recorded_and_changes_nothing(
    conn: Connection, sent: int
) -> None:
    assert receipt(conn, "sms", "provider-1", "perhaps")

    assert recorded(conn) == [("perhaps", None)]
    assert row_of(conn, sent).receipt is None


def test_a_word_that_an_admin_adds_is_known(conn: Connection, sent: int) -> None:
    word = "INSERT INTO session_worker.receipt_word VALUES ('arrivato', 'delivered', 'another')"
    conn.execute(text(word))

    receipt(conn, "sms", "provider-1", "Arrivato")

    assert row_of(conn, sent).receipt == "delivered"


@pytest.mark.parametrize("status", [None, " "])
def test_a_receipt_without_a_status_is_refused(
    conn: Connection, sent: int, status: str | None
) -> None:
    with pytest.raises(DBAPIError, match="receipt: no status"):
        receipt(conn, "sms", "provider-1", status)


def test_a_receipt_is_about_the_last_try_alone(conn: Connection, sent: int) -> None:
    an_attempt(conn, sent, channel="email", outcome="sent", message_key=KEY)

    receipt(conn, "sms", str(KEY), "undelivered")

    of_tries = select(Attempt.channel, Attempt.receipt).order_by(Attempt.id)
    assert [*map(tuple, conn.execute(of_tries))] == [("sms", "undelivered"), ("email", None)]
    assert row_of(conn, sent).receipt is None


def test_all_rows_of_one_message_have_its_receipt(conn: Connection, sent: int) -> None:
    other = a_delivery(conn, state="sent", message_key=KEY, session_id=2, student_id=2)
    an_attempt(conn, other, channel="sms", message_key=KEY, provider_id="provider-1")

    receipt(conn, "sms", str(KEY), "delivered")

    assert [row_of(conn, id_).receipt for id_ in (sent, other)] == ["delivered"] * 2


def test_a_persons_receipts_are_exported_and_forgotten(conn: Connection, sent: int) -> None:
    receipt(conn, "sms", "provider-1", "delivered")

    [delivery] = export(conn, "user:7").deliveries
    assert [each["status"] for each in delivery["receipts"]] == ["delivered"]

    forget(conn, "user:7", START + DAY, "Africa/Addis_Ababa")
    assert recorded(conn) == []


def test_receipts_are_removed_when_they_are_old(conn: Connection, sent: int) -> None:
    receipt(conn, "sms", "provider-1", "delivered")

    remove_rest(conn, datetime.now(UTC) - DAY, "Africa/Addis_Ababa")
    assert recorded(conn) == [("delivered", "delivered")]
    remove_rest(conn, datetime.now(UTC) + DAY, "Africa/Addis_Ababa")
    assert recorded(conn) == []


def test_the_doctor_names_words_that_nobody_knows(conn: Connection, sent: int) -> None:
    receipt(conn, "sms", "provider-1", "perhaps")
    patient = Patient(conn, read_catalog(conn), load_settings(_env_file=None), datetime.now(UTC))

    [found] = check_receipt_words(patient)

    assert "1 receipt with a word that is not known" in found.detail
    assert "sms perhaps" in found.detail


def test_the_page_lists_the_words_that_are_known(conn: Connection) -> None:
    page = (DOCS / "receipts.md").read_text()
    listed = {
        (source.strip(), meaning.strip(), word)
        for source, meaning, words in re.findall(
            r"^\| ([^|`]+) \| ([a-z_]+) \| (.+) \|$", page, re.M
        )
        for word in re.findall(r"`([a-z0-9_]+)`", words)
    }
    known = select(ReceiptWord.source, ReceiptWord.meaning, ReceiptWord.word)
    assert listed == {tuple(row) for row in conn.execute(known)}
