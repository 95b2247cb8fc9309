"""The faults that real processes go through, in one table: tests/faults/README.md.

    uv run python -m tests.faults             # all parts that have no result yet, then the table
    uv run python -m tests.faults steps       # this part anew
    uv run python -m tests.faults --again     # all anew

Takes about an hour of two processors. Results lie in `tests/faults/results.json`, so that a run
that was cut off goes on where it was. Exits 1 where a part did.
"""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RESULTS, README = HERE / "results.json", HERE / "README.md"
BEGIN, END = "<!-- table -->\n", "<!-- end of the table -->\n"
HEAD = (
    "| fault | how often | messages | lost | doubled after `unknown` | doubled in silence"
    " | longest delay | processes ended |\n|---|---|---|---|---|---|---|---|\n"
)
Row = Sequence[object]


def main(words: list[str]) -> int:
    results: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    wanted = words or [name for name in PARTS if name not in results]
    for name in [*PARTS] if "--again" in words else wanted:
        results[name] = outcome(name)
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    README.write_text(with_table(README.read_text(), results))
    return 1 if any(result["code"] for result in results.values()) else 0


def outcome(name: str) -> Mapping[str, object]:
    """Run a part, which says on standard output what came of it."""
    print(f"{name} …", file=sys.stderr, flush=True)
    command = [sys.executable, "-m", *PARTS[name].words]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    day = datetime.now(UTC).date().isoformat()
    return {"code": done.returncode, "day": day, "said": done.stdout}


def with_table(page: str, results: Mapping[str, Any]) -> str:
    """The page, its table made of these results."""
    rows = [
        "| " + " | ".join(map(str, row)) + " |\n"
        for name, part in PARTS.items()
        if name in results
        for row in part.rows(results[name]["said"])
    ]
    before, _, rest = page.partition(BEGIN)
    return before + BEGIN + HEAD + "".join(rows) + END + rest.partition(END)[2]


def killed_steps(said: str) -> list[Row]:
    told = json.loads(said.splitlines()[-1])
    each = ", ".join(f"{number} {step}" for step, number in sorted(told["kills"].items()))
    kills = sum(told["kills"].values())
    return [
        [f"SIGKILL of a process at each of its statements and commits ({each})", kills,
         told["messages"], f"{told['lost']}; {told['held']} held", told["doubled"], told["silent"],
         f"{told['longest_delay']:.0f} s", kills],
        [f"the same, rows of {told['rules']} rules", "", "", told["rows_lost"], "",
         told["rows_doubled"], "", ""],
    ]  # fmt: skip


def burst(fault: str) -> Callable[[str], list[Row]]:
    def rows(said: str) -> list[Row]:
        alarms, seconds = found(r"(\d+) alarms in (\d+) s", said)
        held, away = found(r"(\d+) held for an admin, of which (\d+) did not arrive", said)
        lost, silent, repeats = found(r"(\d+) lost, (\d+) silent doubles, (\d+) repeats", said)
        others = re.search(r"(\d+) processes ended", said)
        ended = others[1] if others else UNKNOWN
        kills = re.search(r"(\d+) kills", said)
        killed = f"{kills[1]} killed, others: {ended}" if kills else ended
        times = kills[1] if kills else 1
        gone = f"{lost}; {held} held, {away} of them not arrived" if held != "0" else lost
        return [[fault, times, alarms, gone, repeats, silent, f"{seconds} s", killed]]

    return rows


UNKNOWN = "not counted"
TROUBLES = {
    "sessions-locked": "the site locks `tutor_sessions`",
    "users-locked": "the site locks `users`",
    "both-locked": "the site locks both",
    "restarted": "PostgreSQL is restarted",
    "away": "PostgreSQL is away for two seconds",
    "worker-killed": "one of two workers is killed while it sends",
}
TROUBLE = r"([\w-]+): trouble ([\d.]+) s, longest delay ([\d.]+) s, (.*), (\d+) processes ended"


def short_troubles(said: str) -> list[Row]:
    rows: list[Row] = []
    for name, span, delay, states, ended in re.findall(TROUBLE, said):
        numbers = {state: int(number) for number, state in re.findall(r"(\d+) (\w+)", states)}
        total = sum(numbers.values())
        gone = "; ".join(
            ["0", *(f"{n} {state}" for state, n in numbers.items() if state != "sent")]
        )
        fault = f"{TROUBLES[name]} ({span} s)" if name != "worker-killed" else TROUBLES[name]
        rows.append([fault, 1, total, gone, UNKNOWN, UNKNOWN, f"{delay} s", ended])
    return rows


SILENT = "a mail server that never greets"


def slow_provider(said: str) -> list[Row]:
    [healthy, late] = found(r"last of (\d+) by webhook: ([\d.]+) s", said)
    [hanging, last] = found(r"last of (\d+) by e-mail, sent by the next channel: ([\d.]+) s", said)
    return [
        [f"{SILENT}: messages by it", 1, hanging, 0, UNKNOWN, UNKNOWN, f"{last} s", UNKNOWN],
        [f"{SILENT}: others beside it", 1, healthy, 0, UNKNOWN, UNKNOWN, f"{late} s", UNKNOWN],
    ]


def found(pattern: str, said: str) -> Sequence[str]:
    match = re.search(pattern, said)
    assert match is not None, f"not said: {pattern}"
    return match.groups()


@dataclass(frozen=True, slots=True)
class Part:
    words: Sequence[str]
    rows: Callable[[str], list[Row]]


KILLED = "SIGKILL of sending processes, evenly over a burst"
CRASHED = "PostgreSQL and all its processes killed in a burst, commits unflushed"
FRESH = "none: a burst by two workers that have just started"
PARTS: Mapping[str, Part] = {
    "steps": Part(["tests.faults.killed_steps", "1000", "40"], killed_steps),
    "kills": Part(["tests.faults.bursts", "kills", "1200", "350"], burst(KILLED)),
    "crash": Part(["tests.faults.bursts", "crash", "600"], burst(CRASHED)),
    "fresh": Part(["tests.faults.bursts", "fresh", "600"], burst(FRESH)),
    "troubles": Part(["tests.faults.short_troubles", "50"], short_troubles),
    "slow": Part(["tests.faults.slow_provider"], slow_provider),
}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
