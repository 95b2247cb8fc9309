"""Values that are read in the background: how long who asks waits, and what is shown."""

from threading import Event

from tasks.failures.lines import ExitCode, Refused
from tasks.web.refreshed_value import RefreshedValue
from tests.eventually import eventually


def test_the_first_value_is_waited_for_and_the_last_one_is_shown_meanwhile() -> None:
    values, gate = iter((1, 2)), Event()
    gate.set()

    def read() -> int:
        gate.wait(60)
        return next(values)

    value = RefreshedValue(read, seconds=0.0)
    assert value.get(patience=60).value == 1
    gate.clear()
    assert value.get(patience=60).value == 1
    assert value.get_fresh(patience=0.0, usable_seconds=60, longest=60).value == 1
    gate.set()
    eventually(lambda: value._value == 2, within=60)


def test_an_old_value_is_waited_for_longer() -> None:
    values = iter(range(1, 100))
    value = RefreshedValue(lambda: next(values), seconds=0.0)
    first = value.get(patience=60).value

    found = value.get_fresh(patience=0.0, usable_seconds=-1.0, longest=60).value

    assert first == 1
    assert found is not None
    assert found >= 2


def test_of_a_failure_its_line_is_shown_beside_the_last_value() -> None:
    def fail() -> int:
        raise Refused("the broker is away: start it.", ExitCode.PARTLY)

    found = RefreshedValue(fail, seconds=60.0).get(patience=60)

    assert (found.value, found.failure, found.is_read) == (
        None,
        "the broker is away: start it.",
        True,
    )
