import pytest
from sqlalchemy import Connection

from tests.tasks.ledger.commands import Commands


@pytest.fixture
def commands(conn: Connection, database: str) -> Commands:
    return Commands(conn, database)
