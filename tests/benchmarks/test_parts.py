"""The one command for all benchmarks."""

from pathlib import Path

from tests.benchmarks.__main__ import PARTS
from tests.benchmarks.turns import Taken, in_turns


def test_the_one_command_has_every_benchmark() -> None:
    files = Path(__file__).parent.glob("bench_*.py")

    assert {path.stem.removeprefix("bench_") for path in files} == PARTS.keys()


def test_contestants_take_turns_and_the_best_of_each_counts() -> None:
    amounts = iter([3.0, 30.0, 2.0, 20.0, 4.0, 40.0])

    taken = in_turns({"ours": lambda: next(amounts), "peer": lambda: next(amounts)}, rounds=3)

    assert taken == {"ours": Taken([3.0, 2.0, 4.0]), "peer": Taken([30.0, 20.0, 40.0])}
    assert (taken["ours"].best, taken["ours"].spread) == (2.0, 2.0)
