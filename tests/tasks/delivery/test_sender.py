"""A batch in a worker: its lease, changes in the meantime, and errors (promise 3)."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, text

from scheduler.reminders.moves.claims import Batch, claim, lapse
from scheduler.reminders.sweep import recover_lost
from scheduler.settings import ChannelName
from tasks.admin.remind import remind
from tasks.channels.channel import Channel
from tasks.channels.outcome import Outcome
from tasks.delivery import message as message_module
from tasks.delivery import sender
from tasks.delivery import stop as stop_module
from tasks.delivery.batch import shares, work_through
from tasks.delivery.sender import CALLED_OFF, take_snapshot
from tasks.delivery.stop import Stop
from tasks.messages.letter import Letter
from tasks.messages.render import render
from tests.builders import a_session, a_student, a_tutor
from tests.eventually import eventually
from tests.tasks.delivery.conftest import MakeDay
from tests.tasks.delivery.lesson_day import LessonDay, wall

NOW = wall("13:45")
FOREVER = timedelta.max


class Meanwhile:
    """A channel during whose sending something happens."""

    def __init__(self, channel: Channel, happening: Any) -> None:
        self._channel, self._happening = channel, happening

    def __getattr__(self, name: str) -> Any:
        return getattr(self._channel, name)

    @contextmanager
    def open(self) -> Iterator["Meanwhile"]:
        with self._channel.open():
            yield self

    def send(self, letter: Letter, recipient: Any, key: UUID, at: datetime) -> Outcome:
        self._happening()
        return self._channel.send(letter, recipient, key, at)


class Breaking(Meanwhile):
    """A channel whose code fails after the message was sent."""

    def __init__(self, day: LessonDay) -> None:
        super().__init__(day.tools.channels[ChannelName.EMAIL], lambda: None)

    def send(self, letter: Letter, recipient: Any, key: UUID, at: datetime) -> Outcome:
        super().send(letter, recipient, key, at)
        raise RuntimeError("a mistake of ours")


def meanwhile(day: LessonDay, happening: Any) -> None:
    channel: Any = Meanwhile(day.tools.channels[ChannelName.EMAIL], happening)
    day.tools = replace(day.tools, channels={ChannelName.EMAIL: channel})


def alarms(conn: Connection, count: int) -> list[str]:
    """The addresses of students whose alarms are due at 13:45."""
    tutor = a_tutor(conn)
    addresses = [f"student{n}@tutoring.example" for n in range(count)]
    for address in addresses:
        a_session(conn, tutor_id=tutor, student_id=a_student(conn, email=address),
                  alarm_enabled=True)  # fmt: skip
    return addresses


def claimed(day: LessonDay, lease: timedelta = timedelta(minutes=1)) -> Batch:
    """Claim all planned messages at 13:45."""
    day.at("13:44:30")
    (batch,) = claim(day.conn, NOW, 1, 100, lease)
    day.conn.commit()
    return batch


def states(day: LessonDay) -> list[tuple[str, str | None]]:
    found = day.conn.execute(
        text("SELECT state, reason FROM session_worker.delivery ORDER BY id")
    ).all()
    day.conn.commit()
    return [(row.state, row.reason) for row in found]


def work(day: LessonDay, batch: Batch) -> None:
    work_through(day.tools, batch, lambda: NOW, FOREVER)


def test_a_batch_is_sent_once_however_often_its_message_comes(
    day: LessonDay, conn: Connection
) -> None:
    alarms(conn, 3)
    batch = claimed(day)
    work(day, batch)
    work(day, batch)

    assert len(day.sink.mails) == 3


def test_two_workers_with_the_same_batch_share_it(day: LessonDay, conn: Connection) -> None:
    addresses = alarms(conn, 30)
    batch = claimed(day)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: work(day, batch), range(2)))

    assert [len(day.mails_to(address)) for address in addresses] == [1] * 30


def test_a_worker_that_wakes_after_its_lease_sends_nothing(
    day: LessonDay, conn: Connection
) -> None:
    alarms(conn, 3)
    work(day, claimed(day, lease=timedelta(seconds=-1)))

    assert day.sink.mails == []
    assert states(day) == [("planned", None)] * 3


def test_a_worker_whose_batch_passed_on_sends_nothing(day: LessonDay, conn: Connection) -> None:
    alarms(conn, 1)
    late = claimed(day, lease=timedelta(seconds=-1))
    lapse(conn)
    claim(conn, NOW, 1, 100, timedelta(minutes=1))
    conn.commit()
    work(day, late)

    assert day.sink.mails == []


def test_the_lease_of_a_slow_batch_is_kept(make_day: MakeDay, conn: Connection) -> None:
    alarms(conn, 1)
    day = make_day(lease_seconds=3)
    day.sink.stall("BODY", 4)
    batch = claimed(day, lease=timedelta(seconds=3))
    seen = set()
    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(work, day, batch)
        while not working.done():
            recover_lost(conn, day.tools.settings, NOW)
            conn.commit()
            seen |= {state for state, _ in states(day)}
        working.result()

    assert seen <= {"claimed", "sending", "sent"}
    assert states(day) == [("sent", None)]


CHANGED = {
    "cancelled": "UPDATE tutor_sessions SET status = 'cancelled' WHERE id = {0}",
    "moved": "UPDATE tutor_sessions SET start_time = '16:00' WHERE id = {0}",
    "deleted": "DELETE FROM tutor_sessions WHERE id = {0}",
    "switched_off": "UPDATE tutor_sessions SET alarm_enabled = false WHERE id = {0}",
}


@pytest.mark.parametrize("reason", CHANGED)
def test_what_changes_while_another_message_is_sent_is_not_sent(
    day: LessonDay, conn: Connection, reason: str
) -> None:
    alarms(conn, 2)
    batch = claimed(day)
    last = conn.scalar(text("SELECT max(id) FROM tutor_sessions"))
    meanwhile(day, lambda: day.write(CHANGED[reason].format(last)))
    work(day, batch)

    assert states(day) == [("sent", None), ("obsolete", reason)]
    assert len(day.sink.mails) == 1


def test_a_change_that_does_not_matter_does_not_stop_a_message(
    day: LessonDay, conn: Connection
) -> None:
    alarms(conn, 2)
    batch = claimed(day)
    meanwhile(day, lambda: day.write("UPDATE tutor_sessions SET topic = 'Fractions'"))
    work(day, batch)

    assert states(day) == [("sent", None)] * 2
    assert "Fractions" in day.sink.mails[1].text


def test_only_what_is_sent_next_is_read_again(
    day: LessonDay, conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []

    def counted(conn: Connection, work: sender.Work, ids: Sequence[int]) -> sender.Snapshot:
        read.append(len(ids))
        return take_snapshot(conn, work, ids)

    monkeypatch.setattr(sender, "FACTS_SECONDS", 0.0)
    monkeypatch.setattr(sender, "READ_AHEAD", 2)
    monkeypatch.setattr(sender, "take_snapshot", counted)
    alarms(conn, 6)
    work(day, claimed(day))

    assert states(day) == [("sent", None)] * 6
    assert read == [2, 2, 2, 2, 2, 1]


def test_what_begins_while_another_message_is_sent_is_expired(
    day: LessonDay, conn: Connection
) -> None:
    alarms(conn, 2)
    batch = claimed(day)
    clock = [NOW]
    meanwhile(day, lambda: clock.__setitem__(0, wall("14:00")))
    work_through(day.tools, batch, lambda: clock[0], FOREVER)

    assert states(day) == [("sent", None), ("expired", "begun")]


def test_one_message_at_a_time_is_being_sent(day: LessonDay, conn: Connection) -> None:
    alarms(conn, 5)
    batch = claimed(day)
    seen = []
    meanwhile(day, lambda: seen.append([state for state, _ in states(day)].count("sending")))
    work(day, batch)

    assert seen == [1] * 5


def test_a_message_is_written_down_as_being_sent_before_the_provider_is_called(
    day: LessonDay, conn: Connection
) -> None:
    alarms(conn, 1)
    batch = claimed(day)
    begun: list[Any] = []
    tries = text("SELECT outcome FROM session_worker.attempt")
    meanwhile(day, lambda: begun.extend(day.conn.execute(tries).all()))
    work(day, batch)

    assert begun == [(None,)]


def test_a_channel_that_breaks_before_anything_was_handed_over_is_tried_again(
    day: LessonDay, conn: Connection
) -> None:
    alarms(conn, 2)
    batch = claimed(day)
    broken = iter([True, False])

    def break_once() -> None:
        if next(broken, False):
            raise RuntimeError("a library's own, or ours")

    meanwhile(day, break_once)
    work(day, batch)

    assert states(day) == [("failed", "RuntimeError"), ("sent", None)]
    day.at("13:47")
    assert states(day) == [("sent", None)] * 2
    assert len(day.sink.mails) == 2


def test_a_channel_that_breaks_after_the_mail_was_handed_over_leaves_an_unknown(
    day: LessonDay, conn: Connection
) -> None:
    alarms(conn, 1)
    batch = claimed(day)
    day.tools = replace(day.tools, channels={ChannelName.EMAIL: Breaking(day)})
    work(day, batch)

    assert states(day) == [("unknown", "no_answer")]
    assert len(day.sink.mails) == 1


def test_of_a_worker_that_stops_what_was_not_handed_over_is_tried_again_and_never_held(
    day: LessonDay, conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mail server takes its time at RCPT for one, and at the answer to the mail for the other;
    both are longer than the worker has."""
    addresses = alarms(conn, 9)  # two connections
    batch = claimed(day)
    monkeypatch.setattr(stop_module, "ANSWERS_WITHIN_SECONDS", 0.5)
    day.sink.stall("RCPT", 3, recipient=addresses[0])
    day.sink.stall("BODY", 3, recipient=addresses[1])
    stop = Stop()
    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(work_through, day.tools, batch, lambda: NOW, FOREVER, stop)
        eventually(lambda: day.sink.stalled["RCPT"] and day.sink.stalled["BODY"])
        stop.ask()
        tally = working.result()

    stalled = states(day)[:2]
    assert stalled == [("failed", CALLED_OFF), ("held", "no_answer")]
    assert (tally.failed, tally.unknown) == (1, 1)
    eventually(lambda: len(day.mails_to(addresses[1])) == 1)
    day.sink.reset()
    day.at("13:46")
    assert len(day.mails_to(addresses[0])) == 1


def test_an_outcome_is_recorded_though_its_connection_broke(
    day: LessonDay, conn: Connection
) -> None:
    alarms(conn, 1)
    batch = claimed(day)

    def cut() -> None:
        day.write(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )

    meanwhile(day, cut)
    with pytest.raises(Exception, match=r"reached|closed|terminat"):
        work(day, batch)

    assert states(day) == [("sent", None)]


def test_a_yes_that_comes_after_the_lease_was_taken_for_lost_counts(
    make_day: MakeDay, conn: Connection
) -> None:
    alarms(conn, 1)
    day = make_day(channel_email_unknown="hold")
    batch = claimed(day)

    def lose() -> None:
        day.write("UPDATE session_worker.delivery SET lease_until = clock_timestamp()")
        recover_lost(day.conn, day.tools.settings, NOW)
        day.conn.commit()
        assert states(day) == [("held", "no_answer")]

    meanwhile(day, lose)
    work(day, batch)

    assert states(day) == [("sent", None)]


def test_two_rounds_by_hand_at_once_never_double(make_day: MakeDay, conn: Connection) -> None:
    addresses = alarms(conn, 40)
    day = make_day(claim_batch=5)
    conn.commit()
    with ThreadPoolExecutor(4) as pool:
        reports = [*pool.map(lambda _: remind(day.tools, NOW), range(4))]

    assert [len(day.mails_to(address)) for address in addresses] == [1] * 40
    assert sum(report.planned for report in reports) == 40
    assert sum(report.sent for report in reports) == 40


def test_a_message_whose_template_fails_stops_no_other_and_goes_once_it_is_corrected(
    day: LessonDay, conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    addresses = alarms(conn, 2)
    batch = claimed(day)

    def stumbling(message: Any, *rest: Any) -> Letter:
        if message.recipient.email == addresses[0]:
            raise ValueError("no such filter")
        return render(message, *rest)

    with monkeypatch.context() as faulty:
        faulty.setattr(message_module, "render", stumbling)
        work(day, batch)

    assert states(day) == [("planned", "no_words"), ("sent", None)]
    day.at("13:48")
    assert [state for state, _ in states(day)] == ["sent", "sent"]
    assert [len(day.mails_to(address)) for address in addresses] == [1, 1]


def test_a_rate_is_waited_for_by_hand(make_day: MakeDay, conn: Connection) -> None:
    alarms(conn, 3)
    day = make_day(channel_email_rate="2/s")
    day.at("13:45")

    assert states(day) == [("sent", None)] * 3


def test_beyond_a_workers_patience_a_rate_sends_the_message_back(
    make_day: MakeDay, conn: Connection
) -> None:
    alarms(conn, 3)
    day = make_day(channel_email_rate="1/m")
    work_through(day.tools, claimed(day), lambda: NOW, timedelta(0))

    assert states(day) == [("sent", None), ("planned", "rate"), ("planned", "rate")]
    later = day.conn.scalars(
        text("SELECT send_after FROM session_worker.delivery WHERE reason = 'rate' ORDER BY id")
    ).all()
    assert later[0] < later[1] - timedelta(seconds=30)


def test_a_paused_channel_keeps_its_messages(day: LessonDay, conn: Connection) -> None:
    alarms(conn, 1)
    conn.execute(text("INSERT INTO session_worker.pause (channel) VALUES ('email')"))
    day.at("13:45")
    assert states(day) == [("planned", "paused")]
    conn.execute(text("DELETE FROM session_worker.pause"))
    day.at("13:46")

    assert states(day) == [("sent", None)]


def test_messages_are_dealt_out_so_that_all_begin_with_the_soonest() -> None:
    messages = [[n] for n in range(20)]

    parts = shares(messages, 3)

    assert [part[0] for part in parts] == [[0], [1], [2]]
    assert sorted(id_ for part in parts for (id_,) in part) == [*range(20)]


def test_an_unknown_holder_has_nothing(day: LessonDay, conn: Connection) -> None:
    alarms(conn, 1)
    batch = claimed(day)
    work(day, replace(batch, holder=uuid4()))

    assert day.sink.mails == []
    eventually(lambda: states(day) == [("claimed", None)])
