"""A burst of alarms through a worker's delivery, beside the code of another commit, in turns.

    uv run python -m tests.benchmarks.bench_burst [--alarms 2000] [--rounds 3] [--beside COMMIT]

One process and no broker, so that the processor time of a message is seen by itself: that of the
worker, and that of its PostgreSQL connections. `bench_reminders` measures the whole worker.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tasks.demo.servers import (
    Durability,
    PostgresServer,
    Workspace,
    create_database,
    drop_database,
    start_postgres,
)
from tests.benchmarks.bench_channels import mail_server, running, web_server
from tests.benchmarks.turns import in_turns, show
from tests.command_line import REPOSITORY
from tests.servers import create_template

SCRIPT = Path(__file__).with_name("one_burst.py")
OURS = "this code"


@dataclass(frozen=True, slots=True)
class Stage:
    server: PostgresServer
    alarms: int
    environment: Mapping[str, str]


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--alarms", type=int, default=2_000)
    words.add_argument("--rounds", type=int, default=3)
    words.add_argument("--beside", help="a commit, whose code runs in turns with this one")
    words.add_argument("--way", action="append", choices=["log", "webhook", "e-mail"])
    given = words.parse_args()
    with (
        Workspace() as workspace, running(web_server) as web, running(mail_server) as mail,
        checkouts(given.beside) as folders,
    ):  # fmt: skip
        server = start_postgres(workspace, Durability.KEPT, {"max_wal_size": "2GB"})
        create_template(server, "empty")
        ways = {
            "log": {"OUTBOX": "log"},
            "webhook": {"CHANNEL_WEBHOOK": f"json://127.0.0.1:{web}/hook"},
            "e-mail": {
                "CHANNEL_EMAIL": f"mailto://127.0.0.1:{mail}?from=w@tutoring.example&to={{email}}"
            },
        }
        for way in given.way or ways:
            compare(Stage(server, given.alarms, ways[way]), folders, way, given.rounds)


def compare(stage: Stage, folders: Mapping[str, Path], way: str, rounds: int) -> None:
    figures: dict[str, list[dict[str, float]]] = {name: [] for name in folders}

    def once(name: str) -> float:
        figures[name].append(burst(stage, folders[name]))
        return figures[name][-1]["seconds"] / stage.alarms

    peer = list(folders)[-1]
    show(f"A message by {way}: wall time", in_turns({n: partial(once, n) for n in folders}, rounds),
         peer)  # fmt: skip
    for name, found in figures.items():
        parts = (
            f"{part} {1000 * min(each[part] for each in found) / stage.alarms:.3f} ms"
            for part in ("worker", "server")
        )
        print(f"  processor time of a message, {name}: {', '.join(parts)}")


def burst(stage: Stage, folder: Path) -> dict[str, float]:
    drop_database(stage.server, "burst")
    create_database(stage.server, "burst", "empty")
    environment = {**os.environ, **stage.environment, "PYTHONPATH": str(folder)}
    words = [sys.executable, str(SCRIPT), stage.server.url("burst"), str(stage.alarms)]
    done = subprocess.run(
        words, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    figures: dict[str, float] = json.loads(done.stdout)
    if figures["sent"] != stage.alarms:
        sys.exit(f"Error: {figures['sent']} of {stage.alarms} alarms were sent.")
    return figures


@contextmanager
def checkouts(commit: str | None) -> Iterator[dict[str, Path]]:
    """The folder of this code and, where a commit is given, of a checkout of it."""
    if commit is None:
        yield {OURS: REPOSITORY}
        return
    with tempfile.TemporaryDirectory() as folder:
        git = ["git", "-C", str(REPOSITORY), "worktree"]
        subprocess.run([*git, "add", "-q", "--detach", folder, commit], check=True)
        try:
            yield {OURS: REPOSITORY, commit: Path(folder)}
        finally:
            subprocess.run([*git, "remove", "--force", folder], check=True)


if __name__ == "__main__":
    main()
