import pytest
from sqlalchemy import Connection

from tests.command_line import Commands


@pytest.fixture
def commands(conn: Connection, database: str) -> Commands:
    return Commands(conn, database)
