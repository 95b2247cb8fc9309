"""Upgrades: the code before a migration works on the ledger after it.

    uv run python -m tests.faults.upgrades             every migration, a line each
    uv run python -m tests.faults.upgrades 0016 0017   these

For each migration, the code of the commit before it sets up an empty database and sends a reminder;
the ledger is migrated; then the old code expands, sends and reports again. Exit code 1 if it could
not. Needs the history of this repository.
"""

import json
import os
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import text

from models.migrations import alembic_config
from tasks.demo.servers import Workspace, create_database
from tests.builders import a_session, a_student, a_tutor, an_anchor
from tests.command_line import REPOSITORY
from tests.faults.rounds import in_wall_time, mail_channel
from tests.servers import connect, engine_on, postgres_for_tests
from tests.sinks.smtp import SmtpSink

VERSIONS = "models/migrations/versions"


class NoHistory(Exception):
    """This copy of the repository does not hold the commits that are asked for."""


def git(*words: str) -> bytes:
    done = subprocess.run(["git", *words], cwd=REPOSITORY, capture_output=True, check=False)
    if done.returncode:
        raise NoHistory(done.stderr.decode(errors="replace").strip())
    return done.stdout


def commit_before(revision: str) -> str:
    """The newest commit before the migration that can set up a database. Raises NoHistory."""
    added = git("log", "--diff-filter=A", "--format=%H", "--", f"{VERSIONS}/{revision}_*")
    if not added:
        raise NoHistory(f"no commit here brings migration {revision}")
    for commit in git("rev-list", f"{added.split()[-1].decode()}^").decode().split():
        if has_one_chain(commit):
            return commit
    raise NoHistory(f"no commit before migration {revision} can set up a database")


def has_one_chain(commit: str) -> bool:
    """False between two migrations that were given one number, and the commit that renamed one."""
    files = git("ls-tree", "--name-only", commit, f"{VERSIONS}/").decode().split()
    numbers = [Path(file).name[:4] for file in files if Path(file).name[:1].isdigit()]
    return len(numbers) == len({*numbers})


@contextmanager
def code_of(commit: str) -> Iterator[Path]:
    """A folder with the files of that commit."""
    with tempfile.TemporaryDirectory(prefix="older-") as name:
        with tarfile.open(fileobj=BytesIO(git("archive", commit))) as archive:
            archive.extractall(name, filter="data")
        yield Path(name)


# Several commands of one process: most of the time of each would be its start.
RUN = """
import json, sys
from celery.__main__ import main
for words in json.loads(sys.argv.pop()):
    sys.argv[1:] = ["-A", "tasks", *words]
    try:
        main()
    except SystemExit as end:
        if end.code:
            sys.exit(f"{' '.join(words)} ended with {end.code}")
"""


@dataclass(frozen=True, slots=True)
class OldCode:
    """`celery -A tasks …` of an older commit, beside this one."""

    folder: Path
    environment: dict[str, str]

    def run(self, *commands: str) -> None:
        """One after the other. Raises OldCodeFailed where one did not end with 0."""
        done = subprocess.run(
            [*interpreter(self.folder), "-c", RUN, json.dumps([each.split() for each in commands])],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(self.folder), **self.environment},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        if done.returncode:
            raise OldCodeFailed(" | ".join(done.stderr.strip().splitlines()[-2:]))


def interpreter(folder: Path) -> list[str]:
    """This one where it has all that the older code needs; else that of its own environment."""
    if dependencies(folder) <= dependencies(REPOSITORY):
        return [sys.executable]
    return ["uv", "run", "--quiet", "--project", str(folder), "python"]


def dependencies(folder: Path) -> set[str]:
    return {*tomllib.loads((folder / "pyproject.toml").read_text())["project"]["dependencies"]}


class CannotBegin(Exception):
    """The older commit cannot set up a database at all."""


class OldCodeFailed(Exception):
    """A command of the older code that did not end with 0."""


def migrate_to(database: str, revision: str) -> None:
    config = alembic_config()
    with engine_on(database).begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def rehearse(database: str, sink: SmtpSink, folder: Path, revision: str) -> None:
    """Raises CannotBegin, OldCodeFailed; AssertionError where a mail is missing or came twice."""
    old = OldCode(folder, {"DATABASE_URL": database, "REDIS_URL": "", **mail_channel(sink)})
    try:
        old.run("setup --with-site-tables")
    except OldCodeFailed as error:
        raise CannotBegin(str(error)) from None
    lesson(database)
    old.run("expand", "remind")
    assert len(sink.mails) == 1, f"{len(sink.mails)} mails of the old ledger"
    migrate_to(database, revision)
    lesson(database)
    with connect(database) as site:
        site.execute(text("UPDATE tutor_sessions SET topic = 'Triangles' WHERE is_recurring"))
        site.commit()
    old.run("expand", "remind", "remind", "deliveries", "explain 1")
    assert len(sink.mails) == 2, f"{len(sink.mails)} mails in all"


def lesson(database: str) -> None:
    """An alarm that is due, and a weekly rule."""
    with connect(database) as site:
        people = {"tutor_id": a_tutor(site), "student_id": a_student(site)}
        a_session(site, **people, **in_wall_time(10), alarm_enabled=True, alarm_before_minutes=15)
        an_anchor(site, **people)
        site.commit()


def revisions() -> list[str]:
    """Every migration that has one before it, oldest first."""
    scripts = ScriptDirectory.from_config(alembic_config()).walk_revisions()
    return sorted(script.revision for script in scripts if script.down_revision)


def main(wanted: list[str]) -> int:
    failed = 0
    with Workspace() as workspace, SmtpSink() as sink:
        server = postgres_for_tests(workspace)
        for revision in wanted or revisions():
            sink.reset()
            create_database(server, f"upgrade_{revision}")
            commit = commit_before(revision)
            with code_of(commit) as folder:
                try:
                    rehearse(server.url(f"upgrade_{revision}"), sink, folder, revision)
                    words = "works"
                except CannotBegin as error:
                    words = f"cannot set up a database, so nothing is known: {error}"
                except (OldCodeFailed, AssertionError) as error:
                    words, failed = f"FAILS: {error}", failed + 1
            print(f"{revision}: the code before it ({commit[:7]}) {words}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
