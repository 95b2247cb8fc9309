"""Watch over connections whose server, or a proxy before it, accepts packets but never answers.

Each packet is acknowledged then, so no time-out of TCP ends the wait (url.py has those), and a
statement may legitimately take minutes. After a wait of ten seconds another connection asks if the
server still works on the statement; without an answer, the waiting connection is cut. After Ctrl-C
another connection has the statement cancelled.
"""

import logging
import os
import select
import socket
import time
from contextlib import closing, suppress
from functools import partial
from threading import Lock, Thread, Timer
from typing import Any
from weakref import WeakSet

import psycopg2
from psycopg2 import extensions

from tasks.failures.interrupt import END_WAITS, await_call

# Running time of a statement after which the server is asked about it, and the interval.
ASK_AFTER_SECONDS = 10.0
ANSWER_SECONDS = 5.0

logger = logging.getLogger(__name__)
WATCH_SECONDS = 1.0


class WatchedCursor(extensions.cursor):
    """A cursor that records on its connection since when it waits."""

    def execute(self, *given: Any, **options: Any) -> None:
        with waiting(self.connection):
            super().execute(*given, **options)

    def executemany(self, *given: Any, **options: Any) -> None:
        with waiting(self.connection):
            super().executemany(*given, **options)


class WatchedConnection(extensions.connection):
    """A connection (psycopg2's `connection_factory`) whose waits are watched."""

    pooled = False  # by a pooler: a statement may rightly wait for a free session
    was_cut = False  # after Ctrl-C
    waits_since: float | None = None
    asked_at: float = 0.0

    def __init__(self, dsn: str, *given: Any, **options: Any) -> None:
        await_call(partial(super().__init__, dsn, *given, **options))
        self.cursor_factory = WatchedCursor
        watch(self)

    def commit(self) -> None:
        with waiting(self):
            super().commit()

    def rollback(self) -> None:
        with waiting(self):
            super().rollback()


class waiting:  # noqa: N801  # read as a word; a class costs a tenth of contextlib's generator
    """The block waits for the server."""

    __slots__ = ("connection",)

    def __init__(self, connection: Any) -> None:
        self.connection = connection

    def __enter__(self) -> None:
        self.connection.waits_since = time.monotonic()

    def __exit__(self, *_: object) -> None:
        self.connection.waits_since = None


class Watch:
    """The connections of this process, and the thread that checks them."""

    def __init__(self) -> None:
        self.process = 0  # a thread does not live on in a process that was forked
        self.lock = Lock()
        self.connections: WeakSet[WatchedConnection] = WeakSet()

    def add(self, connection: WatchedConnection) -> None:
        with self.lock:
            if self.process != os.getpid():
                self.process, self.connections = os.getpid(), WeakSet()
                Thread(target=self.look, daemon=True, name="database answers").start()
            self.connections.add(connection)

    def look(self) -> None:
        while True:
            time.sleep(WATCH_SECONDS)
            with self.lock:
                connections = list(self.connections)
            for connection in connections:
                if waits_long(connection, time.monotonic()):
                    end_unanswered(connection)


WATCH = Watch()


def watch(connection: WatchedConnection) -> None:
    if os.getpid() != WATCH.process:
        WATCH.lock = Lock()  # another thread may have held it at the fork
    WATCH.add(connection)


def waits_long(connection: WatchedConnection, now: float) -> bool:
    since = connection.waits_since
    return since is not None and now - max(since, connection.asked_at) > ASK_AFTER_SECONDS


def end_unanswered(connection: WatchedConnection) -> None:
    """Cut the connection if the server does not confirm that it works for it."""
    connection.asked_at, since = time.monotonic(), connection.waits_since
    if not is_served(connection) and connection.waits_since == since:
        give_up(connection)


# Where the number is not known there, such as behind a proxy that hides it, the answer must do.
AT_WORK = """
    SELECT count(*) = 0 OR bool_or(state <> 'idle')
      FROM pg_stat_activity WHERE pid = %s"""


def is_served(connection: WatchedConnection) -> bool:
    """True where the server answers on another connection and still works for this one."""
    deadline = time.monotonic() + ANSWER_SECONDS
    with suppress(psycopg2.Error, TimeoutError, OSError), closing(ask(connection)) as asking:
        wait_for_answer(asking, deadline)
        if connection.pooled:
            return True
        with asking.cursor() as cursor:
            cursor.execute(AT_WORK, (connection.info.backend_pid,))
            wait_for_answer(asking, deadline)
            return bool(cursor.fetchone()[0])
    return False


def ask(connection: Any) -> Any:
    """Another connection to the very host, begun and not waited for."""
    info = connection.info
    same = {**info.dsn_parameters, "password": info.password, "host": info.host}
    same |= {"port": str(info.port), "target_session_attrs": "any"}
    wanted: dict[str, Any] = {name: value for name, value in same.items() if value}
    return psycopg2.connect(**wanted, async_=1)


def wait_for_answer(connection: Any, deadline: float) -> None:
    """Raises TimeoutError."""
    while (state := connection.poll()) != extensions.POLL_OK:
        left = max(0.0, deadline - time.monotonic())
        to_read = [connection] if state == extensions.POLL_READ else []
        to_write = [connection] if state == extensions.POLL_WRITE else []
        if not any(select.select(to_read, to_write, [], left)):
            raise TimeoutError


def give_up(connection: WatchedConnection) -> None:
    logger.warning(
        "PostgreSQL does not answer: a connection to %s is given up.", connection.info.host
    )
    cut(connection)


def cut(connection: WatchedConnection) -> None:
    """End the connection's wait; for libpq it looks as if the server had closed it."""
    with suppress(OSError, psycopg2.Error):
        line = socket.socket(fileno=os.dup(connection.fileno()))
        with closing(line):
            line.shutdown(socket.SHUT_RDWR)


# An admin who pressed Ctrl-C waits no longer than this for a server that does not react.
CUT_AFTER_SECONDS = 0.7
CANCEL_AGAIN_SECONDS = 0.1


def end_waits() -> None:
    """End what this process waits for; the server undoes what was not committed."""
    with WATCH.lock:
        connections = list(WATCH.connections)
    for connection in connections:
        if (since := connection.waits_since) is not None:
            end_wait(connection, since)


END_WAITS.append(end_waits)


def end_wait(connection: WatchedConnection, since: float) -> None:
    """Have the statement cancelled that runs `since`; cut the connection if that takes long."""
    cutting = Timer(CUT_AFTER_SECONDS, cut_unless_over, (connection, since))
    cutting.daemon = True
    cutting.start()
    if not connection.pooled:  # a pooler shows numbers of its own
        with suppress(psycopg2.Error, TimeoutError, OSError):
            cancel_repeatedly(connection, since)


def cut_unless_over(connection: WatchedConnection, since: float) -> None:
    if connection.waits_since == since:
        connection.was_cut = True
        cut(connection)


# Not another's process, where a proxy shows numbers of its own.
CANCEL = """
    SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity
     WHERE pid = %s AND datname = current_database() AND usename = current_user
       AND application_name = current_setting('application_name')"""


def cancel_repeatedly(connection: WatchedConnection, since: float) -> None:
    """Cancel until it shows, as the statement may have been about to begin; once where the
    connection was cut, as the server would not notice and keep its locks.

    Not by psycopg2's `cancel`: it holds Python's lock for as long as the server does not answer.
    """
    pid, deadline = connection.info.backend_pid, time.monotonic() + ANSWER_SECONDS
    with closing(ask(connection)) as asking:
        wait_for_answer(asking, deadline)
        with asking.cursor() as cursor:
            while connection.waits_since == since or connection.was_cut:
                cursor.execute(CANCEL, (pid,))
                wait_for_answer(asking, deadline)
                if connection.was_cut:
                    return
                time.sleep(CANCEL_AGAIN_SECONDS)
