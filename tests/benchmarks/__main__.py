"""All benchmarks by one command, each part in a process of its own, as tables on standard output.

    uv run python -m tests.benchmarks [--only NAME …] [--quick]

Peers run in the same process and in turns with what they are compared with; only the ratios mean
something, as machines vary. docs/performance.md has the last figures, and where the time goes.
"""

import argparse
import os
import platform
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import version

from tasks.demo.servers.binaries import postgres_install, valkey_binary
from tests.command_line import REPOSITORY


@dataclass(frozen=True, slots=True)
class Part:
    """One benchmark. `quick`: arguments for a run of seconds, which shows that it works and says
    little."""

    about: str
    quick: tuple[str, ...] = ()

    def words(self, name: str, *, quick: bool) -> list[str]:
        arguments = self.quick if quick else ()
        return [sys.executable, "-m", f"tests.benchmarks.bench_{name}", *arguments]


PARTS = {
    "starts": Part("start of commands : celery --help", ("--rounds", "1")),
    "rules": Part("reading and dating rules : dateutil"),
    "messages": Part("rendering of messages, by language and channel"),
    "channels": Part(
        "channels : Apprise, smtplib, requests, http.client", ("--mails", "20", "--posts", "50")
    ),
    "expansion": Part(
        "10,000 new rules : COPY, execute_values, ORM, generate_series",
        ("--rules", "200", "--rounds", "1", "--no-memory"),
    ),
    "refusals": Part("rules that the site refuses : good ones", ("--rounds", "1")),
    "burst": Part(
        "processor time of a message : the code of another commit (--beside)",
        ("--alarms", "100", "--rounds", "1"),
    ),
    "reminders": Part(
        "tick, sweep, claims and a burst of alarms : Celery tasks that do nothing",
        ("--sessions", "10000", "--alarms", "200"),
    ),
    "retention": Part(
        "removal of old deliveries, and ticks beside it",
        ("--deliveries", "3000", "--cycles", "1"),
    ),
    "feeds": Part(
        "calendar feeds: the share of one core that 1,000 take",
        ("--sessions", "5000", "--polled", "20"),
    ),
    "scale": Part(
        "ticks, looks and commands on 10,000,000 sessions : on a hundredth of them",
        ("--sessions", "20000", "--rounds", "1"),
    ),
    "web": Part("pages and metrics : a bare query, and ticks beside them", ("--sessions", "10000")),
}


def main() -> None:
    words = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    words.add_argument(
        "--only", action="append", choices=[*PARTS], help="this part; may be repeated"
    )
    words.add_argument("--quick", action="store_true", help="small numbers, to see that all works")
    given = words.parse_args()
    print(machine(), flush=True)
    failed = [name for name in given.only or PARTS if not run(name, quick=given.quick)]
    if failed:
        sys.exit(f"Error: these parts failed or missed a limit of theirs: {', '.join(failed)}.")


def run(name: str, *, quick: bool) -> bool:
    part = PARTS[name]
    print(f"\n## {name}: {part.about}\n", flush=True)
    return (
        subprocess.run(part.words(name, quick=quick), cwd=REPOSITORY, check=False).returncode == 0
    )


def machine() -> str:
    """Versions and cores, without which a figure says nothing."""
    libraries = ", ".join(f"{name} {version(name)}" for name in ("celery", "sqlalchemy", "apprise"))
    return (
        f"Python {platform.python_version()}, {server_version()}, {libraries};"
        f" {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; commit {commit()}"
    )


def server_version() -> str:
    postgres = postgres_install() / "bin" / "postgres"
    return ", ".join(said(str(program), "--version") for program in (postgres, valkey_binary()))


def commit() -> str:
    return said("git", "-C", str(REPOSITORY), "describe", "--always", "--dirty")


def said(*words: str) -> str:
    """The first line of a program's output."""
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.partition("\n")[
        0
    ]


if __name__ == "__main__":
    main()
