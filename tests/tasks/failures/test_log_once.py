"""Each line is logged once a minute, and no line suppresses another."""

import logging
from multiprocessing import get_context

import pytest

from tasks.failures.log_once import AGAIN_SECONDS, SLOTS, log_once, may_say
from tests.forks import exit_code, fork

AWAY = "PostgreSQL at {}, database site, cannot be reached: Connection refused."


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.ERROR)
    return caplog


def test_a_line_is_said_once_however_often_it_happens(log: pytest.LogCaptureFixture) -> None:
    for _ in range(50):
        log_once("the broker of the first test is away.")

    assert log.messages == ["the broker of the first test is away."]


def test_two_hundred_different_lines_are_all_said(log: pytest.LogCaptureFixture) -> None:
    lines = [AWAY.format(f"server{number}") for number in range(200)]

    for line in lines * 2:
        log_once(line)

    assert log.messages == lines


def test_after_a_minute_it_is_said_again() -> None:
    assert may_say("a lock", now=1000.0)
    assert not may_say("a lock", now=1000.0 + AGAIN_SECONDS - 1)
    assert may_say("a lock", now=1000.0 + AGAIN_SECONDS)


def test_of_more_lines_than_there_is_room_for_the_longest_silent_is_forgotten() -> None:
    for number in range(SLOTS):
        may_say(f"line {number}", now=5000.0 + number / SLOTS)

    assert may_say("one more", now=5002.0)
    assert not may_say(f"line {SLOTS - 1}", now=5003.0)
    assert may_say("line 0", now=5004.0)


def test_what_one_process_said_another_of_the_same_worker_does_not_repeat() -> None:
    assert exit_code(fork(lambda: may_say("said by the child", now=9000.0))) == 0

    assert not may_say("said by the child", now=9001.0)


def test_of_processes_that_fail_at_one_moment_one_says_it() -> None:
    """A hundred lines, which four forked processes want to log at the same moment each."""
    start, said = get_context().Barrier(4), get_context().Value("i", 0)

    def fail() -> None:
        for number in range(100):
            start.wait(60)
            if may_say(f"at one moment {number}", now=9000.0):
                with said.get_lock():
                    said.value += 1

    processes = [fork(fail) for _ in range(4)]

    assert [exit_code(process) for process in processes] == [0, 0, 0, 0]
    assert said.value == 100
