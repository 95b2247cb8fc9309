"""Group commit: connections that record and begin at the same moment share a transaction."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text

from scheduler.reminders.moves import sending
from tasks.delivery import group_commit
from tasks.delivery.group_commit import GroupCommit, Step, commit_all
from tests.eventually import eventually
from tests.scheduler.ledger.rows import row_of
from tests.scheduler.reminders.moves.test_sending import LEASE, a_claim, beginning
from tests.servers import engine_on
from tests.tasks.delivery.conftest import MakeDay
from tests.tasks.delivery.test_sender import alarms, claimed, meanwhile, states, work


@pytest.fixture
def engine(database: str) -> Engine:
    return engine_on(database)


class Held:
    """Lets the first commit wait until `others` have come, and notes the size of each."""

    def __init__(self, commits: GroupCommit, others: int, error: Exception | None = None) -> None:
        self.commits, self.others, self.error = commits, others, error
        self.sizes: list[int] = []

    def __call__(self, conn: Connection, group: Sequence[Step], *rest: Any) -> None:
        self.sizes.append(len(group))
        if len(self.sizes) == 1:
            eventually(lambda: len(self.commits.waiting) == self.others)
        if len(self.sizes) == 2 and self.error:
            raise self.error
        commit_all(conn, group, *rest)


def take(engine: Engine, commits: GroupCommit, step: Step) -> None:
    with engine.connect() as conn:
        commits.take(conn, step, LEASE)


def steps_of(conn: Connection, count: int) -> list[Step]:
    ids = [a_claim(conn, student_id=n) for n in range(count)]
    steps = [Step(None, beginning(conn, id_), None) for id_ in ids]
    conn.commit()
    return steps


def test_a_record_made_during_a_commit_is_part_of_the_next_commit(
    engine: Engine, conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits, steps = GroupCommit(), steps_of(conn, 4)
    held = Held(commits, others=3)
    monkeypatch.setattr(group_commit, "commit_all", held)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda step: take(engine, commits, step), steps))

    assert held.sizes == [1, 3]
    for step in steps:
        id_ = step.beginning.row.id
        assert step.tried is not None
        assert step.tried.ids == [id_]
        assert row_of(conn, id_).state == "sending"


def test_after_a_shared_commit_that_failed_each_record_is_committed_alone(
    engine: Engine, conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits, steps = GroupCommit(), steps_of(conn, 4)
    held = Held(commits, 3, error=ConnectionError("gone"))
    monkeypatch.setattr(group_commit, "commit_all", held)
    with ThreadPoolExecutor(4) as pool:
        working = [pool.submit(take, engine, commits, step) for step in steps]
        failed = [each.exception() for each in working]

    assert held.sizes == [1, 3, 1, 1]
    assert [type(each) for each in failed if each is not None] == [ConnectionError]
    assert sum(step.tried is not None for step in steps) == 3
    assert not commits.is_busy


def test_a_yes_that_a_sweep_took_for_lost_is_recorded_though_the_next_has_begun(
    make_day: MakeDay, conn: Connection
) -> None:
    alarms(conn, 3)
    day = make_day(channel_email_unknown="hold")
    batch = claimed(day)
    lost: list[int] = []

    def lose_the_first() -> None:
        if not lost:
            lost.append(1)
            day.write(
                "UPDATE session_worker.delivery SET state = 'held', reason = 'no_answer',"
                " holder = NULL, lease_until = NULL WHERE state = 'sending'"
            )

    meanwhile(day, lose_the_first)
    work(day, batch)

    assert states(day) == [("sent", None)] * 3


def test_all_of_a_batch_over_several_connections_is_sent_once(
    make_day: MakeDay, conn: Connection
) -> None:
    addresses = alarms(conn, 40)
    day = make_day()
    work(day, claimed(day))

    assert states(day) == [("sent", None)] * 40
    assert [len(day.mails_to(address)) for address in addresses] == [1] * 40
    ended = text("SELECT DISTINCT outcome, words FROM session_worker.attempt")
    assert conn.execute(ended).all() == [("sent", "250 OK")]


def test_nothing_to_record_is_no_statement(conn: Connection) -> None:
    assert sending.mark_all_sent(conn, []) == frozenset()
