"""Support of a pooler in transaction mode (PgBouncer), where clients share the server's sessions.

With DATABASE_POOLER=transaction nothing is left in a session: each transaction sets what it needs
for itself (docs/decisions/0090). Without the setting such a pooler is refused: what the worker set
would hold for the site's own transactions.
"""

import time
from contextlib import closing, suppress
from typing import Any

import psycopg2

from scheduler.settings import InvalidSetting
from tasks.database.answer import ask, wait_for_answer

REFUSAL = (
    "DATABASE_URL leads to a pooler in transaction mode: set DATABASE_POOLER=transaction, or point"
    " DATABASE_URL at PostgreSQL itself."
)
TRIES = 5
ANSWER_SECONDS = 5.0


def refuse_transaction_mode(connection: Any) -> None:
    """Raise InvalidSetting where two transactions of one client may get different sessions.

    A pooler is recognised by its process number, which differs from that of the server behind it.
    One that keeps a session for each client is as good as the server itself.
    """
    number = backend_of(connection)
    if number == connection.info.backend_pid:
        return
    numbers = {number, *(backend_of(connection) for _ in range(TRIES))}
    if len(numbers) > 1 or numbers & backends_of_another(connection):
        raise InvalidSetting(REFUSAL)


def backend_of(connection: Any) -> int:
    """The server process that answered this transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        number = cursor.fetchone()[0]
    connection.rollback()
    return int(number)


def backends_of_another(connection: Any) -> set[int]:
    """Process numbers of the servers that answer another client meanwhile.

    Empty where no answer comes at once, as when each client has a session and none is left.
    """
    deadline, numbers = time.monotonic() + ANSWER_SECONDS, set[int]()
    with suppress(psycopg2.Error, TimeoutError), closing(ask(connection)) as other:
        wait_for_answer(other, deadline)
        with other.cursor() as cursor:
            for _ in range(TRIES):
                cursor.execute("SELECT pg_backend_pid()")
                wait_for_answer(other, deadline)
                numbers.add(int(cursor.fetchone()[0]))
    return numbers
