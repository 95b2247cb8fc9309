"""Walks through all scopes, right and wrong: `uv run python -m tests.simulation.walks`.

Prints how many states each scope has, and how the walk finds each wrong move.
"""

import sys
import time
from dataclasses import dataclass, field

from sqlalchemy import Connection

from models.catalog import SiteCatalog, read_catalog
from scheduler.settings import load_settings
from tasks.demo.servers import Workspace
from tests import servers
from tests.simulation.ledger_rows import LedgerRows
from tests.simulation.moves_of_one_row import Moves
from tests.simulation.mutants import applied
from tests.simulation.walk import SCOPES, Answers, Walk, Wrong
from tests.simulation.wrong_moves import WRONG_MOVES, WrongMove


@dataclass
class Walks:
    """Walks that share a database and the computed effects of moves."""

    conn: Connection
    rows: LedgerRows = field(init=False)
    catalog: SiteCatalog = field(init=False)
    known: dict[str, Answers] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rows = LedgerRows(self.conn)
        self.catalog = read_catalog(self.conn)
        self.conn.rollback()

    def walk(self, name: str, known: Answers | None = None) -> Walk:
        """A walk through this scope that has not begun."""
        policy, scope = SCOPES[name]
        settings = load_settings(
            _env_file=None, channel_email="mailto://localhost/?to={email}", max_attempts=2,
            channel_email_unknown=policy,
        )  # fmt: skip
        moves = Moves(self.rows, self.catalog, settings)
        return Walk(moves, scope, self.known.setdefault(name, {}) if known is None else known)

    def find(self, wrong: WrongMove) -> str | None:
        """The fault that the walk finds with a wrong move; None if it finds none."""
        known = {
            question: answer
            for question, answer in self.known.get(wrong.scope, {}).items()
            if question.move not in wrong.moves
        }
        with applied(wrong.mutant):
            try:
                self.walk(wrong.scope, known).explore()
            except Wrong as found:
                return str(found)
        return None


def main() -> int:
    """0 where all hold and all wrong moves are found."""
    failures = 0
    with Workspace() as workspace:
        server = servers.postgres_for_tests(workspace)
        servers.create_template(server, "walk_template")
        servers.clone_template(server, "walk", "walk_template")
        with servers.connect(server.url("walk")) as conn:
            walks = Walks(conn)
            for name in SCOPES:
                began = time.monotonic()
                walk = walks.walk(name)
                states = len(walk.explore())
                print(f"{name}: {states} states, {len(walk.known)} moves of rows,"
                      f" {time.monotonic() - began:.0f} s", flush=True)  # fmt: skip
            for wrong in WRONG_MOVES:
                found = walks.find(wrong)
                failures += found is None
                print(f"{wrong.name}: {found or 'NOT FOUND'}", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
