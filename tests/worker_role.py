"""The worker as the role of `setup --role`, in place of a superuser: `uv run poe as-role FILE`.

With `TEST_ROLE=1` the worker's engines and processes connect as the role `ROLE`. What its code
executes on a test's own connection runs under `SET ROLE`; what the tests write there, as the site
or an admin does, does not. `setup` and the migrations stay the owner's.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, event, make_url, text

import models.migrations
import tasks.database
from models.installation import record_installation
from models.rights import missing_rights, statements
from scheduler.settings import Settings
from tasks.admin.setup import ROLE_IS_THERE, grant_role, run
from tasks.database.url import database_url

REPOSITORY = Path(__file__).parents[1]
ROLE = "worker of setup"
PASSWORD = "of the tests"  # a server on TCP asks for one
PREFIX = "session_worker_"  # of every database that a fixture makes
ROOMS = ("tests", "tasks", "scheduler", "models")
OWNERS = (
    "tasks/commands/setup.py", "tasks/admin/setup.py", "tasks/demo/", "models/migrations/",
    "models/site.py", "models/rights.py", "models/whiteboard.py",
)  # fmt: skip


def is_asked_for() -> bool:
    return bool(os.environ.get("TEST_ROLE"))


def grant(engine: Engine) -> None:
    """Make the role in a database that is set up; databases cloned from it have its rights."""
    grant_role(engine, ROLE)
    with engine.begin() as conn:
        conn.execute(text(f"""ALTER ROLE "{ROLE}" PASSWORD '{PASSWORD}'"""))


def record_and_grant(conn: Connection) -> None:
    """The last step of `setup`, and `setup --role` after it, where a test sets up a database."""
    record_installation(conn)
    if conn.scalar(ROLE_IS_THERE, {"name": ROLE}):
        run(conn, statements(missing_rights(conn, ROLE)))


def worker_url(url: str) -> str:
    """The URL by which a worker's process connects to a database of the fixtures."""
    return as_the_role(make_url(url)).render_as_string(hide_password=False) if url else url


def as_the_role(url: URL) -> URL:
    owned = url.username == tests_user() and (url.database or "").startswith(PREFIX)
    return url.set(username=ROLE, password=PASSWORD) if is_asked_for() and owned else url


def tests_user() -> str | None:
    given = os.environ.get("TEST_DATABASE_URL")
    return make_url(given).username if given else "worker"


def begin() -> None:
    """Done once, before the first test."""
    setattr(tasks.database, "database_url", url_of_the_caller)  # noqa: B010
    setattr(models.migrations, "record_installation", record_and_grant)  # noqa: B010
    event.listen(Engine, "before_cursor_execute", take_role)


def url_of_the_caller(settings: Settings) -> URL:
    url = database_url(settings)
    return url if is_owner(callers()) else as_the_role(url)


def take_role(conn: Connection, _cursor: Any, *_: object) -> None:
    """SET ROLE before a statement of the worker's, and RESET it before one of a test's."""
    database: Any = conn.connection.dbapi_connection
    if database.info.transaction_status == IN_ERROR or not database.info.dbname.startswith(PREFIX):
        return
    # PostgreSQL reports it, also when a rollback takes a SET ROLE back.
    is_superuser = database.get_parameter_status("is_superuser") == "on"
    is_taken = conn.info.get(TAKEN, False) and not is_superuser
    is_wanted = is_workers([*callers()])
    if is_wanted and is_superuser:
        switch(conn, f'SET ROLE "{ROLE}"')
    elif is_taken and not is_wanted:
        switch(conn, "RESET ROLE")
    conn.info[TAKEN] = is_wanted and (is_superuser or is_taken)


def switch(conn: Connection, statement: str) -> None:
    with closing(conn.connection.cursor()) as cursor:
        cursor.execute(statement)


TAKEN = "worker role taken"  # in a connection's `info`; a test may have set a role of its own
IN_ERROR = 3  # psycopg2.extensions.TRANSACTION_STATUS_INERROR


def callers() -> Iterator[str]:
    """The files of this repository on the stack, the innermost first."""
    frame = sys._getframe(1)
    while frame is not None:
        file = Path(frame.f_code.co_filename)
        if file.is_relative_to(REPOSITORY) and file != Path(__file__):
            name = file.relative_to(REPOSITORY).as_posix()
            if name.startswith(ROOMS):
                yield name
        frame = frame.f_back  # type: ignore[assignment]


def is_owner(files: Iterator[str]) -> bool:
    return any(file.startswith(OWNERS) for file in files)


def is_workers(files: list[str]) -> bool:
    """Whether the worker's own code executes it, and not a test, nor `setup`."""
    return bool(files) and not files[0].startswith("tests/") and not is_owner(iter(files))
