"""Beat's scheduler: only a few ticks wait, and a clock that is set stops none."""

from datetime import timedelta

import pytest
import redis
from celery import Celery

from tasks.worker import beat_scheduler
from tasks.worker.beat_scheduler import HANDFUL, SteadyScheduler
from tests.eventually import eventually


@pytest.fixture
def scheduler(valkey: str) -> SteadyScheduler:
    app = Celery(broker=valkey, set_as_current=False)
    app.conf.task_default_queue = "planning"
    app.conf.beat_schedule = {"tick": {"task": "tick", "schedule": timedelta(milliseconds=10)}}
    return SteadyScheduler(app, max_interval=0.01)


def waiting(valkey: str) -> int:
    with redis.Redis.from_url(valkey) as client:
        return int(client.llen("planning"))


def test_without_a_worker_a_handful_of_ticks_waits_however_long_it_takes(
    scheduler: SteadyScheduler, valkey: str
) -> None:
    def many_times() -> bool:
        scheduler.tick()
        return scheduler.schedule["tick"].total_run_count > 10 * HANDFUL

    eventually(many_times)

    assert waiting(valkey) == HANDFUL


def test_a_clock_that_is_set_back_stops_no_tick(
    scheduler: SteadyScheduler, valkey: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler.tick()
    ahead = scheduler.app.now() + timedelta(minutes=10)
    for entry in scheduler.schedule.values():  # as if the clock had been ahead until now
        entry.last_run_at = ahead
    scheduler._heap = None
    offset = beat_scheduler.clock_offset()
    monkeypatch.setattr(beat_scheduler, "clock_offset", lambda: offset - 600)

    eventually(lambda: scheduler.tick() is not None and waiting(valkey) > 1)


def test_nothing_is_kept_in_a_file(scheduler: SteadyScheduler) -> None:
    assert scheduler.info == ""
