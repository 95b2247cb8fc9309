"""Known failures are one line in a worker's log; errors in the worker's code keep the traceback."""

import re

import pytest
from celery import Celery
from sqlalchemy import make_url

from scheduler.settings import InvalidSetting
from tasks.database import ServerUnreachable
from tasks.worker.task import KnownFailure, WorkerTask
from tests.eventually import eventually
from tests.faults.rounds import quick_beat
from tests.tasks.worker.run import running


def test_a_database_that_is_away_is_one_line_however_many_ticks_fail(
    database: str, valkey: str
) -> None:
    nowhere = make_url(database).set(database="nowhere").render_as_string(hide_password=False)
    with running(nowhere, valkey) as site, quick_beat(valkey):
        site.worker()
        eventually(lambda: site.log().count("raised expected: KnownFailure") > 5)

        assert len(re.findall(r"ERROR.*\"nowhere\" does not exist. Check", site.log())) == 1
        assert "Traceback" not in site.log()


def test_arguments_that_cannot_be_read_are_one_line(database: str, valkey: str) -> None:
    with running(database, valkey) as site, Celery(broker=valkey, set_as_current=False) as app:
        site.worker()
        app.send_task("tasks.planning.backfill", kwargs={"from": "soon"}, queue="planning")
        eventually(lambda: "ERROR" in site.log())

        assert re.search(r'ERROR.*give "from" and "until" as dates: 2026-09-01', site.log())
        assert "Traceback" not in site.log()


@pytest.fixture
def failing() -> WorkerTask:
    with Celery(task_cls=WorkerTask, set_as_current=False) as app:

        @app.task(shared=False)  # else every later app of this process gets it too
        def fail(error: Exception) -> None:
            raise error

        return fail


def test_called_by_hand_an_error_is_itself(failing: WorkerTask) -> None:
    with pytest.raises(InvalidSetting):
        failing(InvalidSetting("EXPAND_DAYS: too many."))


def test_a_worker_logs_known_troubles_in_one_line_and_mistakes_with_a_traceback(
    failing: WorkerTask,
) -> None:
    trouble = failing.apply((ServerUnreachable("PostgreSQL is away."),))
    mistake = failing.apply((ZeroDivisionError(),))

    assert isinstance(trouble.result, KnownFailure)
    assert str(trouble.result) == "PostgreSQL is away."
    assert isinstance(mistake.result, ZeroDivisionError)
