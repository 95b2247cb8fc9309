"""The real command line, in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]


def celery(
    *arguments: str, folder: Path = REPOSITORY, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run `celery -A tasks …` with these settings, and wait for its end (60 s at most)."""
    return subprocess.run(
        [sys.executable, "-m", "celery", "-A", "tasks", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=folder,
        env={**os.environ, **environment},
        check=False,
    )
