"""Claimed batches on their way to the workers, and a broker that is down (promise 8)."""

import json
from base64 import b64decode
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from celery import Celery
from sqlalchemy import Connection, Engine, text

from scheduler.settings import Settings, load_settings
from tasks.database import engine
from tasks.delivery.dispatch import MOST_WAITING, hand_on, hand_out
from tests.scheduler.ledger.rows import NOW, a_delivery

NOWHERE = "redis://127.0.0.1:1/0"


@pytest.fixture
def settings(database: str) -> Settings:
    return load_settings(_env_file=None, database_url=database, claim_batch=2)


@pytest.fixture
def made(settings: Settings) -> Iterator[Engine]:
    made = engine(settings)
    yield made
    made.dispose()


@pytest.fixture
def app(valkey: str) -> Celery:
    return an_app(valkey)


def an_app(broker: str) -> Celery:
    app = Celery("tests", broker=broker)
    app.conf.task_routes = {"tasks.delivery.*": {"queue": "delivery"}}
    return app


def due(conn: Connection, count: int) -> list[int]:
    ids = [a_delivery(conn, recipient=f"user:{n}", send_after=NOW) for n in range(count)]
    conn.commit()
    return ids


def posted(broker: str) -> list[Any]:
    """(holder, ids) of the Celery messages in the delivery queue."""
    with redis.Redis.from_url(broker) as client:
        messages: Any = client.lrange("delivery", 0, -1)
    bodies = (b64decode(json.loads(message)["body"]) for message in messages)
    return [json.loads(body)[0] for body in bodies]


def states(conn: Connection) -> list[str]:
    found = conn.scalars(text("SELECT state FROM session_worker.delivery ORDER BY id")).all()
    conn.commit()
    return [*found]


def test_what_is_due_is_posted_as_ids_of_claimed_batches(
    conn: Connection, made: Engine, settings: Settings, app: Celery, valkey: str
) -> None:
    ids = due(conn, 3)

    assert hand_out(app, made, settings, NOW) == 2
    bodies = posted(valkey)
    assert sorted(id_ for _, batch in bodies for id_ in batch) == ids
    holders = conn.scalars(text("SELECT DISTINCT holder::text FROM session_worker.delivery")).all()
    assert {holder for holder, _ in bodies} == set(holders)


def test_without_a_broker_what_was_claimed_goes_back_at_once(
    conn: Connection, made: Engine, settings: Settings
) -> None:
    due(conn, 3)

    assert hand_out(an_app(NOWHERE), made, settings, NOW) == 0
    assert states(conn) == ["planned"] * 3


def test_only_so_much_is_out_at_a_time(
    conn: Connection, made: Engine, settings: Settings, app: Celery
) -> None:
    due(conn, 2 * MOST_WAITING + 2)
    first, second = hand_out(app, made, settings, NOW), hand_out(app, made, settings, NOW)

    assert (first, second) == (MOST_WAITING, 0)


def test_a_worker_that_ends_a_batch_gets_the_next(
    conn: Connection, made: Engine, settings: Settings, app: Celery
) -> None:
    due(conn, 3)

    assert hand_on(app, made, settings, NOW) == 1
    assert states(conn) == ["claimed", "claimed", "planned"]


def test_a_worker_that_ends_a_batch_gets_none_while_enough_lie_in_the_queue(
    conn: Connection, made: Engine, settings: Settings, app: Celery
) -> None:
    due(conn, 2 * MOST_WAITING + 2)
    hand_out(app, made, settings, NOW)

    assert hand_on(app, made, settings, NOW) == 0


def test_while_everything_is_paused_nothing_is_handed_out(
    conn: Connection, made: Engine, settings: Settings, app: Celery
) -> None:
    conn.execute(text("INSERT INTO session_worker.pause (channel) VALUES ('*')"))
    due(conn, 1)

    assert hand_out(app, made, settings, NOW) == 0
    assert states(conn) == ["planned"]
