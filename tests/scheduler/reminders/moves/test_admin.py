"""An admin's decisions about stuck messages, and their refusals."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Connection, text

from scheduler.reminders.moves.admin import (
    drop_batch,
    release_batch,
    retry,
    retry_failed,
    settle_not_sent,
    settle_sent,
)
from scheduler.reminders.moves.adoption import adopt_database
from scheduler.reminders.moves.follow_site import expire
from scheduler.reminders.moves.held_batches import WRONG_DATABASE, hold_all
from scheduler.reminders.moves.refusal import LedgerRefusal
from tests.eventually import eventually
from tests.locks import someone_waits
from tests.scheduler.ledger.rows import (
    KEY,
    MINUTE,
    NOW,
    START,
    a_batch,
    a_delivery,
    an_attempt,
    row_of,
)
from tests.servers import connect

UNANSWERED = {"state": "held", "reason": "no_answer", "channel": "sms"}


@pytest.mark.parametrize(
    "stuck",
    [
        {"state": "failed", "reason": "550 no such user"},
        {"state": "failed", "reason": "450 later", "retry_at": NOW + MINUTE},
        {"state": "unknown", "reason": "no_answer", "retry_at": NOW + MINUTE},
        UNANSWERED,
        {"state": "unreachable", "reason": "no_email"},
        {"state": "obsolete", "reason": "dropped_by_admin"},
    ],
)
def test_what_is_stuck_can_be_retried(conn: Connection, stuck: dict[str, Any]) -> None:
    one = a_delivery(conn, **stuck)

    assert retry(conn, [one], NOW) == {one}

    row = row_of(conn, one)
    assert (row.state, row.reason, row.send_after) == ("planned", "retried_by_admin", NOW)
    assert (row.retry_at, row.tries_since) == (None, NOW)


def test_after_an_outage_all_that_failed_since_and_can_still_be_sent_is_retried(
    conn: Connection,
) -> None:
    refused = {"state": "failed", "reason": "550 no such user"}
    due = a_delivery(conn, due_at=NOW - MINUTE, recipient="user:1", **refused)
    a_delivery(conn, due_at=NOW - 10 * MINUTE, recipient="user:2", **refused)  # before it
    a_delivery(conn, due_at=NOW, starts_at=NOW, recipient="user:3", **refused)  # has begun
    a_delivery(conn, due_at=NOW, recipient="user:4", state="failed", retry_at=NOW + MINUTE)
    a_delivery(conn, due_at=NOW, recipient="user:5", state="unreachable")

    assert retry_failed(conn, NOW - 5 * MINUTE, NOW) == {due}
    assert row_of(conn, due).state == "planned"


@pytest.mark.parametrize(
    "settled",
    [
        {"state": "planned"},
        {"state": "claimed"},
        {"state": "sending"},
        {"state": "sent"},
        {"state": "expired", "reason": "begun"},
        {"state": "obsolete", "reason": "moved"},
    ],
)
def test_what_is_not_stuck_cannot_be_retried(conn: Connection, settled: dict[str, Any]) -> None:
    one = a_delivery(conn, **settled)

    with pytest.raises(LedgerRefusal, match=f"delivery {one} is {settled['state']}"):
        retry(conn, [one], NOW)

    assert row_of(conn, one).state == settled["state"]


def test_nothing_is_retried_once_the_session_has_begun(conn: Connection) -> None:
    one = a_delivery(conn, state="failed")

    with pytest.raises(LedgerRefusal, match="its session has begun"):
        retry(conn, [one], START)


def test_a_refused_id_leaves_the_others_where_they_were(conn: Connection) -> None:
    one = a_delivery(conn, state="failed")

    with pytest.raises(LedgerRefusal, match="there is no delivery 999"):
        retry(conn, [one, 999], NOW)

    assert row_of(conn, one).state == "failed"


def test_rows_that_were_one_message_move_together(conn: Connection) -> None:
    group = [a_delivery(conn, session_id=n, student_id=n, message_key=KEY, **UNANSWERED)
             for n in (1, 2, 3)]  # fmt: skip
    other = a_delivery(conn, session_id=4, student_id=4, message_key=KEY, recipient="user:8",
                       **UNANSWERED)  # fmt: skip

    assert settle_sent(conn, group[:1], NOW) == set(group)
    assert row_of(conn, other).state == "held"


def test_an_admin_who_saw_it_arrive_settles_it_as_sent_when_it_was_tried(conn: Connection) -> None:
    one = a_delivery(conn, **UNANSWERED)
    an_attempt(conn, one, begun_at=NOW - MINUTE, outcome="unknown")

    settle_sent(conn, [one], NOW)

    row = row_of(conn, one)
    assert (row.state, row.reason, row.sent_at) == ("sent", "settled_by_admin", NOW - MINUTE)


def test_what_was_not_sent_has_failed_and_goes_again_only_when_it_is_retried(
    conn: Connection,
) -> None:
    one = a_delivery(conn, state="unknown", reason="no_answer", retry_at=NOW)

    settle_not_sent(conn, [one], NOW)
    settled = row_of(conn, one)
    retry(conn, [one], NOW)

    assert (settled.state, settled.reason, settled.retry_at) == ("failed", "settled_by_admin", None)
    assert row_of(conn, one).state == "planned"


@pytest.mark.parametrize("settle", [settle_sent, settle_not_sent])
@pytest.mark.parametrize("state", ["planned", "sending", "sent", "failed"])
def test_only_what_was_never_answered_can_be_settled(
    conn: Connection, settle: Callable[..., Any], state: str
) -> None:
    one = a_delivery(conn, state=state)

    with pytest.raises(LedgerRefusal, match=f"delivery {one} is {state}, so it cannot be settled"):
        settle(conn, [one], NOW)


@pytest.mark.parametrize("act", [retry, settle_sent, settle_not_sent])
def test_what_is_held_with_a_batch_is_decided_on_as_a_batch(
    conn: Connection, act: Callable[..., Any]
) -> None:
    batch = a_batch(conn)
    one = a_delivery(conn, state="held", reason="flood", batch=batch)

    with pytest.raises(LedgerRefusal, match=f"is held with batch {batch}: .* release"):
        act(conn, [one], NOW)


def test_a_released_batch_is_planned_again_and_what_has_begun_expires(conn: Connection) -> None:
    batch = a_batch(conn)
    due = a_delivery(conn, state="held", reason="flood", batch=batch)
    begun = a_delivery(conn, state="held", reason="flood", batch=batch, starts_at=NOW - MINUTE)
    other = a_delivery(conn, state="held", reason="flood", batch=a_batch(conn), lead_minutes=30)

    assert release_batch(conn, batch, NOW) == {due, begun}
    expire(conn, NOW)

    assert [row_of(conn, each).state for each in (due, begun, other)] == [
        "planned", "expired", "held"]  # fmt: skip
    assert row_of(conn, due).batch == batch


def test_a_dropped_batch_is_obsolete_for_good(conn: Connection) -> None:
    batch = a_batch(conn)
    one = a_delivery(conn, state="held", reason="flood", batch=batch)

    assert drop_batch(conn, batch, NOW) == {one}

    row = row_of(conn, one)
    assert (row.state, row.reason) == ("obsolete", "dropped_by_admin")


@pytest.mark.parametrize("act", [release_batch, drop_batch])
def test_a_batch_is_decided_on_once(conn: Connection, act: Callable[..., Any]) -> None:
    batch = a_batch(conn)
    act(conn, batch, NOW)

    with pytest.raises(LedgerRefusal, match=f"batch {batch} was decided on at 2026-12-01 09:00"):
        act(conn, batch, NOW)
    with pytest.raises(LedgerRefusal, match="there is no held batch 999"):
        act(conn, 999, NOW)


@pytest.mark.parametrize("act", [release_batch, drop_batch])
def test_nothing_is_added_to_a_batch_while_it_is_decided_on(
    conn: Connection, database: str, act: Callable[..., Any]
) -> None:
    a_delivery(conn)
    hold_all(conn, "flood", "an edit")
    batch = conn.scalar(text("SELECT id FROM session_worker.held_batch"))
    late = a_delivery(conn, lead_minutes=30)
    conn.commit()
    act(conn, batch, NOW)

    with connect(database) as beside, ThreadPoolExecutor() as pool:
        holding = pool.submit(hold_all, beside, "flood", "another edit")
        eventually(lambda: someone_waits(database) or holding.done())
        conn.commit()
        holding.result(timeout=60)
        beside.commit()

    row = row_of(conn, late)
    assert row.state == "held"
    assert row.batch != batch


def move_the_ledger(conn: Connection) -> None:
    conn.execute(text("UPDATE session_worker.installation SET database_name = 'live'"))


def test_on_a_copy_of_the_database_nothing_is_released(conn: Connection) -> None:
    a_delivery(conn)
    hold_all(conn, WRONG_DATABASE, "elsewhere")
    move_the_ledger(conn)
    batch = conn.scalar(text("SELECT id FROM session_worker.held_batch"))

    with pytest.raises(LedgerRefusal, match="doctor --adopt-database"):
        release_batch(conn, batch, NOW)


def test_a_copy_that_is_adopted_is_home_and_its_messages_are_planned_again(
    conn: Connection,
) -> None:
    one = a_delivery(conn)
    flood = a_delivery(conn, state="held", reason="flood", batch=a_batch(conn), lead_minutes=30)
    move_the_ledger(conn)
    hold_all(conn, WRONG_DATABASE, "elsewhere")

    assert adopt_database(conn, NOW) == {one}

    assert row_of(conn, one).state == "planned"
    assert row_of(conn, flood).state == "held"
    assert adopt_database(conn, NOW) == set()
