"""Random RRULEs dated by this worker and five libraries, each held against a walk over the days.

    uv run python -m tests.peers.compare_rrules [--rules 500] [--seed 1]

Installs the libraries of the npm registry, pinned, in a temporary folder; needs node and npm. Rules
are DAILY, WEEKLY or MONTHLY, as the walk knows those alone. An anchor that does not fit its rule is
left out of every answer: libraries differ on it and RFC 5545 leaves it undefined. Exits 1 where the
worker differs from the walk.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from datetime import date, datetime, time, timedelta
from pathlib import Path

from dateutil.rrule import rrulestr
from rich.console import Console
from rich.table import Table

from scheduler.occurrences import dates
from scheduler.rules import RecurrenceRule, Rule
from scheduler.rules.rfc5545 import read_recurrence
from tests.scheduler.expansion.oracle import RRULE_DAYS, expected_rrule_dates

PACKAGES = (
    "rrule@2.8.1",
    "rrule-temporal@2.2.8",
    "ical.js@2.2.1",
    "rrule-rust@3.1.1",
    "@js-temporal/polyfill@0.5.1",
)
DIALOGUE = Path(__file__).with_suffix("").with_name("rrules.mjs")
DAYS_AHEAD = 300
SHAPES = ("BYSETPOS", "WKST", "COUNT", "INTERVAL")


def a_rule(chance: random.Random) -> tuple[dict[str, str], date]:
    """The parts of an RRULE, and an anchor."""
    frequency = chance.choice(["DAILY", "WEEKLY", "WEEKLY", "MONTHLY", "MONTHLY"])
    parts = {"FREQ": frequency}
    days = chance.sample(RRULE_DAYS, chance.randint(1, 4))
    if frequency == "MONTHLY" and chance.random() < 0.6:
        days = [f"{chance.choice(['', 1, 2, -1])}{day}" for day in days]
    if chance.random() < 0.7:
        parts["BYDAY"] = ",".join(days)
    if frequency == "MONTHLY" and "BYDAY" not in parts and chance.random() < 0.6:
        some = chance.sample([1, 2, 15, 28, 29, 30, 31, -1, -2], 2)
        parts["BYMONTHDAY"] = ",".join(map(str, some))
    if "BYDAY" in parts and frequency != "DAILY" and chance.random() < 0.4:
        parts["BYSETPOS"] = str(chance.choice([1, 2, -1]))
    if frequency == "WEEKLY" and chance.random() < 0.3:
        parts["WKST"] = chance.choice(["SU", "WE"])
    if chance.random() < 0.4:
        parts["INTERVAL"] = str(chance.randint(2, 4))
    if chance.random() < 0.3:
        parts["COUNT"] = str(chance.randint(1, 12))
    return parts, date(2026, 1, 1) + timedelta(days=chance.randint(0, 364))


def ours(text: str, anchor: date, last: date) -> list[str]:
    reading = read_recurrence({"rrule": text})
    cadence = reading.rule if reading else RecurrenceRule(text)
    return [str(day) for day in dates(Rule(anchor, cadence), anchor, last)]


def by_dateutil(text: str, anchor: date, last: date) -> list[str]:
    begin, end = (datetime.combine(day, time.min) for day in (anchor, last))
    try:
        found = rrulestr(text, dtstart=begin).between(begin, end, inc=True)
    except (ValueError, IndexError) as error:
        return [type(error).__name__]
    return [str(at.date()) for at in found]


def by_node(rules: list[dict[str, str]]) -> list[dict[str, list[str] | str]]:
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["npm", "init", "-y"], cwd=folder, check=True, capture_output=True)
        install = ["npm", "install", "--silent", "--no-audit", "--no-fund", *PACKAGES]
        subprocess.run(install, cwd=folder, check=True, capture_output=True)
        answer = subprocess.run(
            ["node", str(DIALOGUE)], cwd=folder, input=json.dumps(rules), text=True,
            stdout=subprocess.PIPE, check=True,
        )  # fmt: skip
    found: list[dict[str, list[str] | str]] = json.loads(answer.stdout)
    return found


def compare(count: int, seed: int) -> tuple[dict[str, Counter[str]], Counter[str], dict[str, str]]:
    """Library → shape of rule → how many rules it dates otherwise than the walk; how many rules of
    each shape there were; and for each library one example."""
    chance = random.Random(seed)
    asked = []
    for _ in range(count):
        parts, anchor = a_rule(chance)
        text = ";".join(f"{name}={value}" for name, value in parts.items())
        asked.append((parts, text, anchor, anchor + timedelta(days=DAYS_AHEAD)))
    answers = by_node(
        [{"text": text, "anchor": str(a), "last": str(last)} for _, text, a, last in asked]
    )
    wrong, shapes = defaultdict[str, Counter[str]](Counter), Counter[str]()
    examples: dict[str, str] = {}
    for (parts, text, anchor, last), answer in zip(asked, answers, strict=True):
        walked = [str(day) for day in expected_rrule_dates(anchor, parts, anchor, last)]
        kinds = [f"{parts['FREQ']} {shape}" for shape in SHAPES if shape in parts] or [
            f"{parts['FREQ']}, none of these"
        ]
        shapes.update(kinds)
        answer |= {"this worker": ours(text, anchor, last)}
        answer |= {"dateutil": by_dateutil(text, anchor, last)}
        for library, found in answer.items():
            wrong[library] += Counter[str]()
            if [day for day in found if day != str(anchor)] != walked:
                wrong[library].update(kinds)
                examples.setdefault(library, f"{text} from {anchor}")
    return wrong, shapes, examples


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rules", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    wish = parser.parse_args()
    wrong, shapes, examples = compare(wish.rules, wish.seed)
    table = Table("rules with", "of", *wrong, title="Rules dated otherwise than by the walk")
    for shape in sorted(shapes):
        table.add_row(shape, str(shapes[shape]), *(str(wrong[one][shape]) for one in wrong))
    console = Console(width=140)
    console.print(table)
    for library, example in examples.items():
        console.print(f"{library}: first differs at {example}")
    if wrong["this worker"]:
        sys.exit(1)


if __name__ == "__main__":
    main()
