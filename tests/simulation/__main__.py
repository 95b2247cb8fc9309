"""Many runs: `uv run python -m tests.simulation --seeds 1000 [--from N]`.

`--mutant NAME` runs a worker with that fault until it is found, `--mutants` each in its turn, and
prints after how many seeds.
"""

import argparse
import re
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tasks.demo.servers import Workspace
from tests import servers
from tests.simulation.database import create_simulated
from tests.simulation.faulty_workers import FAULTY
from tests.simulation.mutants import Mutant, applied
from tests.simulation.run import Simulation


@contextmanager
def simulation() -> Iterator[Simulation]:
    with Workspace() as workspace:
        server = servers.postgres_for_tests(workspace)
        made = Simulation(create_simulated(server, "simulation"))
        yield made
        made.close()


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=100, help="How many runs.")
    parser.add_argument("--from", dest="first", type=int, default=0, help="The first seed.")
    parser.add_argument("--mutant", help="Run the worker with this fault.")
    parser.add_argument("--mutants", action="store_true", help="Try each fault in its turn.")
    given = parser.parse_args()
    if given.mutants or given.mutant:
        return find_all([one for one in FAULTY if given.mutant in (None, one.name)],
                        range(given.first, given.first + given.seeds))  # fmt: skip
    failures = messages = sessions = 0
    edges: Counter[tuple[str, str]] = Counter()
    moves: Counter[str] = Counter()
    began = time.monotonic()
    with simulation() as simulated:
        for seed in range(given.first, given.first + given.seeds):
            verdict = simulated.run(seed)
            edges.update(verdict.edges)
            moves.update(verdict.moves)
            messages += verdict.messages
            sessions += verdict.sessions
            if verdict.wrong:
                failures += 1
                print(f"seed {seed}: {verdict.wrong}", flush=True)
    for (a, b), count in sorted(edges.items()):
        print(f"{count:7} {a} → {b}")
    print("moves: " + ", ".join(f"{name} {moves[name]}" for name in sorted(moves)))
    print("never: " + ", ".join(f"{a} → {b}" for a, b in sorted(drawn() - edges.keys())))
    print("never: " + ", ".join(sorted(moves_drawn() - moves.keys())))
    print(f"{given.seeds} runs, {failures} wrong, {messages} messages, {sessions} sessions,"
          f" {len(edges)} edges, {time.monotonic() - began:.0f} s")  # fmt: skip
    return 1 if failures else 0


PICTURE = Path(__file__).parents[2] / "docs" / "state-machine.md"


def drawn() -> set[tuple[str, str]]:
    """The changes of state that the picture shows."""
    return set(re.findall(r"(\w+) --> (\w+): ", PICTURE.read_text(encoding="utf-8")))


def moves_drawn() -> set[str]:
    """The functions that the picture names."""
    named = re.findall(r"\w+ --> \w+: (.+)", PICTURE.read_text(encoding="utf-8"))
    return {name for names in named for name in names.split(", ")}


def find_all(mutants: Sequence[Mutant], seeds: Iterable[int]) -> int:
    """0 where each is found within the seeds; each is tried until it is."""
    unfound = 0
    with simulation() as simulated:
        for mutant in mutants:
            with applied(mutant):
                simulated.begin_anew()
                number, wrong = first_wrong(simulated, seeds)
            unfound += wrong is None
            print(f"| {mutant.name} | {mutant.says} | {number if wrong else 'not in'} | {wrong} |",
                  flush=True)  # fmt: skip
    return 1 if unfound else 0


def first_wrong(simulated: Simulation, seeds: Iterable[int]) -> tuple[int, str | None]:
    """How many seeds were tried, and what was wrong in the last."""
    number = 0
    for number, seed in enumerate(seeds, start=1):
        if wrong := simulated.run(seed).wrong:
            return number, wrong
    return number, None


if __name__ == "__main__":
    sys.exit(main())
