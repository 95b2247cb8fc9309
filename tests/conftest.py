"""Fixtures: real servers once a test process, a database of its own for each test.

Each pytest-xdist worker is a process and starts its own. The servers end with the run, also when
it is killed (tasks/demo/servers).
"""

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from functools import partial

import pytest
from sqlalchemy import Connection

from models.catalog import SiteCatalog, read_catalog
from tasks.demo.servers import Workspace, create_database, drop_database
from tasks.demo.servers.databases import Server
from tests import servers, worker_role
from tests.clean_databases import CleanDatabases, unused_name
from tests.sinks.http import HttpSink
from tests.sinks.smtp import SmtpSink

# The slowest tests, which mostly wait for their own processes.
LONGEST = ("test_demo", "faults/", "stateful", "told_once", "test_running", "test_task")


def pytest_configure(config: pytest.Config) -> None:
    let_signals_through()
    if worker_role.is_asked_for():
        worker_role.begin()
    if sys.dont_write_bytecode and not hasattr(config, "workerinput"):
        share_bytecode(config)


def let_signals_through() -> None:
    """Signals are ignored in the background (`&`, nohup), and child processes inherit that, even
    those that a test sends a signal. A handler set here is not inherited."""
    for number in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)


def share_bytecode(config: pytest.Config) -> None:
    """With PYTHONDONTWRITEBYTECODE each of a hundred processes would compile Celery anew, for
    seconds. So they share a bytecode folder that is removed after the run."""
    folder = tempfile.mkdtemp(prefix="session-worker-bytecode-")
    config.add_cleanup(partial(shutil.rmtree, folder, ignore_errors=True))
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = folder


def pytest_xdist_auto_num_workers() -> int:
    """Test processes of `-n auto`: one more than processors, as a tenth of the time is spent
    waiting, for a worker's answer or for what must not happen."""
    return int(os.environ.get("PYTEST_XDIST_AUTO_NUM_WORKERS") or (os.cpu_count() or 1) + 1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the longest first: at the end of a run, one test process would work on it alone."""
    items.sort(key=lambda item: not any(part in item.nodeid for part in LONGEST))


@pytest.fixture(scope="session")
def workspace() -> Iterator[Workspace]:
    """A temporary folder whose processes end with the run."""
    with Workspace() as workspace:
        yield workspace


@pytest.fixture(scope="session")
def postgres(workspace: Workspace) -> Server:
    """A PostgreSQL server; `.url(database)` is the URL of one of its databases."""
    return servers.postgres_for_tests(workspace)


@pytest.fixture(scope="session")
def template(postgres: Server) -> Iterator[str]:
    """The name of a database with the site's tables and `session_worker`."""
    name = unused_name("template")
    servers.create_template(postgres, name)
    yield name
    drop_database(postgres, name)


@pytest.fixture(scope="session")
def clean_databases(postgres: Server, template: str) -> Iterator[CleanDatabases]:
    databases = CleanDatabases(postgres, template)
    yield databases
    databases.drop_all()


@pytest.fixture
def database(clean_databases: CleanDatabases, postgres: Server) -> Iterator[str]:
    """The URL of a database with the site's tables and `session_worker`, all empty."""
    name = clean_databases.take()
    yield postgres.url(name)
    clean_databases.give_back(name)


@pytest.fixture(scope="module")
def shared_database(clean_databases: CleanDatabases, postgres: Server) -> Iterator[str]:
    """The URL of a database that a module's tests share, as each takes back what it wrote."""
    name = clean_databases.take()
    yield postgres.url(name)
    clean_databases.give_back(name)


@pytest.fixture
def rolled_back(shared_database: str) -> Iterator[Connection]:
    """A connection whose transaction is rolled back: do not commit on it."""
    with servers.shared_engine_on(shared_database).connect() as connection:
        yield connection
        connection.rollback()


@pytest.fixture
def empty_database(postgres: Server) -> Iterator[str]:
    """The URL of a database without any table."""
    name = unused_name("empty")
    create_database(postgres, name)
    yield postgres.url(name)
    drop_database(postgres, name)


@pytest.fixture
def conn(database: str) -> Iterator[Connection]:
    """A connection to `database`. Commit rows that another connection or process has to see."""
    with servers.shared_engine_on(database).connect() as connection:
        yield connection


@pytest.fixture
def catalog(conn: Connection) -> SiteCatalog:
    return read_catalog(conn)


@pytest.fixture(scope="session")
def valkey_server(workspace: Workspace) -> str:
    return servers.valkey_url_for_tests(workspace)


@pytest.fixture
def valkey(valkey_server: str) -> str:
    """The redis:// URL of an empty database."""
    servers.flush(valkey_server)
    return valkey_server


@pytest.fixture(scope="session")
def smtp_server() -> Iterator[SmtpSink]:
    with SmtpSink() as sink:
        yield sink


@pytest.fixture
def smtp_sink(smtp_server: SmtpSink) -> SmtpSink:
    """A mail server that accepts everything, unless configured otherwise."""
    smtp_server.reset()
    return smtp_server


@pytest.fixture(scope="session")
def http_server() -> Iterator[HttpSink]:
    with HttpSink() as sink:
        yield sink


@pytest.fixture
def http_sink(http_server: HttpSink) -> HttpSink:
    """A web server that answers 200 to everything, unless configured otherwise."""
    http_server.reset()
    return http_server
