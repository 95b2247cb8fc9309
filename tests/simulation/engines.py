"""The processes' connections, kept from run to run.

A new server process has to learn the catalog, which takes it longer than what it is asked. What a
connection keeps must not show: connecting and preparing are no points where another goes on.
"""

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, event

from scheduler.settings import Settings
from tasks.database import engine
from tests.simulation.fibers import Stage


@dataclass
class Engines:
    """By the name of their process, with the pool's records of connections that are in use."""

    stage: Stage
    kept: dict[str, Engine] = field(default_factory=dict)
    used: dict[Engine, list[Any]] = field(default_factory=dict)

    def of(self, name: str, settings: Settings) -> Engine:
        if name not in self.kept:
            self.kept[name] = self.make(settings)
        return self.kept[name]

    def make(self, settings: Settings) -> Engine:
        made = engine(settings)
        used = self.used[made] = []
        event.listen(made, "do_connect", self.begin_connecting, insert=True)
        event.listen(made, "connect", self.end_connecting)
        event.listen(made, "checkout", lambda _, record, __: used.append(record))
        event.listen(made, "checkin", lambda _, record: give_back(used, record))
        return made

    def begin_connecting(self, *_: Any) -> None:
        self.stage.turns.is_quiet = True

    def end_connecting(self, *_: Any) -> None:
        self.stage.turns.is_quiet = False

    def forget(self, name: str) -> None:
        """Its process was killed: the next one begins anew."""
        made = self.kept.pop(name)
        self.used.pop(made)

    def forget_all(self) -> None:
        """After a run that was cut short."""
        for name in [*self.kept]:
            made = self.kept[name]
            self.forget(name)
            made.dispose(close=False)

    def tidy(self) -> None:
        """Nothing of the last run is left in a connection."""
        for made in self.kept.values():
            idle = [made.raw_connection() for _ in range(made.pool.checkedin())]  # type: ignore[attr-defined]
            for each in idle:
                each.cursor().execute("DISCARD TEMP")
                each.commit()
                each.close()


def give_back(used: list[Any], record: Any) -> None:
    if record in used:
        used.remove(record)
