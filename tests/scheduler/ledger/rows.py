"""Builders of ledger rows, with valid defaults: a test names only the columns it is about."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, insert, select

from models.worker import Attempt, Delivery, HeldBatch

# Tuesday 2026-12-01, 12:00 in Addis Ababa; the builders' session begins two hours later.
NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)
START = datetime(2026, 12, 1, 11, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
KEY = UUID(int=7)


def a_delivery(conn: Connection, **columns: Any) -> int:
    """A reminder to a tutor, user 7, an hour before the start; planned when it fell due."""
    defaults = {
        "session_id": 1,
        "tutor_id": 1,
        "student_id": 1,
        "starts_at": START,
        "kind": "reminder",
        "lead_minutes": 60,
        "recipient": "user:7",
        "person_id": 7,
        "role": "tutor",
        "due_at": START - HOUR,
        "send_after": START - HOUR,
        "planned_at": START - HOUR - MINUTE,
    }
    statement = insert(Delivery).values({**defaults, **columns}).returning(Delivery.id)
    return int(conn.scalars(statement).one())


def an_attempt(conn: Connection, delivery_id: int, **columns: Any) -> int:
    """A try by e-mail, at NOW, that the mail server took."""
    defaults = {
        "delivery_id": delivery_id,
        "message_key": uuid4(),
        "channel": "email",
        "begun_at": NOW,
        "ended_at": NOW + timedelta(seconds=1),
        "outcome": "sent",
        "words": "250 ok",
    }
    statement = insert(Attempt).values({**defaults, **columns}).returning(Attempt.id)
    return int(conn.scalars(statement).one())


def a_batch(conn: Connection, **columns: Any) -> int:
    defaults = {"cause": "flood", "detail": "2000 sessions changed at 11:58"}
    statement = insert(HeldBatch).values({**defaults, **columns}).returning(HeldBatch.id)
    return int(conn.scalars(statement).one())


def row_of(conn: Connection, delivery_id: int) -> Any:
    return conn.execute(select(Delivery.__table__).where(Delivery.id == delivery_id)).one()
