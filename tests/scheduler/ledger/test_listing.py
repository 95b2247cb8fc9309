"""The list of deliveries: filters, and the order of due times."""

from typing import Any

import pytest
from sqlalchemy import Connection

from scheduler.ledger.listing import Wanted, list_deliveries
from scheduler.reminders.moves.refusal import LedgerRefusal
from scheduler.reminders.moves.state import State
from tests.builders import a_session, a_user
from tests.scheduler.ledger.rows import HOUR, MINUTE, NOW, START, a_delivery


def ids(conn: Connection, **wanted: Any) -> list[int]:
    return [each.id for each in list_deliveries(conn, Wanted(**wanted))]


def test_deliveries_are_listed_in_the_order_in_which_they_are_due(conn: Connection) -> None:
    late = a_delivery(conn, due_at=NOW + HOUR)
    early = a_delivery(conn, due_at=NOW, lead_minutes=120)

    assert ids(conn) == [early, late]


def test_a_line_says_what_the_row_says(conn: Connection) -> None:
    one = a_delivery(conn, state="sent", channel="email", sent_at=NOW, attempts=2)

    line = list_deliveries(conn, Wanted())[0]

    assert (line.id, line.session_id, line.starts_at, line.kind) == (one, 1, START, "reminder")
    assert (line.lead_minutes, line.person_id, line.role, line.state) == (60, 7, "tutor", "sent")
    assert (line.reason, line.channel, line.batch, line.attempts) == (None, "email", None, 2)
    assert (line.due_at, line.sent_at) == (START - HOUR, NOW)


def test_a_session_and_a_person_narrow_the_list(conn: Connection) -> None:
    a_delivery(conn)
    one = a_delivery(conn, session_id=2, recipient="user:8", person_id=8)

    assert ids(conn, session_id=2) == [one]
    assert ids(conn, person_id=8) == [one]
    assert ids(conn, person_id=8, session_id=1) == []


def test_several_states_may_be_asked_for(conn: Connection) -> None:
    held = a_delivery(conn, state="held", reason="no_answer")
    unknown = a_delivery(conn, state="unknown", lead_minutes=30)
    a_delivery(conn, state="sent", lead_minutes=15)

    assert ids(conn, states=(State.HELD, State.UNKNOWN)) == [held, unknown]


def test_since_leaves_out_what_was_due_before(conn: Connection) -> None:
    a_delivery(conn, due_at=NOW - MINUTE)
    due = a_delivery(conn, due_at=NOW, lead_minutes=30)

    assert ids(conn, since=NOW) == [due]


def test_a_limit_keeps_the_newest(conn: Connection) -> None:
    a_delivery(conn, due_at=NOW)
    newer = a_delivery(conn, due_at=NOW + MINUTE, lead_minutes=30)
    newest = a_delivery(conn, due_at=NOW + HOUR, lead_minutes=15)

    assert ids(conn, limit=2) == [newer, newest]


def test_a_known_person_without_messages_has_an_empty_list(conn: Connection) -> None:
    assert ids(conn, session_id=a_session(conn), person_id=a_user(conn)) == []


@pytest.mark.parametrize("unknown", ["session_id", "person_id"])
def test_an_unknown_id_is_refused_in_one_line(conn: Connection, unknown: str) -> None:
    with pytest.raises(LedgerRefusal, match=r"^there is no (session|person) 999") as refused:
        ids(conn, **{unknown: 999})

    assert "\n" not in str(refused.value)
