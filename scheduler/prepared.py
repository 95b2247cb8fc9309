"""Prepared statements for what runs once for each message, so that PostgreSQL plans them only once
on a connection.

psycopg2 prepares nothing by itself, and planning takes longer than running (docs/decisions/0024).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, Row

# Execution options of an engine behind a pooler, where another client may use the server session.
UNPREPARED = {"session_worker_prepared": False}
GENERIC = "SET LOCAL plan_cache_mode = force_generic_plan"
PARAMETER = re.compile(r"(?<![:\\]):([a-z_][a-z_0-9]*)")  # not a cast, nor a name's own colon


@dataclass(frozen=True)
class Prepared:
    """A named statement; `types` are the PostgreSQL types of its parameters, `:name` in `sql`.

    `run` is for statements about one row: for an array PostgreSQL assumes ten rows, finds the
    generic plan expensive, and plans every time. `run_generic` is for those with arrays.
    """

    name: str
    types: Mapping[str, str]
    sql: str

    def run(self, conn: Connection, parameters: Mapping[str, Any]) -> Sequence[Row[Any]]:
        """Run the statement in the connection's transaction; returns its rows."""
        return conn.exec_driver_sql(self._ready(conn, self._execute), parameters).all()

    def run_generic(self, conn: Connection, parameters: Mapping[str, Any]) -> Sequence[Row[Any]]:
        """As `run`, by the plan that was made for any values. The setting holds to the end of the
        transaction, and costs no round trip of its own."""
        return conn.exec_driver_sql(
            self._ready(conn, f"{GENERIC}; {self._execute}"), parameters
        ).all()

    def plan_anew(self, conn: Connection) -> None:
        """Have PostgreSQL make the plan again with the next run on this connection."""
        known = conn.connection.info.setdefault("prepared", set())
        if self.name in known:
            conn.exec_driver_sql(f"DEALLOCATE {self.name}")
            known.discard(self.name)

    def _ready(self, conn: Connection, execute: str) -> str:
        """`execute`, with the statement prepared on this connection; behind a pooler it is the
        statement itself."""
        if not conn.get_execution_options().get("session_worker_prepared", True):
            return self._plain
        known = conn.connection.info.setdefault("prepared", set())
        if self.name not in known:
            conn.exec_driver_sql(self._prepare)
            known.add(self.name)
        return execute

    @cached_property
    def _plain(self) -> str:
        plain = PARAMETER.sub(
            lambda found: f"%({found[1]})s::{self.types[found[1]]}", self.sql.replace("%", "%%")
        )
        return plain.replace("\\:", ":")

    @cached_property
    def _prepare(self) -> str:
        numbers = {name: number for number, name in enumerate(self.types, start=1)}
        sql = PARAMETER.sub(lambda found: f"${numbers[found[1]]}", self.sql).replace("\\:", ":")
        return f"PREPARE {self.name} ({', '.join(self.types.values())}) AS {sql}"

    @cached_property
    def _execute(self) -> str:
        arguments = (f"%({name})s::{type_}" for name, type_ in self.types.items())
        return f"EXECUTE {self.name} ({', '.join(arguments)})"
