"""Breakages: processes killed and suspended, connections cut, posted batches lost or doubled.

Who is struck is often one that is calling a provider: there most can go wrong.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from tests.simulation.fibers import Process, Turns
from tests.simulation.provider import Record
from tests.simulation.worker_parts import Broker

FAULTS = {"kill": 3, "cut": 3, "freeze": 6, "lose": 2, "double": 2, "broker": 1}


@dataclass
class Breakage:
    """`start`: makes a process of this name in place of a killed one."""

    turns: Turns
    chance: random.Random
    broker: Broker
    processes: Mapping[str, Process]
    record: Record
    start: Callable[[str], object]

    def strike(self) -> str:
        """Break something; returns in words what."""
        process = self.victim()
        kind = self.chance.choices([*FAULTS], [*FAULTS.values()])[0]
        {
            "kill": lambda: self.kill(process),
            "cut": lambda: self.cut(process),
            "freeze": lambda: self.freeze(process),
            "lose": self.broker.messages.clear,
            "double": lambda: self.broker.messages.extend([*self.broker.messages]),
            "broker": self.broker.toggle,
        }[kind]()
        return f"{kind} {process.name}"

    def victim(self) -> Process:
        calling = sorted({
            call.fiber.process.name for call in self.record.calls[-6:]
            if not call.has_ended and not call.fiber.process.is_dead
        })  # fmt: skip
        if calling and self.chance.random() < 0.6:
            return self.processes[self.chance.choice(calling)]
        return self.processes[self.chance.choice([*self.processes])]

    def kill(self, process: Process) -> None:
        """SIGKILL; another takes its place."""
        self.disturb(process)
        self.turns.kill(process)
        for pid in pids(process):
            self.turns.ask("SELECT pg_terminate_backend(%s)", pid)
        self.start(process.name)

    def cut(self, process: Process) -> None:
        """A server process is terminated."""
        if found := pids(process):
            self.disturb(process)
            self.turns.ask("SELECT pg_terminate_backend(%s)", self.chance.choice(found))

    def freeze(self, process: Process) -> None:
        """SIGSTOP, for less than a lease, or for more."""
        self.disturb(process)
        seconds = self.chance.choice((5, 20, 30, 70, 90))
        process.frozen_until = self.turns.now + timedelta(seconds=seconds)

    def disturb(self, process: Process) -> None:
        for call in self.record.calls:
            if call.fiber.process is process and call.confirmed_step is None:
                call.was_disturbed = True


def pids(process: Process) -> list[int]:
    """Its server processes that are in use, in the order in which they were taken."""
    connections: list[Any] = [each.dbapi_connection for each in process.state["used"]]
    return [each.info.backend_pid for each in connections if each is not None and not each.closed]
