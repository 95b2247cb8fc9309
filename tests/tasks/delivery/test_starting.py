"""A worker that cannot deliver does not start."""

import os
import subprocess
import sys

from tests.command_line import REPOSITORY


def test_a_channel_that_cannot_be_used_ends_the_worker_with_one_line(
    database: str, valkey: str
) -> None:
    settings = {"DATABASE_URL": database, "REDIS_URL": valkey, "CHANNEL_SMS": "nonsense"}
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "celery", "-A", "tasks", "worker"],
        capture_output=True, text=True, timeout=60, cwd=REPOSITORY, check=False,
        env={**os.environ, **settings},
    )  # fmt: skip

    assert ended.returncode == 2
    assert ended.stderr.splitlines()[-1].startswith("Error: CHANNEL_SMS: ")
    assert "Traceback" not in ended.stderr
