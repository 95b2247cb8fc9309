"""Start of the commands that an admin calls, beside `celery -A tasks --help`, in turns.

    uv run python -m tests.benchmarks.bench_starts [--rounds 5]

Each is a process of its own on a small database, with a mail channel and a webhook. Processor time
is measured, as `doctor` waits a second and more for the answers of workers.
"""

import argparse
import sys
from collections.abc import Mapping
from functools import partial

from sqlalchemy import Connection

from tasks.demo.servers import Durability, Workspace, start_postgres, start_valkey
from tests.benchmarks.turns import Contestants, in_turns, processor_seconds_of, show
from tests.builders import a_session
from tests.servers import clone_template, connect, create_template

PEER = "--help"
CHANNELS = {
    "CHANNEL_EMAIL": "mailto://127.0.0.1:25?from=w@tutoring.example&to={email}",
    "CHANNEL_WEBHOOK": "json://127.0.0.1:8080/hook",
}


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--rounds", type=int, default=5)
    given = words.parse_args()
    with Workspace() as workspace:
        server = start_postgres(workspace, Durability.THROW_AWAY)
        create_template(server, "empty")
        clone_template(server, "site", "empty")
        broker = start_valkey(workspace).url()
        with connect(server.url("site")) as conn:
            session = str(session_of_today(conn))
        settings = {"DATABASE_URL": server.url("site"), "REDIS_URL": broker, **CHANNELS}
        commands = {
            PEER: [PEER],
            "doctor": ["doctor"],
            "explain": ["explain", session],
            "deliveries": ["deliveries"],
        }
        show(
            "Start of a command, processor time",
            in_turns(contestants(commands, settings), given.rounds),
            PEER,
        )


def session_of_today(conn: Connection) -> int:
    session = a_session(conn)
    conn.commit()
    return session


def contestants(commands: Mapping[str, list[str]], settings: Mapping[str, str]) -> Contestants:
    return {
        name: partial(
            processor_seconds_of, [sys.executable, "-m", "celery", "-A", "tasks", *words], settings
        )
        for name, words in commands.items()
    }


if __name__ == "__main__":
    main()
