"""Prepared statements for what runs once for each message, so that PostgreSQL plans them only once
on a connection.

psycopg2 prepares nothing by itself, and planning takes longer than running (docs/decisions/0024).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row

# Execution options of an engine behind a pooler, where another client may use the server session.
UNPREPARED = {"session_worker_prepared": False}
PARAMETER = re.compile(r"(?<!:):([a-z_]+)")  # not a cast


@dataclass(frozen=True, slots=True)
class Prepared:
    """A named statement; `types` are the PostgreSQL types of its parameters, `:name` in `sql`.

    Only for statements about one row: for an array PostgreSQL assumes ten rows, finds the generic
    plan expensive, and plans every time.
    """

    name: str
    types: Mapping[str, str]
    sql: str

    def run(self, conn: Connection, parameters: Mapping[str, Any]) -> Sequence[Row[Any]]:
        """Run the statement in the connection's transaction; returns its rows."""
        if not conn.get_execution_options().get("session_worker_prepared", True):
            return conn.exec_driver_sql(self._plain, parameters).all()
        known = conn.connection.info.setdefault("prepared", set())
        if self.name not in known:
            conn.exec_driver_sql(self._prepare)
            known.add(self.name)
        return conn.exec_driver_sql(self._execute, parameters).all()

    @property
    def _plain(self) -> str:
        return PARAMETER.sub(
            lambda found: f"%({found[1]})s::{self.types[found[1]]}", self.sql.replace("%", "%%")
        )

    @property
    def _prepare(self) -> str:
        numbers = {name: number for number, name in enumerate(self.types, start=1)}
        sql = PARAMETER.sub(lambda found: f"${numbers[found[1]]}", self.sql)
        return f"PREPARE {self.name} ({', '.join(self.types.values())}) AS {sql}"

    @property
    def _execute(self) -> str:
        arguments = (f"%({name})s::{type_}" for name, type_ in self.types.items())
        return f"EXECUTE {self.name} ({', '.join(arguments)})"
