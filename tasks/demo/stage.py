"""Stage of the demo: servers of its own, the site's database, beat and a worker."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

import tasks
from scheduler.settings import Settings
from tasks.admin.setup import install_with_site_tables
from tasks.database import engine
from tasks.demo.mailbox import Mailbox
from tasks.demo.servers import (
    Durability,
    Workspace,
    create_database,
    start_postgres,
    start_valkey,
)
from tasks.demo.servers.processes import Command
from tasks.failures.lines import ExitCode

SITE = "site"
STOP_SECONDS = 5.0
# One process for planning, one for sending; no gossip, as there are no other workers.
WORKER = ("worker", "--concurrency=2", "--without-gossip", "--without-mingle", "--loglevel=INFO")
BEAT = ("beat", "--schedule=beat-schedule", "--pidfile=", "--loglevel=INFO")


class DemoFailed(Exception):
    """The demo did not reach its goal. The message is one line."""

    exit_code = ExitCode.PARTLY


@dataclass(frozen=True, slots=True)
class Stage:
    """`environment` is that of the worker's processes; a user's shell may use it too."""

    workspace: Workspace
    engine: Engine
    settings: Settings
    mailbox: Mailbox
    environment: Mapping[str, str]
    broker_url: str


@contextmanager
def stage() -> Iterator[Stage]:
    """Start servers, an empty site with the worker set up in it, and a mail server; all end with
    the block."""
    with Workspace() as workspace, Mailbox() as mailbox:
        postgres = start_postgres(workspace, Durability.THROW_AWAY)
        broker_url = start_valkey(workspace).url()
        create_database(postgres, SITE)
        environment = {
            "DATABASE_URL": postgres.url(SITE),
            "REDIS_URL": broker_url,
            "CHANNEL_EMAIL": mailbox.channel_url,
        }
        settings = settings_of(environment)
        site = engine(settings)
        install_with_site_tables(site, settings)
        yield Stage(workspace, site, settings, mailbox, environment, broker_url)
        site.dispose()


def settings_of(environment: Mapping[str, str]) -> Settings:
    """Default settings of the demo, regardless of the caller's environment and any .env."""
    given: dict[str, Any] = {name.lower(): value for name, value in environment.items()}
    return Settings.model_construct(**given)


class Processes:
    """`celery -A tasks beat` and a worker, as a user starts them."""

    def __init__(self, on: Stage) -> None:
        self._workspace = on.workspace
        environment = {**clean_environment(), **on.environment}
        self._running = {
            words[0]: start(on.workspace, words, environment) for words in (WORKER, BEAT)
        }

    def check(self) -> None:
        """Raises DemoFailed with the last words of a process that has ended."""
        for name, process in self._running.items():
            if process.poll() is not None:
                lines = self._workspace.log(name).strip().splitlines() or ["no word of why"]
                raise DemoFailed(f"celery {name} has ended: {lines[-1].strip()}")

    def stop(self) -> None:
        """Stop them warm: messages being sent are finished first. After the time limit they are
        killed."""
        for process in self._running.values():
            process.terminate()
        for process in self._running.values():
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)

    def last_error(self) -> str:
        """The last error line of the worker's log, or an empty string."""
        lines = self._workspace.log("worker").splitlines()
        return next((line.strip() for line in reversed(lines) if "Error" in line), "")


def start(
    workspace: Workspace, words: tuple[str, ...], environment: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    celery = [sys.executable, "-m", "celery", "-A", "tasks", *words]
    return workspace.start(Command(words[0], celery, environment))


def clean_environment() -> dict[str, str]:
    """This process's environment without settings, so that no message of the demo is sent
    elsewhere.

    The processes run in the workspace's folder, so that no `.env` is read, and find the package
    by PYTHONPATH.
    """
    known = {name.upper() for name in Settings.model_fields}
    kept = {name: value for name, value in os.environ.items() if name.upper() not in known}
    return kept | {"PYTHONPATH": str(Path(tasks.__file__).parents[1])}
